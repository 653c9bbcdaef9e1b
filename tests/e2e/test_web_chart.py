"""Annotating, filtering and working without the service on the Next.js chart, in a real browser."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from mllib.pipeline.workspace import Workspace
from mllib.spans import PEOPLE
from tests.e2e.consoles import wait, window
from tests.e2e.web_app import Services, WebChart, saved, selected, services, summary, wait_for_predictions

pytestmark = [pytest.mark.needs("browser", "node"), pytest.mark.timeout(400)]
EURUSD = ("EURUSD", "1h")


@pytest.fixture(scope="module")
def token(ws: Workspace) -> str:
    """From now on the API asks for a key, and the web server has one."""
    return ws.store.api_keys.create("web", ["read", "annotate", "train"])[1]


@pytest.fixture(scope="module")
def running(
    token: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Services]:
    logs = tmp_path_factory.mktemp("logs")
    with services(environment | {"INFERENCE_API_KEY": token}, logs) as started:
        yield started


@pytest.fixture
def page(browser, running: Services) -> Iterator[Any]:
    with window(browser, running.web) as opened:
        opened.add_init_script("localStorage.setItem('candleloop.annotator', 'ada')")
        yield opened


def test_two_clicks_mark_a_span_that_is_edited_dragged_deleted_and_brought_back(page, ws: Workspace) -> None:
    page.goto("/")
    chart = WebChart(page)
    time = ws.candles.read(*EURUSD).time
    before = _spans(ws)
    first = int(chart.range()[1]) - 30
    _mark(page, chart, "Bull flag", first + 12, first)  # the later click is the start
    drawn = ("bull_flag", int(time[first]), int(time[first + 12]))
    wait(lambda: drawn in _spans(ws), "the span that was drawn", page)
    assert len(_spans(ws)) == len(before) + 1

    page.mouse.click(*chart.find(first + 6, words="bull flag"))
    assert selected(page) == drawn
    chart.drag(chart.bound(first + 12), first + 15)
    moved = ("bull_flag", drawn[1], int(time[first + 15]))
    wait(lambda: moved in _spans(ws), "the bound that was dragged", page)
    page.get_by_label("Label", exact=True).select_option("bear_flag")
    page.get_by_label("Clarity").select_option("4")
    page.get_by_label("Notes").fill("a clear one")
    page.keyboard.press("Tab")
    edited = ("bear_flag", *moved[1:])
    wait(lambda: edited in _spans(ws), "the other label", page)
    wait(lambda: _annotation(ws, edited).notes == "a clear one", "the other edits", page)
    assert (_annotation(ws, edited).clarity, _annotation(ws, edited).annotator) == (4, "ada")

    page.get_by_label("Series").focus()
    page.keyboard.press("Escape")
    page.mouse.click(*chart.find(first + 6, words="bear flag"))
    page.locator("body").press("Delete")
    wait(lambda: edited not in _spans(ws), "the deletion", page)
    page.locator("body").press("z")
    wait(lambda: edited in _spans(ws), "the deletion to be undone", page)
    saved(page)


def test_a_new_label_is_typed_drawn_and_joins_the_palette(page, ws: Workspace) -> None:
    page.goto("/")
    chart = WebChart(page)
    time = ws.candles.read(*EURUSD).time
    first = int(chart.range()[1]) - 60
    palette = page.get_by_role("group", name="Label of the next span")
    page.get_by_label("New label").fill(" Rising <b>wedge</b> ")
    page.keyboard.press("Enter")
    chosen = palette.get_by_role("button", name="Rising <b>wedge</b>", exact=True)
    wait(lambda: chosen.get_attribute("aria-pressed") == "true", "the new label to be chosen", page)
    for candle in (first, first + 4):
        chart.click(candle, height=0.9)
    drawn = ("rising_<b>wedge</b>", int(time[first]), int(time[first + 4]))
    wait(lambda: drawn in _spans(ws), "the span of the new label", page)
    palette.get_by_role("button").filter(has_text="Rising <b>wedge</b>").locator("kbd").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    wait(lambda: drawn not in _spans(ws), "the span to be taken back", page)


def test_keys_choose_labels_and_escape_gives_up(page, ws: Workspace) -> None:
    page.goto("/")
    chart = WebChart(page)
    before = _spans(ws)
    palette = page.get_by_role("group", name="Label of the next span")
    chosen = palette.get_by_role("button").first
    page.keyboard.press(chosen.locator("kbd").inner_text())
    assert chosen.get_attribute("aria-pressed") == "true"
    last = int(chart.range()[1]) - 4
    chart.click(last - 6)
    chart.page.mouse.move(*chart.point(last - 4))
    page.get_by_text("3 candles", exact=True).wait_for()
    page.keyboard.press("Escape")
    chart.page.mouse.move(*chart.point(last - 3))
    page.get_by_text("Click its first candle").wait_for()
    page.keyboard.press("Escape")
    assert chosen.get_attribute("aria-pressed") == "false"
    assert _spans(ws) == before


def test_exports_have_the_forms_of_the_tool(page, ws: Workspace, running: Services) -> None:
    page.goto("/")
    page.get_by_text("Export", exact=True).click()
    links = {
        link.locator("strong").inner_text(): link.get_attribute("href")
        for link in page.locator("details a").all()
    }
    assert list(links) == ["JSON", "CSV of spans", "CSV of candles", "CSV of windows"]
    texts = {name: page.request.get(running.web + address).text() for name, address in links.items()}
    exported = json.loads(texts["JSON"])["annotations"]
    assert {(one["label"], one["start_time"], one["end_time"]) for one in exported} == set(_spans(ws))
    by_candle = list(csv.DictReader(io.StringIO(texts["CSV of candles"])))
    assert len(by_candle) == len(ws.candles.read(*EURUSD))
    assert {row["label"][:2] for row in by_candle} == {"O", "B-", "I-"}


def test_predictions_follow_what_is_visible_and_come_from_the_cache_when_it_comes_back(page) -> None:
    page.goto("/")
    chart = WebChart(page)
    page.get_by_label("Confidence from").fill("0.05")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.get_by_label("Predict what I scroll to").check()
    wait(lambda: "/api/predict" in asked, "the first question", page)
    wait_for_predictions(page)
    first, last = chart.range()
    _pan(page, 600)
    wait(lambda: chart.range()[1] < last - 20, "the chart to move", page)
    wait(lambda: asked.count("/api/predict") == 2, "the second question", page)
    _pan(page, -600)
    wait(lambda: abs(chart.range()[0] - first) < 2, "the chart to be back", page)
    page.wait_for_timeout(1_000)
    assert asked.count("/api/predict") == 2


def test_all_is_predicted_with_progress_and_talib_is_drawn_beside(page) -> None:
    page.goto("/")
    WebChart(page)
    page.get_by_label("Confidence from").fill("0.05")
    page.get_by_role("button", name="Predict all").click()
    everything = wait_for_predictions(page)
    page.get_by_role("button", name="Run on visible").click()
    wait(lambda: summary(page) == everything, "what is visible to change nothing", page)
    page.get_by_text("Choose patterns").click()
    page.get_by_label("Find a pattern").fill("engulf")
    with page.expect_response(lambda answer: answer.url.endswith("/api/patterns/detect")) as detected:
        page.get_by_label("Engulfing", exact=True).check()
    body = detected.value.json()
    assert body["metadata"]["count"] == len(body["annotations"]) > 0
    page.get_by_text("1 shown").wait_for()


def test_another_model_is_served_from_the_panel(page, ws: Workspace) -> None:
    page.goto("/")
    serve = page.get_by_label("Model that serves")
    serve.wait_for()
    before = serve.input_value()
    other = next(
        value
        for option in serve.locator("option").all()
        if (value := str(option.get_attribute("value"))) != before
    )
    serve.select_option(other)
    wait(lambda: ws.store.champions.current("candleloop").run_id == other, "the champion to move", page)
    page.get_by_role("region", name="Model").get_by_text("v2", exact=True).wait_for()


def test_without_the_service_annotating_goes_on_and_all_of_it_arrives_once(
    page, ws: Workspace, running: Services
) -> None:
    page.goto("/")
    chart = WebChart(page)
    before, time = _spans(ws), ws.candles.read(*EURUSD).time
    last = int(chart.range()[1]) - 6
    page.get_by_role("button", name="Bull flag").wait_for()
    with running.without_api():
        _mark(page, chart, "Bull flag", last - 40, last - 36)
        page.get_by_text("Predictions are away.").wait_for()
        _mark(page, chart, "Bull flag", last - 20, last - 16)
        page.get_by_text("2 to save").wait_for()
        assert _spans(ws) == before

        page.reload()  # candles are gone with the service; what was said is not
        page.get_by_text("The service is away").wait_for()
        page.get_by_text("2 changes of yours are kept in this browser").wait_for()
    WebChart(page)
    saved(page)
    expected = {("bull_flag", int(time[last - n]), int(time[last - n + 4])) for n in (40, 20)}
    wait(lambda: set(_spans(ws)) - set(before) == expected, "both spans", page)
    assert len(_spans(ws)) == len(before) + 2


def test_nothing_comes_from_elsewhere_and_the_key_stays_on_the_server(
    page, token: str, running: Services
) -> None:
    hosts: set[str] = set()
    bodies: list[str] = []

    def note(answer: Any) -> None:
        hosts.add(urlsplit(answer.url).netloc)
        if answer.ok and answer.request.resource_type in ("script", "fetch", "document"):
            bodies.append(answer.text())

    page.on("response", note)
    page.goto("/")
    page.get_by_role("button", name="Run on visible").click()
    _wait_until_answered(page)
    assert hosts == {urlsplit(running.web).netloc}
    assert len(bodies) > 5
    assert not any(token in body for body in bodies)
    assert httpx.get(f"{running.api}/model/info").status_code == 401
    assert httpx.get(f"{running.web}/api/model/info").status_code == 200


def _wait_until_answered(page: Any) -> None:
    """Waits until the button that asked has been answered."""
    answered = "() => performance.getEntriesByType('resource').some(e => e.name.endsWith('/api/predict'))"
    wait(lambda: page.evaluate(answered), "the answer", page)


def _mark(page: Any, chart: WebChart, label: str, *candles: int) -> None:
    """Chooses a label and clicks two candles."""
    page.get_by_role("group", name="Label of the next span").get_by_role("button", name=label).click()
    for candle in candles:
        chart.click(candle, height=0.9)
    page.keyboard.press("Escape")


def _pan(page: Any, by: int) -> None:
    page.mouse.move(500 - by // 2, 300)
    page.mouse.down()
    page.mouse.move(500 + by // 2, 300, steps=6)
    page.mouse.up()


def _spans(ws: Workspace) -> list[tuple[str, int, int]]:
    said = ws.store.annotations.list(*EURUSD, sources=PEOPLE)
    return [(one.label, one.start_time, one.end_time) for one in said]


def _annotation(ws: Workspace, span: tuple[str, int, int]) -> Any:
    said = ws.store.annotations.list(*EURUSD, sources=PEOPLE)
    return next(one for one in said if (one.label, one.start_time, one.end_time) == span)
