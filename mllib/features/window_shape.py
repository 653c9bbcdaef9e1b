"""What a window of candles looks like: scale-free, from the bars inside it and some before.

A window is seen twice: upwards from its highest close (`up_`) and, turned upside down, from its lowest
(`down_`), so that a pattern and its mirror image have the same numbers in the other columns. All prices are
logarithms, in units of the window's range of closes. No column reads a bar after the window's end, so a
window's row is known when its last candle closes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.features.ranges import Bars, RangeMaxima, running
from mllib.features.registry import Column
from mllib.features.swings import Swings, find_swings
from mllib.features.window_views import SMALLEST, Named, Views, view_columns
from mllib.features.windows import Floats, rolling_mean, shift

PAST_BARS = 40
"""How far before the window its columns read: the cap of the swings, and the scale before it, whose first
true range reads one close more."""

_PATH_POINTS = 16
_ENVELOPE_BINS = 8
_CELLS_AT_A_TIME = 1 << 19
"""So many rows times bars of the longest window are described together."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """What windows are cut from: logarithms of prices `(n_bars,)`, true ranges and swings."""

    close: Floats
    high: Floats
    low: Floats
    true_range: Floats
    range_before: Floats
    swings: Swings

    @classmethod
    def of(cls, candles: Candles) -> "Series":
        """The series of checked candles."""
        close, high, low = (np.log(x) for x in (candles.close, candles.high, candles.low))
        previous = np.concatenate([close[:1], close[:-1]])
        true_range = np.maximum(high, previous) - np.minimum(low, previous)
        before = shift(rolling_mean(true_range, PAST_BARS - 1), 1) if len(close) else close
        return cls(close, high, low, true_range, before, find_swings(close, cap=PAST_BARS))

    def between(self, first_bar: int, end_bar: int) -> "Series":
        """What is known of the bars of a half-open range, as views."""
        part = slice(first_bar, end_bar)
        return Series(
            close=self.close[part],
            high=self.high[part],
            low=self.low[part],
            true_range=self.true_range[part],
            range_before=self.range_before[part],
            swings=self.swings.between(first_bar, end_bar),
        )


def describe(series: Series, start: Bars, end: Bars) -> NDArray[np.float32]:
    """The `COLUMNS` of each window `start:end`: `float32 (n, n_columns)`, NaN where not known."""
    X = np.empty((len(start), len(COLUMNS)), np.float32)
    for rows in _batches(start, end):
        columns = [values for _, values in _columns(_Windows.cut(series, start[rows], end[rows]))]
        X[rows] = np.stack(columns, dtype=np.float32, casting="same_kind").T
    return X


def _batches(start: Bars, end: Bars) -> Iterator[slice]:
    rows = max(_CELLS_AT_A_TIME // int((end - start).max(initial=1)), 1)
    return (slice(first, first + rows) for first in range(0, len(start), rows))


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """Windows `first..last (n,)` of the part of a series that they lie in."""

    series: Series
    first: Bars
    last: Bars
    views: Views
    lowest: Floats
    height: Floats

    @classmethod
    def cut(cls, series: Series, start: Bars, end: Bars) -> "_Windows":
        begin = int(start.min())
        part = series.between(begin, int(end.max()))
        first, last = start - begin, end - 1 - begin
        views = Views.of(part.close, part.swings, first, last)
        return cls(part, first, last, views, views.base[: len(first)], views.height[: len(first)])

    @property
    def bars(self) -> Bars:
        return self.last - self.first + 1

    def levels(self, prices: Floats) -> Floats:
        """Prices `(n,)` or `(n, m)` where 0 is the lowest close of their window and 1 the highest."""
        ones = (slice(None), *[None] * (prices.ndim - 1))
        scaled: Floats = (prices - self.lowest[ones]) / self.height[ones]
        return scaled


def _columns(windows: _Windows) -> Named:
    yield from _size(windows)
    yield from _path(windows)
    yield from _edges(windows)
    seen, n = list(view_columns(windows.views)), len(windows.first)
    yield from ((f"up_{name}", values[:n]) for name, values in seen)
    yield from ((f"down_{name}", values[n:]) for name, values in seen)


def _size(windows: _Windows) -> Named:
    """Length, height against what is usual before and inside, direction and its efficiency."""
    series, bars = windows.series, windows.bars
    inside, travelled = running(lambda at: _sums_inside(series, at), windows.first, windows.last)
    usual = np.maximum(inside / bars, SMALLEST)
    first, last = (windows.levels(series.close[at]) for at in (windows.first, windows.last))
    before = np.maximum(series.range_before[windows.first], SMALLEST)
    yield "length", np.log(bars)
    yield "height_to_range_before", np.log(windows.height / before)
    yield "height_to_range_inside", np.log(windows.height / (usual * np.sqrt(bars)))
    yield "first_close", first
    yield "last_close", last
    yield "move", last - first
    yield "efficiency", np.abs(last - first) / np.maximum(travelled / windows.height, SMALLEST)


def _sums_inside(series: Series, at: Bars) -> tuple[Floats, Floats]:
    """Sums from the first bar of each row on: true ranges, and steps from close to close."""
    steps = np.abs(np.diff(series.close[at], axis=1, prepend=series.close[at[:, :1]]))
    return np.cumsum(series.true_range[at], axis=1), np.cumsum(steps, axis=1)


def _path(windows: _Windows) -> Named:
    """The closes at equal distances, and the highs and lows between them."""
    series, bars, first = windows.series, windows.bars[:, None], windows.first[:, None]
    exact = np.linspace(0.0, 1.0, _PATH_POINTS) * (bars - 1)
    left = exact.astype(np.int64)
    right = np.minimum(left + 1, bars - 1)
    before, after = (windows.levels(series.close[first + at]) for at in (left, right))
    points = before + (exact - left) * (after - before)
    yield from ((f"path_close_{i:02d}", points[:, i]) for i in range(_PATH_POINTS))
    begin = np.arange(_ENVELOPE_BINS + 1) * bars // _ENVELOPE_BINS
    end = np.maximum(begin[:, 1:] - 1, begin[:, :-1])
    for name, prices, sign in (("high", series.high, 1), ("low", series.low, -1)):
        most = RangeMaxima.of(sign * prices, longest=int(bars.max()))
        envelope = windows.levels(sign * most.over(first + begin[:, :-1], first + end))
        yield from ((f"path_{name}_{i}", envelope[:, i]) for i in range(_ENVELOPE_BINS))


def _edges(windows: _Windows) -> Named:
    """How many bars back the first and the last close were not exceeded, and how many ahead inside."""
    swings = windows.series.swings
    for name, before, after in (
        ("high", swings.high_before, swings.high_after),
        ("low", swings.low_before, swings.low_after),
    ):
        yield f"start_{name}_before", before[windows.first]
        yield f"start_{name}_after", np.minimum(after[windows.first], windows.bars)
        yield f"end_{name}_before", before[windows.last]


def _names() -> tuple[str, ...]:
    n = PAST_BARS + 2
    flat = np.linspace(1.0, 2.0, n)
    candles = Candles("NONE", "1h", np.arange(n, dtype=np.int64) * 3_600, flat, flat, flat, flat)
    windows = _Windows.cut(Series.of(candles), np.array([PAST_BARS]), np.array([n]))
    return tuple(name for name, _ in _columns(windows))


COLUMNS = tuple(Column(name, PAST_BARS, 0) for name in _names())
"""The columns of `describe`; `past` counts from the window's start, `future` from its end."""


