"""Review in a real browser: a queue by keyboard alone, corrections, undo, two tabs, a server that dies."""

import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mllib.pipeline.workspace import Workspace
from mllib.spans import ReviewedRange
from tests.e2e.charts import ChartOnPage
from tests.e2e.consoles import console, name_oneself, wait, window
from tests.processes import free_port

pytestmark = pytest.mark.needs("browser")


def test_ten_places_are_judged_by_keyboard_alone_and_the_last_is_undone(
    page, browser, address: str, ws: Workspace
) -> None:
    start(page, "ada")
    seen = [place(page)]
    for key in "yxysyyxyxy":
        press(page, key)
        wait(lambda: place(page) != seen[-1], "the next place", page)
        seen.append(place(page))
    assert len(set(seen)) == 11
    saved(page)
    said = judged_by(ws, "ada")
    assert [v.action for v in said] == spelled("yxysyyxyxy")
    assert {v.prediction.model_version for v in said} == {"1"}

    press(page, "u")
    wait(lambda: place(page) == seen[9], "the last judged place", page)
    saved(page)
    assert [v.action for v in judged_by(ws, "ada")] == spelled("yxysyyxyx")
    press(page, "x")
    wait(lambda: place(page) == seen[10], "the place after it", page)
    saved(page)
    assert [v.action for v in judged_by(ws, "ada")] == spelled("yxysyyxyxx")
    assert "9 labelled today" in progress(page)
    with window(browser, address) as elsewhere:
        start(elsewhere, "ada")
        wait(lambda: "9 labelled today" in progress(elsewhere), "the count elsewhere", elsewhere)


