"""Disagreements in a real browser: table and chart follow each other, and verdicts reach the store."""

import re

import pytest

from app.words import candle_time
from mllib.pipeline.comparisons import sweep_all
from mllib.pipeline.disagreements import (
    Disagreement,
    Wanted,
    kinds_wanted,
    newest_first,
    swept_disagreements,
)
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import find_run
from mllib.pipeline.resolving import KEPT
from mllib.pipeline.workspace import Workspace
from mllib.spans import PEOPLE, ReviewedRange
from tests.e2e.charts import ChartOnPage
from tests.e2e.consoles import button, name_oneself, settle, tick, wait

pytestmark = pytest.mark.needs("browser")

LABEL = "bullish_engulfing"


@pytest.fixture(scope="module", autouse=True)
def _looked_for(ws: Workspace) -> None:
    """People looked for engulfing candles everywhere and drew none: each prediction is a difference."""
    time = ws.candles.read("EURUSD", "1h").time
    labels = frozenset({"bullish_engulfing", "bearish_engulfing"})
    looked = ReviewedRange(int(time[0]), int(time[-1]), labels)
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[looked])


def told(ws: Workspace) -> list[Disagreement]:
    """The differences of one label that nobody has judged, as the table has them."""
    (model,) = sweep_all(ws, StoredCandles(ws), [find_run(ws, None)], pair="EURUSD", timeframe="1h")
    found = swept_disagreements(ws, model.candles, ("human", "model"), model)
    return newest_first(found, Wanted(kinds=kinds_wanted([]), labels=[LABEL], judged=False))


def test_rows_are_filtered_selected_and_judged_alone_and_all_at_once(page, ws: Workspace) -> None:
    page.goto("/disagreements")
    page.get_by_text("Mean IoU").wait_for()
    name_oneself(page, "ada")
    settle(page)
    _choose_label(page)
    rows = told(ws)
    assert len(rows) > 5
    _wait_for_rows(page, len(rows))

    chart = ChartOnPage(page)
    tick(page, 3, x=100)
    _wait_for_place(chart, ws, rows[3])
    page.get_by_text("Missed by people · bullish engulfing").wait_for()
    page.keyboard.press("j")
    _wait_for_place(chart, ws, rows[4])
    page.keyboard.press("k")
    _wait_for_place(chart, ws, rows[3])

    page.keyboard.press("y")
    wait(lambda: len(_verdicts(ws)) == 1, "the confirmation")
    (verdict,) = _verdicts(ws)
    assert (verdict.action, verdict.annotator, verdict.origin) == ("confirm", "ada", "disagreement")
    assert verdict.place.start_time == rows[3].span.start_time
    assert verdict.model_version == "1"
    _wait_for_rows(page, len(rows) - 1)
    _wait_for_place(chart, ws, rows[4])

    left = told(ws)
    button(page, f"Dismiss all {len(left)}").click()
    page.get_by_text(f"Dismiss {len(left)} predictions of bullish engulfing?").wait_for()
    assert len(_verdicts(ws)) == 1
    button(page, f"Dismiss {len(left)}").click()
    wait(lambda: len(_verdicts(ws)) == len(rows), "all the verdicts", page)
    page.get_by_text("No difference passes the filters").wait_for()
    assert told(ws) == []
    assert {one.action for one in _verdicts(ws)} == {"confirm", "dismiss"}

    settle(page)
    page.keyboard.press("u")
    wait(lambda: len(_verdicts(ws)) == 1, "the undo of the batch", page)
    _wait_for_rows(page, len(rows) - 1)
    settle(page)
    page.keyboard.press("u")
    wait(lambda: not _verdicts(ws), "the undo of the first verdict", page)
    assert told(ws) == rows


def test_a_span_that_is_clicked_on_the_chart_selects_its_row_and_a_reload_comes_back_to_it(
    page, ws: Workspace
) -> None:
    page.goto("/disagreements")
    page.get_by_text("Mean IoU").wait_for()
    _choose_label(page)
    rows = told(ws)
    _wait_for_rows(page, len(rows))
    chart = ChartOnPage(page)
    tick(page, 0, x=100)
    _wait_for_place(chart, ws, rows[0])
    other = next(one for one in rows[1:] if _bar(ws, one) > chart.bars()[0] + 5)
    page.mouse.click(*_point_at(chart, _bar(ws, other), candle_time(other.span.start_time, "1h")))
    _wait_for_place(chart, ws, other)
    page.reload()
    page.get_by_text("Mean IoU").wait_for()
    _wait_for_place(ChartOnPage(page), ws, other)


def test_two_versions_are_compared_and_the_kinds_say_what_changed(page) -> None:
    page.goto("/disagreements?series=EURUSD 1h&compare=versions")
    page.get_by_text("Mean IoU").wait_for()
    for kind in ("Added", "Dropped", "Kept"):
        page.get_by_role("button", name=re.compile(rf"^{kind} \d")).wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0


