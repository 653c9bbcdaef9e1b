"""Labels in a real browser: spans drawn, edited and found, patterns kept, and label definitions."""

import re

import pytest

from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation
from tests.e2e.charts import ChartOnPage
from tests.e2e.consoles import BARS, button, name_oneself, settle, tick, wait

pytestmark = pytest.mark.needs("browser")

EURUSD = ("EURUSD", "1h")


@pytest.fixture
def chart(page) -> ChartOnPage:
    page.goto("/labels")
    return ChartOnPage(page)


def test_a_dragged_span_is_stored_once_on_its_candles_edited_deleted_and_brought_back(
    chart: ChartOnPage, ws: Workspace
) -> None:
    page, before = chart.page, len(_drawn(ws))
    name_oneself(page, "ada")
    _take_label(chart, "bull flag")
    chart.drag(BARS - 99.8, BARS - 80.3)
    button(page, "Delete").wait_for()
    wait(lambda: len(_drawn(ws)) == before + 1, "the span")
    times = ws.candles.read(*EURUSD).time.tolist()
    span = _hers(ws)
    assert (span.label, span.annotator, span.source) == ("bull_flag", "ada", "human")
    assert (span.start_time, span.end_time) == (times[BARS - 100], times[BARS - 80])
    assert chart.data()["selected"] == span.id

    page.get_by_label("Notes").fill("steep pole")
    page.keyboard.press("Control+Enter")
    wait(lambda: _hers(ws).notes == "steep pole", "the note")
    page.get_by_role("radio", name="4 out of 5 stars").click()
    wait(lambda: _hers(ws).clarity == 4, "the clarity")
    settle(page)
    button(page, "Drag new bounds").click()
    page.get_by_text("Drag over the candles …").wait_for()
    chart.drag(BARS - 95, BARS - 85)
    wait(lambda: _hers(ws).start_time == times[BARS - 95], "the new bounds")
    assert _hers(ws).end_time == times[BARS - 85]

    settle(page)
    button(page, "Delete").click()
    wait(lambda: len(_drawn(ws)) == before, "the deletion")
    shown = chart.bars()
    for is_back in (
        lambda span: span.start_time == times[BARS - 95],
        lambda span: span.start_time == times[BARS - 100],
        lambda span: span.clarity is None,
        lambda span: not span.notes,
    ):
        _undo(page)
        wait(lambda is_back=is_back: [*map(is_back, _all_of_hers(ws))] == [True], "the undo")
    _undo(page)
    wait(lambda: len(_drawn(ws)) == before, "the undo of the drawing")
    wait(lambda: button(page, "Undo").is_disabled(), "nothing left to undo", page)
    assert chart.bars() == pytest.approx(shown)


def test_a_key_takes_a_label_and_puts_it_away_again(chart: ChartOnPage, ws: Workspace) -> None:
    page = chart.page
    key = next(one.key for one in ws.store.labels.list() if one.name == "bear_flag")
    page.keyboard.press(key)
    page.get_by_text("Drawing bear flag").wait_for()
    page.locator(".candle-chart.selecting").wait_for()
    settle(page)
    page.keyboard.press(key)
    page.get_by_text("Nothing selected").wait_for()
    page.locator(".candle-chart.selecting").wait_for(state="detached")


def test_spans_are_searched_and_a_row_leads_to_the_chart(chart: ChartOnPage, ws: Workspace) -> None:
    page = chart.page
    words = min(_drawn(ws), key=lambda span: span.start_time).label[:4]
    meant = [span for span in _drawn(ws) if words in span.label]
    assert 1 < len(meant) < len(_drawn(ws))
    page.get_by_text(re.compile(r"^\d+ spans; choose a row")).wait_for()
    _search(page, words)
    page.get_by_text(f"{len(meant)} spans; choose a row").wait_for()
    _search(page, "")
    page.get_by_text(f"{len(_drawn(ws))} spans; choose a row").wait_for()
    tick(page, 0)
    said = chart.wait(lambda now: now["selected"] != "", "the row's span")
    span = next(one for one in _drawn(ws) if one.id == said["selected"])
    middle = sum(chart.bars()) / 2
    times = ws.candles.read(*EURUSD).time.tolist()
    place = (times.index(span.start_time) + times.index(span.end_time)) / 2
    assert middle == pytest.approx(place, abs=1)
    button(page, "Delete").wait_for()


def test_a_pattern_is_previewed_kept_discarded_and_kept_again_by_an_undo(
    chart: ChartOnPage, ws: Workspace
) -> None:
    page = chart.page
    page.get_by_role("radio", name="TA-Lib patterns").click()
    page.get_by_text("Choose patterns").wait_for()
    settle(page)
    before = int(chart.data()["spans"])
    tick(page, "3 Inside")
    button(page, "Keep 1 pattern").wait_for()
    kept = ws.store.talib.layers(*EURUSD)
    chart.wait(lambda now: int(now["spans"]) > before, "the preview")
    assert ws.store.talib.layers(*EURUSD) == kept
    button(page, "Keep 1 pattern").click()
    wait(lambda: len(ws.store.talib.layers(*EURUSD)) == len(kept) + 1, "the layer")
    (function,) = set(ws.store.talib.layers(*EURUSD)) - set(kept)
    assert function == "CDL3INSIDE"
    assert len(ws.store.talib.spans(*EURUSD, [function])) > 0
    settle(page)
    button(page, "Discard 1 pattern").click()
    wait(lambda: function not in ws.store.talib.layers(*EURUSD), "the layer to go")
    _undo(page)
    wait(lambda: function in ws.store.talib.layers(*EURUSD), "the layer to come back")


def test_a_label_is_added_and_gets_another_key_and_name(chart: ChartOnPage, ws: Workspace) -> None:
    page = chart.page
    page.get_by_role("radio", name="Definitions").click()
    button(page, "Add a label").click()
    page.get_by_label("Name", exact=True).fill("rising wedge")
    page.get_by_role("button", name="Add", exact=True).click()
    wait(lambda: "rising_wedge" in _labels(ws), "the label")
    settle(page)
    page.keyboard.press("Escape")
    tick(page, "rising wedge")
    page.get_by_role("combobox", name=re.compile("Key")).click()
    page.get_by_role("option", name="w", exact=True).click()
    wait(lambda: _labels(ws)["rising_wedge"].key == "w", "the key")
    settle(page)
    button(page, "Rename").click()
    page.get_by_label("New name").fill("wedge up")
    page.keyboard.press("Enter")
    settle(page)
    button(page, "Rename it").click()
    wait(lambda: _labels(ws)["rising_wedge"].leads_to == "wedge_up", "the new name")
    assert _labels(ws)["wedge_up"].key == "w"


def _take_label(chart: ChartOnPage, words: str) -> None:
    settle(chart.page)
    button(chart.page, words).click()
    chart.page.locator(".candle-chart.selecting").wait_for()


def _search(page, words: str) -> None:
    page.get_by_placeholder("Search notes").fill(words)
    page.keyboard.press("Enter")


def _undo(page) -> None:
    settle(page)
    page.mouse.click(1100, 30)
    page.keyboard.press("u")
    settle(page)


def _drawn(ws: Workspace) -> list[Annotation]:
    """What people drew."""
    return ws.store.annotations.list(*EURUSD)


def _all_of_hers(ws: Workspace) -> list[Annotation]:
    return [one for one in _drawn(ws) if one.annotator == "ada"]


def _hers(ws: Workspace) -> Annotation:
    (span,) = _all_of_hers(ws)
    return span


def _labels(ws: Workspace) -> dict:
    return {label.name: label for label in ws.store.labels.list()}
