import base64

import numpy as np
import pytest

from app.chart import Layer, Mark, chart_model, span_mark
from app.chart.model import MOST_SPANS, decimals_of
from mllib.candle_overview import Stretch
from mllib.candles import Candles
from mllib.spans import Annotation, PredictedSpan, Span

COLORS = {"bull_flag": "#2e9e5b"}


def candles(n: int = 60) -> Candles:
    time = 1_483_308_000 + 3_600 * np.arange(n, dtype=np.int64)
    close = 100 + np.sin(np.arange(n) / 4.0)
    return Candles("EURUSD", "1h", time, close, close + 0.5, close - 0.5, close, np.ones(n))


def mark(bars: Candles, start: int, end: int, **how) -> Mark:
    return Mark(Span("bull_flag", int(bars.time[start]), int(bars.time[end])), "bull flag", "told", **how)


def unpacked(column: str) -> list[float]:
    return np.frombuffer(base64.b64decode(column), "<f8").tolist()


def spans_of(model: dict) -> list[dict]:
    return [span for layer in model["layers"] for span in layer["spans"]]


def test_the_stretch_that_is_loaded_is_sent_exactly_and_with_its_place() -> None:
    bars = candles()
    model = chart_model(bars, [], COLORS, loaded=Stretch(10, 30, 1))
    for name in ("time", "open", "high", "low", "close", "volume"):
        assert unpacked(model["candles"][name]) == getattr(bars, name)[10:30].tolist()
    assert (model["first_bar"], model["end_bar"], model["total_bars"]) == (10, 30, 60)


def test_an_overview_sends_fewer_candles_and_spans_by_their_times() -> None:
    bars = candles()
    layer = Layer([mark(bars, 11, 14)], "solid")
    model = chart_model(bars, [layer], COLORS, loaded=Stretch(0, 60, 4))
    assert len(unpacked(model["candles"]["time"])) == 15
    assert model["bars_per_candle"] == 4
    assert spans_of(model)[0]["start_time"] == bars.time[11]


def test_volume_is_sent_only_where_there_is_one() -> None:
    from dataclasses import replace

    for none in (None, np.zeros(60)):
        assert "volume" not in chart_model(replace(candles(), volume=none), [], {})["candles"]


def test_bars_after_a_chosen_time_are_left_out() -> None:
    bars = candles()
    model = chart_model(bars, [Layer([mark(bars, 50, 55)], "solid")], COLORS, as_of=int(bars.time[40]))
    assert unpacked(model["candles"]["time"])[-1] == bars.time[40]
    assert (model["total_bars"], spans_of(model)) == (41, [])


def test_only_spans_on_what_is_loaded_are_sent_and_say_how_many_candles_they_have() -> None:
    bars = candles()
    marks = [mark(bars, 2, 5), mark(bars, 12, 15), mark(bars, 28, 40), mark(bars, 50, 55)]
    spans = spans_of(chart_model(bars, [Layer(marks, "solid")], COLORS, loaded=Stretch(10, 30, 1)))
    assert [span["hover"] for span in spans] == ["told\n4 candles", "told\n13 candles"]
    assert spans[0]["color"] == COLORS["bull_flag"]


def test_marks_may_be_made_for_the_times_that_are_loaded() -> None:
    bars, asked = candles(), []

    def marks(start_time: int, end_time: int) -> list[Mark]:
        asked.append((start_time, end_time))
        return [mark(bars, 12, 15)]

    model = chart_model(bars, [Layer(marks, "dot")], COLORS, loaded=Stretch(10, 30, 1))
    assert asked == [(bars.time[10], bars.time[29])]
    assert len(spans_of(model)) == 1


def test_of_too_many_spans_the_longest_and_the_selected_are_sent_and_the_rest_is_told() -> None:
    bars = candles(MOST_SPANS + 40)
    marks = [mark(bars, i, i) for i in range(MOST_SPANS)] + [mark(bars, 1, 30), mark(bars, 5, 40)]
    key = marks[700].key
    model = chart_model(bars, [Layer(marks, "dot")], COLORS, selected=key)
    sent = {span["key"] for span in spans_of(model)}
    assert len(sent) == MOST_SPANS
    assert {key, marks[-1].key, marks[-2].key} <= sent
    assert model["note"] == "2 short spans not drawn: zoom in to see them"


def test_the_selected_span_is_told_by_its_key() -> None:
    bars = candles()
    marks = [mark(bars, 2, 5, id="a"), mark(bars, 8, 9, id="b", faint=True, outline="orange")]
    one, other = spans_of(chart_model(bars, [Layer(marks, "solid")], COLORS, selected="a"))
    assert one["selected"] is True
    assert (other["faint"], other["outline"], "selected" in other) == (True, "orange", False)


def test_hovering_tells_label_origin_confidence_bounds_and_note() -> None:
    annotation = Annotation("bull_flag", 1_483_308_000, 1_483_315_200, id="a", clarity=4, notes="steep")
    assert span_mark(annotation, who="by ada", timeframe="1h").hover.split("\n") == [
        "bull flag",
        "by ada",
        "1 Jan 2017 22:00 – 2 Jan 2017 00:00 UTC",
        "clarity 4 of 5",
        "“steep”",
    ]
    predicted = PredictedSpan("bull_flag", 1_483_308_000, 1_483_315_200, 0.834, 3)
    assert "confidence 0.83" in span_mark(predicted, who="model v1", timeframe="1h").hover


@pytest.mark.parametrize(
    ("prices", "decimals"),
    [([1.05, 1.1], 2), ([1.05321], 5), ([1 / 3], 7), ([43_654.1], 2), ([100 / 3], 5), ([], 2)],
)
def test_prices_are_told_with_the_decimals_that_they_have(prices: list[float], decimals: int) -> None:
    assert decimals_of(np.array(prices)) == decimals