def test_a_correction_by_keys_and_one_by_dragging(page, ws: Workspace) -> None:
    start(page, "bob")
    here = place(page)
    label = page.locator(".panel h3.label span").inner_text()
    press(page, "e")
    page.get_by_role("heading", name="Correct").wait_for()
    for key in ("ArrowRight", "Shift+ArrowRight", "Tab", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    page.locator(".choices button", has_text="head and shoulders").first.click()
    page.keyboard.press("Enter")
    saved(page)
    (first,) = judged_by(ws, "bob")
    assert first.action == "correct"
    assert first.prediction.label.replace("_", " ") == label
    assert first.label.endswith("head_and_shoulders")
    hours = [(first.prediction.start_time - first.start_time), (first.end_time - first.prediction.end_time)]
    assert [bars_between(ws, first, name) for name in ("start", "end")] == [2, 6], hours

    wait(lambda: place(page) != here, "the next place", page)
    press(page, "e")
    page.get_by_role("heading", name="Correct").wait_for()
    drag(page, 50, 99)
    page.keyboard.press("Enter")
    wait(lambda: len(judged_by(ws, "bob")) == 2, "the second correction", page)
    second = judged_by(ws, "bob")[1]
    times = ws.candles.read("EURUSD", "1h").time
    assert {second.start_time, second.end_time} <= set(times.tolist())
    assert 30 < (second.end_time - second.start_time) / 3_600 < 130


def test_a_missed_span_is_added_and_the_place_stays(page, ws: Workspace) -> None:
    start(page, "cleo")
    here = place(page)
    press(page, "n")
    page.keyboard.type("a clear one")
    page.keyboard.press("Enter")
    add_by_dragging(page)
    page.get_by_text(re.compile("^Added ")).wait_for()
    assert place(page) == here
    saved(page)
    (added,) = judged_by(ws, "cleo")
    assert (added.action, added.prediction, added.note) == ("add", None, "a clear one")
    assert any(a.id == added.annotation_id for a in ws.store.annotations.list("EURUSD", "1h"))

    add_by_dragging(page)
    page.get_by_text("This span is there already").wait_for()
    page.keyboard.press("Escape")
    assert len(judged_by(ws, "cleo")) == 1
    press(page, "u")
    saved(page)
    assert judged_by(ws, "cleo") == []
    add_by_dragging(page)
    page.get_by_text(re.compile("^Added ")).wait_for()
    saved(page)
    press(page, "u")
    saved(page)
    assert judged_by(ws, "cleo") == []


def test_a_reload_keeps_place_name_and_undo(page, ws: Workspace) -> None:
    start(page, "dan")
    first = place(page)
    for _ in range(2):
        press(page, "y")
        place(page)
    wait(lambda: len(judged_by(ws, "dan")) == 2, "two verdicts", page)
    here = place(page)
    page.reload()
    wait(lambda: place(page) == here, "the same place", page)
    page.get_by_text("Judging as dan").wait_for()
    press(page, "u")
    press(page, "u")
    wait(lambda: place(page) == first, "the first place", page)
    wait(lambda: judged_by(ws, "dan") == [], "both undone", page)


def test_a_note_stays_with_its_place_until_a_verdict_takes_it(page, ws: Workspace) -> None:
    start(page, "nora")
    here = place(page)
    note = page.get_by_label("Note")
    press(page, "n")
    page.keyboard.type("a clear")
    page.get_by_role("button", name="Keys").evaluate("it => { it.click(); it.click() }")  # draws all anew
    page.keyboard.type(" one")
    page.keyboard.press("Escape")
    press(page, "j")
    wait(lambda: place(page) != here, "the next place", page)
    assert note.input_value() == ""
    press(page, "k")
    wait(lambda: place(page) == here, "the place with the note", page)
    assert note.input_value() == "a clear one"
    page.reload()
    ready(page)
    assert note.input_value() == "a clear one"

    note.fill("x" * 430)
    page.locator(".room").get_by_text("430 of 500").wait_for()
    note.fill("a clear one")
    page.keyboard.press("Enter")
    press(page, "y")
    wait(lambda: place(page) != here, "the next place", page)
    saved(page)
    assert [v.note for v in judged_by(ws, "nora")] == ["a clear one"]
    press(page, "u")
    wait(lambda: place(page) == here, "the place judged", page)
    assert note.input_value() == ""


def test_two_tabs_of_one_annotator_count_a_place_once(page, ws: Workspace) -> None:
    other = page.context.new_page()
    start(page, "eve")
    other.goto("/review")
    ready(other)
    assert place(other) == place(page)
    press(page, "y")
    other.get_by_text("You confirmed in another tab").wait_for()
    press(other, "y")
    other.get_by_text("You have judged this already").wait_for()
    saved(page)
    assert len(judged_by(ws, "eve")) == 1
    press(other, "z")
    wait(lambda: judged_by(ws, "eve") == [], "the verdict to be taken back", other)


def test_another_browser_that_says_something_else_is_told_what_to_do(
    page, browser, address: str, ws: Workspace
) -> None:
    with window(browser, address) as there:
        for one in (page, there):
            start(one, "kim")
        assert place(page) == place(there)
        press(page, "y")
        saved(page)
        press(there, "x")
        there.get_by_text("kim had said confirm of it elsewhere").wait_for()
        there.get_by_role("button", name="Go there").click()
        there.get_by_text("You confirmed").wait_for()
        press(there, "z")
        wait(lambda: judged_by(ws, "kim") == [], "the first to be taken back", there)
        press(there, "x")
        wait(lambda: [v.action for v in judged_by(ws, "kim")] == ["dismiss"], "the other verdict", there)


def test_nothing_is_lost_when_the_server_dies_in_the_middle(
    browser, ws: Workspace, environment: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    with window(browser, f"http://127.0.0.1:{port}") as opened:
        with console(port, environment, tmp_path / "first.log") as server:
            start(opened, "finn")
            press(opened, "y")
            saved(opened)
            for key in "jjkk":  # the places ahead are there before the server dies
                press(opened, key)
                place(opened)
            server.send_signal(signal.SIGKILL)
            server.wait()
        before = place(opened)
        for key in "xyu":
            press(opened, key)
            place(opened)
        assert place(opened) != before
        opened.locator(".saving[data-state=late], .saving[data-state=busy]").wait_for()
        assert len(judged_by(ws, "finn")) == 1
        with console(port, environment, tmp_path / "second.log"):
            wait(lambda: len(judged_by(ws, "finn")) == 2, "what was said meanwhile", opened, timeout_s=90)
            saved(opened)
            assert [v.action for v in judged_by(ws, "finn")] == spelled("yx")
            press(opened, "x")
            wait(lambda: len(judged_by(ws, "finn")) == 3, "the review to go on", opened)


def test_as_of_shows_no_candle_after_the_span_and_stores_what_was_visible(page, ws: Workspace) -> None:
    start(page, "gil")
    press(page, "f")
    page.get_by_text(re.compile("Later candles are hidden[,.]")).wait_for()
    end = int(place(page).split("|")[4])
    shown = int(page.locator(".candle-chart").get_attribute("data-last-time"))
    assert shown == end
    press(page, "y")
    saved(page)
    (verdict,) = judged_by(ws, "gil")
    assert verdict.as_of == end


def test_a_series_is_browsed_in_order_of_time(page) -> None:
    start(page, "hal")
    press(page, "b")
    page.locator(".progress", has_text="prediction").wait_for()
    press(page, "t")
    page.get_by_label("bearish engulfing").check()
    slider = page.get_by_role("slider", name="Least confidence")
    slider.focus()
    slider.press("Home")
    press(page, "t")
    wait(lambda: re.search(r"\d of [\d,]+ predictions", progress(page)), "all predictions", page)
    here = place(page)
    press(page, "k")
    wait(lambda: place(page) != here, "the one before", page)
    assert int(place(page).split("|")[3]) <= int(here.split("|")[3])
    before = place(page)
    page.keyboard.press("ArrowLeft")
    wait(lambda: "window" in place(page), "a window", page)
    press(page, "j")
    wait(lambda: "window" not in place(page), "the next prediction", page)
    assert int(place(page).split("|")[3]) <= int(before.split("|")[3])
    page.get_by_label("Go to a day").fill("2017-02-01")
    wait(lambda: "window|1485950400" in place(page), "that day", page)


def test_what_one_says_in_a_tab_is_not_the_next_ones(page, ws: Workspace) -> None:
    start(page, "uma")
    first = place(page)
    press(page, "y")
    wait(lambda: place(page) != first, "the next place", page)
    saved(page)
    page.get_by_role("button", name="change").click()
    name_oneself(page, "vic")
    wait(lambda: place(page) == first, "the queue from its beginning", page)
    assert page.get_by_role("button", name="Undo").is_disabled()
    for _ in range(60):
        press(page, "j")
    page.get_by_role("heading", name="The end of this queue").wait_for()
    page.get_by_text(re.compile(r"^You have seen all \d+ places and judged 0\.$")).wait_for()

    page.goto("/review?annotator=uma")
    wait(lambda: place(page) != first, "where uma stood", page)
    press(page, "u")
    wait(lambda: place(page) == first, "what uma judged", page)
    saved(page)
    assert judged_by(ws, "uma") == []


def test_the_address_of_a_series_that_is_not_stored_is_told(page) -> None:
    page.goto("/review?annotator=" + "x" * 80 + "&series=NOPE+1h")
    ready(page)
    page.get_by_text("NOPE 1h is not stored").wait_for()
    assert page.locator(".who .name").get_attribute("title") == "x" * 60
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_box_of_a_span_goes_when_a_key_shows_another_place(page, ws: Workspace) -> None:
    start(page, "hal")
    here = place(page)
    tip = page.locator(".candle-chart .tip")
    bounds = [int(time) for time in here.split("|")[3:5]]
    middle = ws.candles.read("EURUSD", "1h").time.searchsorted(bounds).mean()
    chart = ChartOnPage(page)
    x, top = chart.point(middle, height=0)
    for down in range(20, 500, 6):
        page.mouse.move(x, top + down)
        chart.drawn()
        if tip.is_visible():
            break
    tip.wait_for()
    press(page, "j")
    wait(lambda: place(page) != here, "the next place", page)
    tip.wait_for(state="hidden")


def test_the_keys_of_the_deck_rest_once_another_page_is_open(page, ws: Workspace) -> None:
    start(page, "ivo")
    here = place(page)
    page.get_by_role("link", name="Models").click()
    page.locator(".deck").wait_for(state="detached")
    page.wait_for_function("performance.now() - (window.left ??= performance.now()) > 1000")
    press(page, "y")
    page.get_by_role("link", name="Review").click()
    wait(lambda: place(page) == here, "the same place", page)
    saved(page)
    assert judged_by(ws, "ivo") == []


def test_the_keys_are_shown_on_h(page) -> None:
    start(page, "ida")
    press(page, "h")
    page.get_by_text("hide the candles after the span").wait_for()
    page.get_by_text("take back what you said of this place").wait_for()
    page.keyboard.press("Escape")
    wait(lambda: page.locator(".overlay").is_hidden(), "the keys to go", page)


@pytest.fixture
def unseen(ws: Workspace) -> Iterator[str]:
    """A series that nobody has looked at, which is gone after the test."""
    ws.candles.merge(replace(ws.candles.read("EURUSD", "1h"), pair="AUDUSD"))
    ws.store.series.ensure("AUDUSD", "1h")
    yield "AUDUSD 1h"
    ws.candles.delete("AUDUSD", "1h")
    ws.store.series.delete("AUDUSD", "1h")


def test_a_place_where_nothing_is_missing_is_reviewed_until_that_is_undone(
    page, ws: Workspace, unseen: str
) -> None:
    start(page, "jan")
    press(page, "t")
    page.get_by_label("Series of the queue").select_option(unseen)
    page.get_by_role("button", name="New queue").click()
    wait(lambda: place(page).startswith("AUDUSD"), "the queue of that series", page)
    none = page.get_by_role("button", name="Nothing is missing")
    for _ in range(50):
        here = place(page)
        if none.is_visible():
            break
        press(page, "j")
        wait(lambda here=here: place(page) != here, "the next place", page)
    press(page, "y")
    wait(lambda: place(page) != here, "the place after it", page)
    saved(page)
    assert "1 labelled today" in progress(page)
    (verdict,) = ws.store.verdicts.list("AUDUSD", "1h")
    assert (verdict.action, verdict.annotator, verdict.origin) == ("nothing", "jan", "audit")
    assert (verdict.prediction, verdict.annotation_id, verdict.model_version) == (None, None, "1")
    _, _, _, first, last, _ = here.split("|")
    looked = ReviewedRange(int(first), int(last), frozenset(verdict.labels))
    assert ws.store.annotations.reviewed("AUDUSD", "1h") == [looked]
    assert looked.labels == {"bear_flag", "bull_flag"}

    press(page, "u")
    page.get_by_text("Undone: said that nothing is missing").wait_for()
    assert place(page) == here
    saved(page)
    wait(lambda: ws.store.annotations.reviewed("AUDUSD", "1h") == [], "the range to be void", page)
    press(page, "s")
    saved(page)
    assert [v.action for v in ws.store.verdicts.list("AUDUSD", "1h", with_skips=True)] == ["skip"]


def start(page, name: str) -> None:
    """Opens Review under a name and waits for the first place of the queue."""
    page.goto("/review")
    name_oneself(page, name)
    ready(page)


def ready(page) -> None:
    page.get_by_role("button", name="Correct").or_(page.get_by_role("button", name="Take back")).wait_for()


def press(page, key: str) -> None:
    page.keyboard.press(key)


def place(page) -> str:
    """The place on screen, once it is drawn."""

    def drawn() -> tuple[str | None, str | None]:
        asked = page.locator(".deck").get_attribute("data-asked")
        return asked, page.locator(".chart").get_attribute("data-place")

    wait(lambda: len(set(drawn())) == 1, "the place to be drawn", page)
    return drawn()[1] or ""


def progress(page) -> str:
    return str(page.locator(".progress").inner_text())


def saved(page) -> None:
    page.locator(".saving[data-state=saved]").wait_for()


def drag(page, start: int, end: int) -> None:
    """Drags over candles, counted from the place's first, until they are taken for a span's bounds."""
    page.locator(".candle-chart.selecting").wait_for()
    bounds, chart = page.locator(".panel .bounds"), ChartOnPage(page)
    before, first = bounds.inner_text(), int(chart.bars()[0] + 1)

    def is_taken() -> bool:
        chart.drag(first + start, first + end, height=0.4)
        chart.drawn()
        return bounds.inner_text() != before

    wait(is_taken, "the range that was dragged", page)


def add_by_dragging(page) -> None:
    press(page, "a")
    page.get_by_role("heading", name="Add a missed span").wait_for()
    drag(page, 8, 33)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def judged_by(ws: Workspace, name: str) -> list:
    """What stands of this annotator's verdicts, oldest first."""
    said = ws.store.verdicts.list("EURUSD", "1h", with_skips=True)
    return [v for v in reversed(said) if v.annotator == name]


def spelled(keys: str) -> list[str]:
    return [{"y": "confirm", "x": "dismiss", "s": "skip"}[key] for key in keys]


def bars_between(ws: Workspace, verdict, bound: str) -> int:
    """By how many candles a bound was moved."""
    times = ws.candles.read(verdict.pair, verdict.timeframe).time.tolist()
    said, predicted = (getattr(one, f"{bound}_time") for one in (verdict, verdict.prediction))
    return abs(times.index(said) - times.index(predicted))