def beside_columns(padding: int) -> tuple[Column, ...]:
    """The columns of `beside`."""
    before = tuple(Column(f"close_before_{bars}", max(bars, PAST_BARS), 0) for bars in _distances(padding))
    return before + tuple(Column(f"close_after_{bars}", PAST_BARS, bars) for bars in _distances(padding))


def beside(series: Series, start: Bars, end: Bars, *, padding: int) -> NDArray[np.float32]:
    """Closes up to `padding` bars before and after each window, scaled as those inside: `float32 (n, m)`."""
    bars = np.array(_distances(padding), np.int64)
    at = np.concatenate([start[:, None] - bars, end[:, None] - 1 + bars], axis=1)
    there = (at >= 0) & (at < len(series.close))
    closes = np.full(at.shape, np.nan, np.float32)
    for rows in _batches(start, end):
        windows = _Windows.cut(series, start[rows], end[rows])
        closes[rows] = windows.levels(series.close[np.where(there[rows], at[rows], 0)])
    return np.where(there, closes, np.float32(np.nan))


def _distances(padding: int) -> tuple[int, ...]:
    """Nearly doubling: 1, 2, 3, 5, 8 … up to the padding."""
    found, bars = [], 1
    while bars <= padding:
        found.append(bars)
        bars = max(bars + 1, round(bars * 1.6))
    return tuple(found)
