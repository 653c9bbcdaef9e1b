"""A long series as fewer candles: what a chart loads of it, and candles that each stand for several."""

import math
from dataclasses import dataclass

import numpy as np

from mllib.candles import Candles

MOST_CANDLES = 5_000
"""So many candles a chart shows at once; of more it shows the overview."""
_LEAST_MARGIN, _MOST_MARGIN = 300, 1_000
_GRID = 100
"""Stretches begin and end at multiples of so many candles, so that a short move asks for nothing new."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The bars `first_bar:end_bar` of a series, `bars_per_candle` of them in each candle."""

    first_bar: int
    end_bar: int
    bars_per_candle: int


def overview(candles: Candles, bars_per_candle: int) -> Candles:
    """Candles that each stand for `bars_per_candle` of these, the last one for what is left.

    Time and open are those of the first, close that of the last, high and low the extremes, volume the sum.

    >>> time = np.arange(5) * 60
    >>> price = np.array([1.0, 4.0, 2.0, 3.0, 5.0])
    >>> few = overview(Candles("EURUSD", "1m", time, price, price + 1, price - 1, price), 2)
    >>> few.time.tolist(), few.high.tolist(), few.close.tolist()
    ([0, 120, 240], [5.0, 4.0, 6.0], [4.0, 3.0, 5.0])
    """
    if bars_per_candle == 1 or not len(candles):
        return candles
    firsts = np.arange(0, len(candles), bars_per_candle)
    lasts = np.minimum(firsts + bars_per_candle, len(candles)) - 1
    return Candles(
        candles.pair,
        candles.timeframe,
        candles.time[firsts],
        candles.open[firsts],
        np.maximum.reduceat(candles.high, firsts),
        np.minimum.reduceat(candles.low, firsts),
        candles.close[lasts],
        None if candles.volume is None else np.add.reduceat(candles.volume, firsts),
    )


def stretch(from_bar: float, to_bar: float, *, series_bars: int, most_candles: int = MOST_CANDLES) -> Stretch:
    """What to load of a series when its bars `from_bar` to `to_bar` are visible: those and a margin.

    Where more than `most_candles` are visible, each candle stands for 2, 4, 8 … bars.

    >>> stretch(43_000.0, 43_300.0, series_bars=43_654)
    Stretch(first_bar=42700, end_bar=43600, bars_per_candle=1)
    >>> stretch(0, 43_654, series_bars=43_654)
    Stretch(first_bar=0, end_bar=43654, bars_per_candle=16)
    """
    visible = max(to_bar - from_bar, 1.0)
    each = 2 ** max(math.ceil(math.log2(visible / most_candles)), 0)
    margin = min(max(visible, _LEAST_MARGIN * each), _MOST_MARGIN * each)
    grid = _GRID * each
    first = math.floor(max(from_bar - margin, 0) / grid) * grid
    end = math.ceil((to_bar + margin) / grid) * grid
    last_first = max((series_bars - 1) // grid * grid, 0)
    return Stretch(min(first, last_first), max(min(end, series_bars), 1), each)


def centred_bars(candles: Candles, start_time: int, end_time: int, *, context: int) -> tuple[float, float]:
    """The bars to show around a span: it in the middle, at least `context` bars, at most a third its own.

    >>> time = np.arange(100) * 60
    >>> centred_bars(Candles("A", "1m", time, time, time, time, time), 3_000, 3_000, context=20)
    (40.0, 60.0)
    """
    first = int(np.searchsorted(candles.time, start_time, "left"))
    last = max(int(np.searchsorted(candles.time, end_time, "right")) - 1, first)
    half = max(3 * (last - first + 1), context) / 2
    return (first + last) / 2 - half, (first + last) / 2 + half


def snapped(candles: Candles, start_time: int, end_time: int, *, bars_per_candle: int) -> tuple[int, int]:
    """First and last time that a range of overview candles stands for (Unix s, bar opens).

    >>> time = np.arange(10) * 60
    >>> snapped(Candles("A", "1m", time, time, time, time, time), 120, 240, bars_per_candle=2)
    (120, 300)
    """
    last = int(np.searchsorted(candles.time, end_time, "left")) + bars_per_candle - 1
    return start_time, int(candles.time[min(last, len(candles) - 1)])
