import numpy as np

from app.chart import STROKES, Layer, Mark, candle_figure, readable_on, snapped
from mllib.candles import Candles
from mllib.spans import Span

WEEKEND_S = 48 * 3_600


def candles(n: int = 60) -> Candles:
    time = 1_483_308_000 + 3_600 * np.arange(n, dtype=np.int64)
    time[n // 2 :] += WEEKEND_S
    close = 100 + np.sin(np.arange(n) / 4.0)
    return Candles("EURUSD", "1h", time, close, close + 0.5, close - 0.5, close)


def mark(bars: Candles, start: int, end: int, **how) -> Mark:
    return Mark(Span("bull_flag", int(bars.time[start]), int(bars.time[end])), "bull flag", "told", **how)


def figure(layers: list[Layer], bars: Candles, **how):
    return candle_figure(bars, layers, {"bull_flag": "#2e9e5b"}, first_bar=1_000, revision="", **how)


def test_a_span_over_a_weekend_lies_exactly_on_its_candles() -> None:
    bars = candles()
    drawn = figure([Layer([mark(bars, 28, 33)], "solid")], bars)
    box = drawn.layout.shapes[0]
    assert (box.x0, box.x1) == (1_027.5, 1_033.5)
    assert list(drawn.data[0].x[28:34]) == [1_028, 1_029, 1_030, 1_031, 1_032, 1_033]


def test_each_layer_has_its_stroke_and_the_selected_span_is_heavier() -> None:
    bars = candles()
    layers = [
        Layer([mark(bars, 1, 5)], "solid"),
        Layer([mark(bars, 10, 15), mark(bars, 20, 25, selected=True)], "dash", tags="below"),
        Layer([mark(bars, 40, 41)], "dot", tags="none"),
    ]
    drawn = figure(layers, bars)
    assert [box.line.dash for box in drawn.layout.shapes] == [
        STROKES[dash] for dash in ("solid", "dash", "dash", "dot")
    ]
    assert drawn.layout.shapes[2].line.width > drawn.layout.shapes[1].line.width
    assert len(drawn.layout.annotations) == 3


def test_tags_of_spans_on_one_place_do_not_lie_on_each_other() -> None:
    bars = candles()
    drawn = figure([Layer([mark(bars, 10, 20), mark(bars, 10, 20)], "solid")], bars)
    assert len({tag.yshift for tag in drawn.layout.annotations}) == 2


def test_a_span_beside_the_window_is_not_drawn_and_one_across_its_edge_is_cut() -> None:
    bars = candles()
    step = 3_600
    beside = Mark(Span("x", int(bars.time[0]) - 9 * step, int(bars.time[0]) - step), "x", "x")
    across = Mark(Span("x", int(bars.time[0]) - 9 * step, int(bars.time[2])), "x", "x")
    drawn = figure([Layer([beside, across], "solid")], bars)
    assert [(box.x0, box.x1) for box in drawn.layout.shapes] == [(999.5, 1_002.5)]


def test_zoom_is_kept_within_a_window_and_begins_anew_with_the_next() -> None:
    bars = candles()
    one, same = figure([], bars), figure([Layer([mark(bars, 1, 5)], "solid")], bars)
    other = candle_figure(bars, [], {}, first_bar=1_060, revision="")
    assert one.layout.uirevision == same.layout.uirevision != other.layout.uirevision


def test_a_drag_marks_bars_only_while_correcting() -> None:
    assert figure([], candles()).layout.dragmode == "pan"
    assert figure([], candles(), selecting=True).layout.dragmode == "select"


def test_a_dragged_range_is_cut_at_the_window() -> None:
    assert snapped(100, 50, [160.2, 97.0]) == (0, 49)


def test_volume_is_drawn_only_where_there_is_one() -> None:
    from dataclasses import replace

    bars = candles()
    assert len(figure([], bars).data) == 1
    assert len(figure([], replace(bars, volume=np.zeros(len(bars)))).data) == 1
    assert len(figure([], replace(bars, volume=np.ones(len(bars)))).data) == 2


def test_tags_are_readable_on_every_colour_of_the_palette() -> None:
    from mllib.store import palette

    for color in (*palette._BULLISH, *palette._BEARISH, *palette._OTHER):
        assert readable_on(color) in {"#14181d", "#ffffff"}
