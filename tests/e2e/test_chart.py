"""The chart alone, in a page of 100,000 candles, in a real browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.charts import ChartOnPage
from tests.e2e.consoles import ROOT, console
from tests.processes import free_port

pytestmark = pytest.mark.needs("browser")

SCRIPT = Path(__file__).with_name("scripts") / "chart_script.py"
SERIES_BARS = 100_000
MOST_CANDLES = 7_200


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("chart")
    shutil.copy(SCRIPT, folder)
    for name in ("static", ".streamlit"):
        (folder / name).symlink_to(ROOT / "app" / name)
    port = free_port()
    with console(port, dict(os.environ), folder / "log", script=str(folder / SCRIPT.name)):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def chart(page) -> ChartOnPage:
    page.goto("/")
    return ChartOnPage(page)


def test_it_opens_at_the_newest_candles_and_sends_only_those_near_them(chart: ChartOnPage) -> None:
    said = chart.data()
    assert chart.bars()[1] == pytest.approx(SERIES_BARS, abs=3)
    assert int(said["candles"]) < 1_000
    assert int(said["lastTime"]) - int(said["firstTime"]) == 3_600 * (int(said["candles"]) - 1)
    assert int(said["spans"]) > 50


def test_panning_loads_further_candles_and_never_reruns_the_page(chart: ChartOnPage) -> None:
    before = chart.data()
    for _ in range(6):
        chart.press("Shift+ArrowLeft")
    said = chart.wait(lambda now: int(now["firstBar"]) < int(before["firstBar"]) - 500, "older candles")
    first, last = chart.bars()
    assert int(said["firstBar"]) < first < last < int(said["firstBar"]) + int(said["candles"])
    assert chart.page.get_by_text("runs 1", exact=True).count() == 1
    chart.press("Home")
    chart.wait(lambda now: float(now["fromBar"]) < 1 and now["firstBar"] == "0", "the first candles")


def test_zooming_out_shows_an_overview_and_zooming_in_every_candle_again(chart: ChartOnPage) -> None:
    chart.press(*["-"] * 16)
    said = chart.wait(lambda now: int(now["barsPerCandle"]) >= 16, "the overview")
    assert int(said["candles"]) <= MOST_CANDLES
    assert said["firstBar"] == "0"
    chart.press("0")
    chart.wait(lambda now: now["barsPerCandle"] == "1", "single candles")
    assert chart.bars() == pytest.approx((SERIES_BARS - 200, SERIES_BARS + 2), abs=2)


def test_zoom_and_place_are_kept_when_the_page_runs_again(chart: ChartOnPage) -> None:
    chart.press("Shift+ArrowLeft", "Shift+ArrowLeft", "+")
    chart.wait(lambda now: float(now["toBar"]) < SERIES_BARS - 300, "an older place")
    bars = chart.bars()
    chart.page.get_by_text("Mark a range").click()
    chart.page.get_by_text("runs 2", exact=True).wait_for()
    assert chart.bars() == pytest.approx(bars, abs=0.5)


def test_a_drag_pans_the_wheel_zooms_and_a_double_click_shows_the_whole_window(chart: ChartOnPage) -> None:
    whole = chart.bars()
    chart.drag(SERIES_BARS - 150, SERIES_BARS - 100)
    chart.wait(lambda now: float(now["toBar"]) == pytest.approx(whole[1] - 50, abs=1), "the pan")
    chart.page.mouse.move(*chart.point(SERIES_BARS - 150))
    chart.page.mouse.wheel(0, -400)
    chart.wait(lambda now: float(now["toBar"]) - float(now["fromBar"]) < 190, "the zoom")
    chart.page.mouse.dblclick(*chart.point(SERIES_BARS - 150, height=0.2))
    chart.wait(lambda now: float(now["toBar"]) == pytest.approx(whole[1], abs=0.5), "the whole window")
    assert chart.bars() == pytest.approx(whole, abs=0.5)


def test_candles_that_come_while_a_drag_goes_on_leave_it_where_it_is(chart: ChartOnPage) -> None:
    chart.press("Shift+ArrowLeft")
    chart.wait(lambda now: float(now["toBar"]) < SERIES_BARS - 150, "an older place")
    before, (first, last), mouse = chart.data(), chart.bars(), chart.page.mouse
    mouse.move(*chart.point(first + 10))
    mouse.down()
    mouse.move(*chart.point(last - 10), steps=8)
    chart.wait(lambda now: int(now["firstBar"]) < int(before["firstBar"]), "older candles")
    dragged_to = pytest.approx(2 * first - last + 20, abs=1)
    chart.wait(lambda now: float(now["fromBar"]) == dragged_to, "the drag")
    there = chart.bars()
    mouse.move(*chart.point(there[1] - 5), steps=2)
    mouse.up()
    further = pytest.approx((there[0] - 5, there[1] - 5), abs=1)
    chart.wait(lambda _: chart.bars() == further, "the drag to go on from there")


def test_a_click_selects_a_span_and_hovering_tells_all_that_is_known(chart: ChartOnPage) -> None:
    page = chart.page
    place = chart.point(SERIES_BARS - 157, height=0.65)
    page.mouse.move(*place)
    tip = page.locator(".candle-chart .tip")
    tip.get_by_text("bull flag").wait_for()
    told = tip.inner_text()
    for words in ("by ada", "UTC", "clarity 4 of 5", "“<b>steep</b> pole”", "20 candles"):
        assert words in told
    assert "UTC" in page.locator(".candle-chart .legend").inner_text()
    page.mouse.click(*place)
    page.get_by_text("selected a1").wait_for()
    assert chart.data()["selected"] == "a1"
    page.keyboard.press("Escape")
    page.get_by_text("selected None").wait_for()


def test_a_drag_marks_candles_when_the_page_asks_for_a_range(chart: ChartOnPage) -> None:
    page = chart.page
    page.get_by_text("Mark a range").click()
    page.get_by_text("runs 2", exact=True).wait_for()
    page.locator(".candle-chart.selecting").wait_for()
    bars = chart.bars()
    chart.drag(SERIES_BARS - 99.8, SERIES_BARS - 80.3, height=0.3)
    page.get_by_text("dragged (").wait_for()
    start, end = map(
        int, page.get_by_text("dragged (").inner_text().removeprefix("dragged (")[:-1].split(",")
    )
    first = int(chart.data()["firstTime"]) - 3_600 * int(chart.data()["firstBar"])
    assert [(time - first) / 3_600 for time in (start, end)] == [SERIES_BARS - 100, SERIES_BARS - 80]
    assert chart.bars() == bars


def test_a_focus_is_centred_and_an_as_of_hides_what_follows(chart: ChartOnPage) -> None:
    page = chart.page
    page.get_by_role("button", name="Hide the newest").click()
    chart.wait(lambda now: now["totalBars"] == str(SERIES_BARS - 39), "the newest bars to be hidden")
    page.get_by_role("button", name="Go to the start").click()
    chart.wait(lambda now: float(now["fromBar"]) < 600, "the start")
    first, last = chart.bars()
    assert (first + last) / 2 == pytest.approx(509.5, abs=1)


def test_it_is_dark_when_the_page_becomes_dark_while_it_is_open(chart: ChartOnPage) -> None:
    assert chart.data()["dark"] == "false"
    chart.page.emulate_media(color_scheme="dark")
    chart.wait(lambda now: now["dark"] == "true", "the dark chart")
    assert "Arrow keys move" in chart.element.get_attribute("aria-label")
