"""The whole loop on the Next.js chart, in a real browser against a real API and worker."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from mllib.pipeline.workspace import Workspace
from mllib.spans import PEOPLE
from tests.e2e.consoles import wait, window
from tests.e2e.web_app import Services, WebChart, saved, selected, services, summary, wait_for_predictions

pytestmark = [pytest.mark.needs("browser", "node"), pytest.mark.timeout(400)]
EURUSD = ("EURUSD", "1h")


@pytest.fixture(scope="module")
def running(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with services(environment, tmp_path_factory.mktemp("logs"), worker=True) as started:
        yield started


@pytest.fixture
def page(browser, running: Services) -> Iterator[Any]:
    with window(browser, running.web) as opened:
        yield opened


def test_predict_filter_correct_dismiss_retrain_and_see_the_new_version(
    page, ws: Workspace, running: Services
) -> None:
    page.goto("/")
    chart = WebChart(page)
    page.get_by_label("Annotator").fill("ada")
    page.get_by_role("button", name="Run on visible").click()
    _filter(page)
    corrected = _correct_by_dragging(page, chart, ws)
    _dismiss_with_alt(page, chart, ws)
    saved(page)
    assert [verdict.action for verdict in _verdicts(ws)] == ["correct", "dismiss"]
    assert corrected in _spans_of_people(ws)

    running.kill_api()
    page.keyboard.press("j")
    confirmed = selected(page)
    page.keyboard.press("y")
    page.get_by_text("1 to save").wait_for()
    page.get_by_text("Predictions are away.").wait_for()
    running.start_api()
    page.get_by_role("button", name="Ask now").click()
    page.get_by_text("Predictions are away.").wait_for(state="detached")
    saved(page)
    assert [verdict.action for verdict in _verdicts(ws)] == ["correct", "dismiss", "confirm"]
    assert confirmed in _spans_of_people(ws)

    before = _version(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("progressbar", name="Training").wait_for()
    wait(lambda: _version(page) != before, "the new version in the panel", page, timeout_s=200)
    assert wait_for_predictions(page)
    page.keyboard.press("Escape")

    def next_is_of_the_new_version() -> bool:
        page.keyboard.press("j")
        return f"by {_version(page)}" in page.locator("[data-start]").inner_text()

    wait(next_is_of_the_new_version, "the new version's predictions", page)


def _filter(page: Any) -> None:
    """Threshold, a label's checkbox and 'only disagreements' change what is counted at once."""
    assert page.get_by_label("Confidence from").input_value() == "0.7"
    page.get_by_label("Confidence from").fill("0.05")
    everything = wait_for_predictions(page)
    page.get_by_label("Confidence from").fill("0.5")
    wait(lambda: _count(page) < sum(everything.values()), "fewer at a higher threshold", page)
    page.get_by_label("Confidence from").fill("0.05")
    wait(lambda: summary(page) == everything, "all of them again", page)
    labels = page.get_by_role("region", name="Show").get_by_role("row")
    engulfing = labels.filter(has_text=re.compile("engulfing", re.IGNORECASE)).get_by_role("checkbox")
    for box in engulfing.all():
        box.uncheck()
    wait(lambda: _count(page) < sum(everything.values()), "fewer without a label", page)
    page.get_by_role("button", name="All labels").click()
    wait(lambda: summary(page) == everything, "all labels again", page)


def _count(page: Any) -> int:
    return sum(summary(page).values())


def _correct_by_dragging(page: Any, chart: WebChart, ws: Workspace) -> tuple[str, int, int]:
    """Drags the end of the first prediction two candles on; what it is now."""
    page.keyboard.press("j")
    label, start, end = selected(page)
    time = ws.candles.read(*EURUSD).time
    last = int(time.searchsorted(end))
    chart.drag(chart.bound(last), last + 2)
    wait(lambda: selected(page) == (label, start, int(time[last + 2])), "the corrected bounds", page)
    return label, start, int(time[last + 2])


def _dismiss_with_alt(page: Any, chart: WebChart, ws: Workspace) -> None:
    """Alt click on the next prediction; it is gone from the chart at once."""
    page.keyboard.press("j")
    label, start, _ = selected(page)
    time = ws.candles.read(*EURUSD).time
    place = chart.find(int(time.searchsorted(start)), words=label)
    page.keyboard.down("Alt")
    page.mouse.click(*place)
    page.keyboard.up("Alt")
    page.locator("[data-start]").wait_for(state="detached")


def _version(page: Any) -> str:
    return str(page.get_by_role("region", name="Model").locator("h3 > span").last.inner_text())


def _verdicts(ws: Workspace) -> list[Any]:
    return sorted(ws.store.verdicts.list(*EURUSD), key=lambda verdict: verdict.created_at)


def _spans_of_people(ws: Workspace) -> list[tuple[str, int, int]]:
    said = ws.store.annotations.list(*EURUSD, sources=PEOPLE)
    return [(one.label, one.start_time, one.end_time) for one in said]