def test_what_only_people_say_is_kept_or_removed_and_an_undo_brings_it_back(page, ws: Workspace) -> None:
    page.goto("/disagreements")
    page.get_by_text("Mean IoU").wait_for()
    for kind in ("Missed by people", "Other label"):
        if (pill := page.get_by_role("button", name=re.compile(rf"^{kind} \d"))).count():
            pill.click()
            settle(page)
    page.get_by_text("People alone say this.").wait_for()
    page.get_by_role("button", name="Confirm", exact=False).wait_for(state="hidden")
    drawn = _spans_of_people(ws)
    page.keyboard.press("y")
    wait(lambda: [one.note for one in _verdicts(ws, with_skips=True)] == [KEPT], "what was kept", page)
    assert _spans_of_people(ws) == drawn
    settle(page)
    page.keyboard.press("x")
    wait(lambda: len(_spans_of_people(ws)) == len(drawn) - 1, "the removal", page)
    settle(page)
    page.keyboard.press("u")
    wait(lambda: _spans_of_people(ws) == drawn, "the undo of the removal", page)
    settle(page)
    page.keyboard.press("u")
    wait(lambda: not _verdicts(ws, with_skips=True), "the undo of what was kept", page)


def test_what_is_chosen_stays_while_another_page_is_open(page, ws: Workspace) -> None:
    page.goto("/disagreements")
    page.get_by_text("Mean IoU").wait_for()
    name_oneself(page, "ida")
    settle(page)
    _choose_label(page)
    for name in ("Labels", "Train", "Disagreements"):
        page.get_by_role("link", name=name).click()
        settle(page)
    page.get_by_text("Mean IoU").wait_for()
    _wait_for_rows(page, len(told(ws)))
    assert page.get_by_placeholder("Your name").input_value() == "ida"


def test_the_name_is_the_same_on_every_page_and_after_a_reload(page) -> None:
    page.goto("/disagreements")
    name = page.get_by_placeholder("Your name")
    name.fill("grace h")
    name.press("Enter")
    settle(page)
    page.goto("/labels")
    page.get_by_placeholder("Your name").wait_for()
    assert name.input_value() == "grace h"
    page.goto("/review")
    page.locator(".who .name", has_text="grace h").wait_for()
    page.get_by_role("button", name="change").click()
    page.get_by_label("Your name").fill("ada č;=")
    page.keyboard.press("Enter")
    page.locator(".who .name", has_text="ada č;=").wait_for()
    page.goto("/disagreements")
    name.wait_for()
    assert name.input_value() == "ada č;="


def _choose_label(page) -> None:
    field = page.get_by_role("combobox", name=re.compile("Labels"))
    field.click()
    field.fill("bullish eng")
    page.get_by_role("option", name="bullish engulfing").click()
    page.keyboard.press("Escape")
    _leave_field(page)


def _leave_field(page) -> None:
    """Keys are shortcuts only while no field has the focus."""
    page.mouse.click(1240, 30)
    settle(page)


def _wait_for_rows(page, count: int) -> None:
    words = f"{count:,} row{'' if count == 1 else 's'}"
    page.get_by_text(words, exact=True).wait_for()
    settle(page)


def _wait_for_place(chart: ChartOnPage, ws: Workspace, one: Disagreement) -> None:
    """Waits until the difference is selected on the chart and lies in its middle, and its times beside it."""
    key = f"{one.span.label}|{one.span.start_time}|{one.span.end_time}"
    chart.wait(lambda said: said["selected"] == key, f"{key} selected")
    bar, newest = _bar(ws, one), len(ws.candles.read("EURUSD", "1h"))

    def is_in_the_middle() -> bool:
        first, last = chart.bars()
        return abs((first + last) / 2 - bar) < 0.1 * (last - first) or (last > newest - 1 and bar > first)

    wait(is_in_the_middle, f"bar {bar} in the middle of the chart", chart.page)
    at = "new URL(location).searchParams.get('at')"
    wait(lambda: chart.page.evaluate(at) == key, f"{key} in the address", chart.page)
    settle(chart.page)


def _bar(ws: Workspace, one: Disagreement) -> int:
    return int(ws.candles.read("EURUSD", "1h").time.searchsorted(one.span.start_time))


def _point_at(chart: ChartOnPage, bar: int, start: str) -> tuple[float, float]:
    """Where the chart tells of a span of the label that starts then, over that bar."""
    tip = chart.page.locator(".candle-chart .tip")
    for height in range(8, 92, 4):
        place = chart.point(bar, height=height / 100)
        chart.page.mouse.move(*place)
        chart.drawn()
        told = tip.inner_text() if tip.is_visible() else ""
        if "bullish engulfing" in told and f"{start} –" in told:
            return place
    raise AssertionError(f"no span from {start} over bar {bar}")


def _verdicts(ws: Workspace, *, with_skips: bool = False) -> list:
    return ws.store.verdicts.list("EURUSD", "1h", with_skips=with_skips)


def _spans_of_people(ws: Workspace) -> list[tuple[str, int, int]]:
    said = ws.store.annotations.list("EURUSD", "1h", sources=PEOPLE)
    return sorted((one.label, one.start_time, one.end_time) for one in said)
