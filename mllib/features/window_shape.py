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
from mllib.features.registry import Column
from mllib.features.swings import Swings, find_swings
from mllib.features.windows import Floats, rolling_mean, shift

PAST_BARS = 40
"""How far before the window its columns read: the cap of the swings, and the scale before it, whose first
true range reads one close more."""

_PATH_POINTS = 16
_ENVELOPE_BINS = 8
_WIDTH_STEP = 16
"""Windows are padded to a multiple of so many bars and described together; sums of the same width are
bit-equal wherever the series begins."""
_ROWS_AT_A_TIME = 2_048
_SMALLEST = 1e-9

Bars = NDArray[np.int64]
Named = Iterator[tuple[str, Floats]]


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


def describe(series: Series, start: Bars, end: Bars) -> NDArray[np.float32]:
    """The `COLUMNS` of each window `start:end`: `float32 (n, n_columns)`, NaN where not known."""
    X = np.full((len(start), len(COLUMNS)), np.nan, np.float32)
    width = -(-(end - start) // _WIDTH_STEP) * _WIDTH_STEP
    for one in np.unique(width).tolist():
        same = np.flatnonzero(width == one)
        for first in range(0, len(same), _ROWS_AT_A_TIME):
            rows = same[first : first + _ROWS_AT_A_TIME]
            window = _Window.cut(series, start[rows], end[rows], one)
            for i, (_, values) in enumerate(_columns(window)):
                X[rows, i] = values
    return X


@dataclass(frozen=True, slots=True, eq=False)
class _Window:
    """Windows of about one length, side by side: `(n, width)`, padded by repeating the last bar."""

    series: Series
    start: Bars
    last: Bars
    at: Bars
    lowest: Floats
    range: Floats
    close: Floats

    @classmethod
    def cut(cls, series: Series, start: Bars, end: Bars, width: int) -> "_Window":
        at = np.minimum(start[:, None] + np.arange(width), end[:, None] - 1)
        close = series.close[at]
        lowest = close.min(axis=1)
        height = np.maximum(close.max(axis=1) - lowest, _SMALLEST)
        return cls(series, start, end - 1, at, lowest, height, (close - lowest[:, None]) / height[:, None])

    @property
    def bars(self) -> Bars:
        return self.last - self.start + 1

    def scaled(self, prices: Floats) -> Floats:
        return (prices - self.lowest[:, None]) / self.range[:, None]


def _columns(window: _Window) -> Named:
    yield from _size(window)
    yield from _path(window)
    yield from _edges(window)
    swings = window.series.swings
    high = _strengths(window, swings.high_before, swings.high_after)
    low = _strengths(window, swings.low_before, swings.low_after)
    yield from _view("up", window, window.close, high, low)
    yield from _view("down", window, 1.0 - window.close, low, high)


def _size(window: _Window) -> Named:
    """Length, height against what is usual before and inside, direction and its efficiency."""
    bars = window.bars.astype(np.float64)
    inside = np.where(np.diff(window.at, prepend=-1) > 0, window.series.true_range[window.at], 0.0)
    usual = np.maximum(inside.sum(axis=1) / bars, _SMALLEST)
    travelled = np.abs(np.diff(window.close, axis=1)).sum(axis=1)
    move = window.close[:, -1] - window.close[:, 0]
    with np.errstate(divide="ignore"):
        before = np.maximum(window.series.range_before[window.start], _SMALLEST)
    yield "length", np.log(bars)
    yield "height_to_range_before", np.log(window.range / before)
    yield "height_to_range_inside", np.log(window.range / (usual * np.sqrt(bars)))
    yield "first_close", window.close[:, 0]
    yield "last_close", window.close[:, -1]
    yield "move", move
    yield "efficiency", np.abs(move) / np.maximum(travelled, _SMALLEST)


def _path(window: _Window) -> Named:
    """The closes at equal distances, and the highs and lows between them."""
    rows = np.arange(len(window.start))[:, None]
    exact = np.linspace(0.0, 1.0, _PATH_POINTS) * (window.bars[:, None] - 1)
    left = exact.astype(np.int64)
    right = np.minimum(left + 1, window.bars[:, None] - 1)
    closes = window.close
    points = closes[rows, left] + (exact - left) * (closes[rows, right] - closes[rows, left])
    yield from ((f"path_close_{i:02d}", points[:, i]) for i in range(_PATH_POINTS))
    bins = (np.arange(_ENVELOPE_BINS) * window.bars[:, None]) // _ENVELOPE_BINS
    edges = (bins + rows * closes.shape[1]).ravel()
    for name, prices, extreme in (
        ("high", window.series.high, np.maximum),
        ("low", window.series.low, np.minimum),
    ):
        envelope = extreme.reduceat(window.scaled(prices[window.at]).ravel(), edges).reshape(bins.shape)
        yield from ((f"path_{name}_{i}", envelope[:, i]) for i in range(_ENVELOPE_BINS))


def _edges(window: _Window) -> Named:
    """How many bars back the first and the last close were not exceeded, and how many ahead inside."""
    swings, bars = window.series.swings, window.bars
    for name, before, after in (
        ("high", swings.high_before, swings.high_after),
        ("low", swings.low_before, swings.low_after),
    ):
        yield f"start_{name}_before", before[window.start].astype(np.float64)
        yield f"start_{name}_after", np.minimum(after[window.start], bars).astype(np.float64)
        yield f"end_{name}_before", before[window.last].astype(np.float64)


def _strengths(
    window: _Window, before: NDArray[np.int16], after: NDArray[np.int16]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bars before and after each bar without a close beyond; of those after, the ones inside the window."""
    left = window.last[:, None] - window.at + 1
    return before[window.at].astype(np.int64), np.minimum(after[window.at], left)


def _view(
    name: str,
    window: _Window,
    closes: Floats,
    own: tuple[NDArray[np.int64], NDArray[np.int64]],
    other: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> Named:
    """The way to the highest close, the way from there, and the strongest swings on both."""
    rows, at = np.arange(len(closes)), np.arange(closes.shape[1])
    tip = closes.argmax(axis=1)
    before, after = at < tip[:, None], at > tip[:, None]
    bars = window.bars
    inside = at < bars[:, None]
    rest = np.where(~before, closes, np.inf)
    lowest_after = rest.argmin(axis=1)
    yield f"{name}_tip_bar", tip.astype(np.float64)
    yield f"{name}_tip_position", tip / bars
    yield f"{name}_bars_after_tip", (bars - 1 - tip).astype(np.float64)
    yield f"{name}_tip_before", own[0][rows, tip].astype(np.float64)
    yield f"{name}_tip_after", own[1][rows, tip].astype(np.float64)
    yield f"{name}_fall_after_tip", 1.0 - rest[rows, lowest_after]
    yield f"{name}_lowest_after_tip_position", (lowest_after - tip) / bars
    yield f"{name}_lowest_before_tip", np.where(~after, closes, np.inf).min(axis=1)
    pullback = np.where(
        ~after, np.maximum.accumulate(np.where(~after, closes, -np.inf), axis=1) - closes, 0.0
    )
    yield f"{name}_pullback_before_tip", pullback.max(axis=1)
    yield f"{name}_pullback_before_tip_position", pullback.argmax(axis=1) / bars
    recovery = np.where(after, closes - np.minimum.accumulate(rest, axis=1), 0.0)
    yield f"{name}_recovery_after_tip", recovery.max(axis=1)
    yield from _line(name, closes, inside & ~before, tip, bars)
    parts = (("before", before & (at > 0)), ("after", after & (at < bars[:, None] - 1)))
    for kind, (back, ahead) in (("high", own), ("low", other)):
        for where, part in parts:
            strength = np.where(part, np.minimum(back, ahead), 0)
            yield from _strongest(f"{name}_{kind}_{where}_tip", strength, closes, tip, bars)


def _line(name: str, closes: Floats, part: NDArray[np.bool_], tip: Bars, bars: Bars) -> Named:
    """The least-squares line through the closes from the tip on: slope, scatter, the last close beyond it."""
    count = part.sum(axis=1)
    x = np.where(part, np.arange(closes.shape[1]) - (tip + (count - 1) / 2)[:, None], 0.0)
    mean = np.where(part, closes, 0.0).sum(axis=1) / count
    y = np.where(part, closes - mean[:, None], 0.0)
    slope = (x * y).sum(axis=1) / np.maximum((x * x).sum(axis=1), _SMALLEST)
    off = y - slope[:, None] * x
    yield f"{name}_slope_after_tip", slope * bars
    yield f"{name}_scatter_after_tip", np.sqrt((off * off).sum(axis=1) / count)
    yield f"{name}_last_beyond_line", off[np.arange(len(closes)), bars - 1]


def _strongest(name: str, strength: NDArray[np.int64], closes: Floats, tip: Bars, bars: Bars) -> Named:
    """The strongest swing, where it is and how high, and the second strongest."""
    rows = np.arange(len(closes))
    first = strength.argmax(axis=1)
    found = strength[rows, first] > 0
    yield f"{name}_strength", strength[rows, first].astype(np.float64)
    yield f"{name}_position", np.where(found, (first - tip) / bars, np.nan)
    yield f"{name}_close", np.where(found, closes[rows, first], np.nan)
    near = np.abs(np.arange(closes.shape[1]) - first[:, None]) <= 2
    yield f"{name}_second_strength", np.where(near, 0, strength).max(axis=1).astype(np.float64)


def _names() -> tuple[str, ...]:
    n = PAST_BARS + 2
    flat = np.linspace(1.0, 2.0, n)
    candles = Candles("NONE", "1h", np.arange(n, dtype=np.int64) * 3_600, flat, flat, flat, flat)
    window = _Window.cut(Series.of(candles), np.array([0]), np.array([4]), _WIDTH_STEP)
    return tuple(name for name, _ in _columns(window))


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
    for first in range(0, len(start), _ROWS_AT_A_TIME):
        rows = slice(first, first + _ROWS_AT_A_TIME)
        width = int((end[rows] - start[rows]).max())
        window = _Window.cut(series, start[rows], end[rows], width)
        closes[rows] = window.scaled(series.close[np.where(there[rows], at[rows], 0)])
    return np.where(there, closes, np.float32(np.nan))


def _distances(padding: int) -> tuple[int, ...]:
    """Nearly doubling: 1, 2, 3, 5, 8 … up to the padding."""
    found, bars = [], 1
    while bars <= padding:
        found.append(bars)
        bars = max(bars + 1, round(bars * 1.6))
    return tuple(found)
