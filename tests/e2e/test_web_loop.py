"""The whole loop on the Next.js chart, in a real browser against a real API and worker."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mllib.pipeline.workspace import Workspace
from tests.e2e.consoles import wait, window
from tests.e2e.web_app import Services, WebChart, saved, services, summary, wait_for_predictions

pytestmark = [pytest.mark.needs("browser", "node"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def running(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with services(environment, tmp_path_factory.mktemp("logs"), worker=True) as started:
        yield started


@pytest.fixture
def page(browser, running: Services) -> Iterator[Any]:
    with window(browser, running.web) as opened:
        yield opened


def test_predict_filter_correct_dismiss_retrain_and_see_the_new_version(page, ws: Workspace, running: Services) -> None:
    page.goto("/")
    chart = WebChart(page)
    page.get_by_label("Annotator").fill("ada")
    page.get_by_role("button", name="Run on visible").click()
    wait_for_predictions(page)
    _filter(page)

    corrected = _correct_by_dragging(page, chart)
    dismissed = _dismiss(page, chart)
    saved(page)
    _is_stored(ws, corrected, dismissed)

    running.kill_api()
    page.get_by_text("Predictions are away.").wait_for()
    confirmed = _confirm_with_a_key(page)
    page.get_by_text("1 to save").wait_for()
    running.start_api()
    page.get_by_role("button", name="Ask now").click()
    page.get_by_text("Predictions are away.").wait_for(state="detached")
    saved(page)
    wait(lambda: _actions(ws).count("confirm") == 1, "the confirmation", page)
    assert _verdict(ws, "confirm").place.start_time == confirmed

    version = _version(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("progressbar", name="Training").wait_for()
    wait(lambda: _version(page) != version, "the new version in the panel", page, timeout_s=180)
    wait(lambda: _version_of_what_is_drawn(page) == _version(page), "the new version's predictions", page)


def _filter(page: Any) -> None:
    """Threshold, a label's checkbox and 'only disagreements' change what is counted and drawn at once."""
    at_first = wait_for_predictions(page)
    page.get_by_label("Confidence from").fill("0.05")
    wait(lambda: sum(summary(page).values()) > sum(at_first.values()), "more at a lower threshold", page)
    everything = summary(page)
    labels = page.get_by_role("region", name="Show").get_by_role("row")
    labels.filter(has_text=re.compile("engulfing", re.I)).first.get_by_role("checkbox").uncheck()
    wait(lambda: sum(summary(page).values()) < sum(everything.values()), "fewer without a label", page)
    page.get_by_role("button", name="All labels").click()
    wait(lambda: summary(page) == everything, "all labels again", page)
