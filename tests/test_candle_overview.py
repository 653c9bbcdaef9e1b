import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllib.candle_overview import MOST_CANDLES, centred_bars, overview, snapped, stretch
from tests.naive import candle_overview, walk

SERIES_BARS = 100_000


@pytest.mark.parametrize("bars_per_candle", [1, 2, 3, 16, 500])
@pytest.mark.parametrize("volume", [True, False])
def test_an_overview_is_what_looping_over_the_candles_gives(bars_per_candle: int, volume: bool) -> None:
    candles = walk(201, seed=1, volume=volume)
    found, expected = overview(candles, bars_per_candle), candle_overview(candles, bars_per_candle)
    for name in ("time", "open", "high", "low", "close"):
        np.testing.assert_array_equal(getattr(found, name), [row[name] for row in expected])
    if volume:
        np.testing.assert_allclose(found.volume, [row["volume"] for row in expected])
    else:
        assert found.volume is None


def test_no_candles_have_an_empty_overview() -> None:
    assert len(overview(walk(20, seed=1)[:0], 4)) == 0


@given(
    middle=st.floats(-500, SERIES_BARS + 500),
    visible=st.floats(1, 1.2 * SERIES_BARS),
    series_bars=st.integers(1, SERIES_BARS),
)
def test_a_stretch_covers_what_is_visible_in_few_candles(
    middle: float, visible: float, series_bars: int
) -> None:
    first, last = middle - visible / 2, middle + visible / 2
    found = stretch(first, last, series_bars=series_bars)
    assert 0 <= found.first_bar < found.end_bar <= series_bars
    candles = (found.end_bar - found.first_bar) / found.bars_per_candle
    assert candles <= MOST_CANDLES + 2_200
    assert found.first_bar % found.bars_per_candle == 0
    if first < series_bars:
        assert found.first_bar <= max(first, 0)
    if last > 0:
        assert found.end_bar >= min(last, series_bars)
    assert (found.bars_per_candle == 1) == (last - first <= MOST_CANDLES)


def test_a_short_move_asks_for_the_same_stretch() -> None:
    one = stretch(50_010, 50_210, series_bars=SERIES_BARS)
    assert one == stretch(50_030, 50_230, series_bars=SERIES_BARS)


def test_a_long_span_is_shown_with_as_much_on_both_sides() -> None:
    candles = walk(900, seed=2)
    first, last = centred_bars(candles, int(candles.time[300]), int(candles.time[399]), context=120)
    assert (first, last) == (349.5 - 150, 349.5 + 150)


def test_a_range_of_single_candles_is_taken_as_it_is_and_one_at_the_end_is_cut() -> None:
    candles = walk(50, seed=3)
    time = candles.time.tolist()
    assert snapped(candles, time[3], time[9], bars_per_candle=1) == (time[3], time[9])
    assert snapped(candles, time[40], time[48], bars_per_candle=8) == (time[40], time[49])
