"""Which windows of a chart are worth judging: those that begin at a swing and look like the labels' spans.

A window begins where no close nearby is more extreme, and ends at any bar. Of all these only those are
proposed whose outline (a few numbers that running extremes give for all ends at once) lies within the bounds
that some label's spans had in training. What a window's outline reads ends with the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mllib.candles import Candles
from mllib.features.window_shape import Series
from mllib.features.windows import Floats
from mllib.matching import Positions, overlaps
from mllib.timeframes import SECONDS

SWING_BARS = (8, 5, 3, 1, 0)
"""How far around its start a window's first close is the most extreme; at 0 windows begin anywhere."""

_REACHABLE_IOU = 0.8
_REACHABLE_SHARE = 0.95
_TYPICAL = 0.005
_STARTS_AT_A_TIME = 512
_LENGTHS_A_DOUBLING = 32
_SMALLEST = 1e-9


class Bounds(BaseModel):
    """The windows that one label's spans may be: begun at such a swing, within these outlines.

    `lowest` and `highest` bound the columns of `outline_windows`; without any, every window of `least_bars`
    to `most_bars` is proposed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    swing_bars: int
    least_bars: int
    most_bars: int
    lowest: tuple[float, ...] = ()
    highest: tuple[float, ...] = ()

    def hold(self, outline: Floats) -> NDArray[np.bool_]:
        """Which outlines `(n, n_columns)` lie within: `bool (n,)`."""
        if not self.lowest:
            return np.ones(len(outline), bool)
        inside = (outline >= self.lowest) & (outline <= self.highest)
        within: NDArray[np.bool_] = np.logical_and.reduce(inside, axis=1)
        return within


def learn_bounds(examples: Sequence[tuple[Series, Positions]], *, within: tuple[int, int]) -> Bounds:
    """The bounds of a label from its spans in each series; lengths are cut to `within` bars."""
    lengths = np.concatenate([found[:, 1] - found[:, 0] for _, found in examples]).clip(*within)
    least, most = int(lengths.min()), int(lengths.max())
    inside = [bars for bars in SWING_BARS if bars < least]
    swing = next(bars for bars in inside if not bars or _reached(examples, bars) >= _REACHABLE_SHARE)
    wide = Bounds(swing_bars=swing, least_bars=least, most_bars=most)
    outlines = [_nearest_outlines(series, found, wide) for series, found in examples]
    seen = np.concatenate(outlines)
    if not len(seen):
        return wide
    lowest, highest = np.quantile(seen, [_TYPICAL, 1 - _TYPICAL], axis=0)
    margin = (highest - lowest) / len(seen) + _SMALLEST
    return wide.model_copy(
        update={"lowest": tuple((lowest - margin).tolist()), "highest": tuple((highest + margin).tolist())}
    )


def _reached(examples: Sequence[tuple[Series, Positions]], swing_bars: int) -> float:
    """The share of spans that a window from such a swing to their own end would nearly be."""
    reached = []
    for series, found in examples:
        starts = series.swings.starts(swing_bars)
        for start, end in found.tolist():
            near = starts[np.searchsorted(starts, 2 * start - end) : np.searchsorted(starts, end)]
            bars = end - start
            iou = np.minimum(end - near, bars) / np.maximum(end - near, bars)
            reached.append(iou.max(initial=0.0) >= _REACHABLE_IOU)
    return float(np.mean(reached))


def _nearest_outlines(series: Series, found: Positions, wide: Bounds) -> Floats:
    """The outlines of the windows that are nearest to the spans."""
    starts = series.swings.starts(wide.swing_bars)
    near = _near(starts, found, wide.most_bars)
    windows, outline = outline_windows(series, near, window_lengths(wide.least_bars, wide.most_bars))
    i, j, iou = overlaps(windows, found)
    best = np.zeros(len(found))
    np.maximum.at(best, j, iou)
    return outline[np.unique(i[(iou >= 0.98 * best[j]) & (iou >= 0.5)])]


def _near(starts: NDArray[np.int64], found: Positions, bars: int) -> NDArray[np.int64]:
    near = np.zeros(len(starts), bool)
    for start, end in found.tolist():
        near[np.searchsorted(starts, start - bars) : np.searchsorted(starts, end)] = True
    return starts[near]


def window_lengths(least_bars: int, most_bars: int) -> NDArray[np.int64]:
    """Every length up to 64 bars, then one in so many, as fine in proportion.

    >>> window_lengths(62, 70)
    array([62, 63, 64, 66, 68, 70])
    """
    lengths, bars = [], least_bars
    while bars <= most_bars:
        lengths.append(bars)
        bars += max(bars // _LENGTHS_A_DOUBLING, 1)
    return np.array(lengths, np.int64)


def propose_windows(series: Series, bounds: Sequence[Bounds]) -> Positions:
    """The half-open windows `(n, 2)` that any of the bounds hold, by start and end."""
    found = [np.empty((0, 2), np.int64)]
    for swing in sorted({one.swing_bars for one in bounds}):
        group = [one for one in bounds if one.swing_bars == swing]
        lengths = np.unique(np.concatenate([window_lengths(one.least_bars, one.most_bars) for one in group]))
        starts = series.swings.starts(swing)
        for first in range(0, len(starts), _STARTS_AT_A_TIME):
            windows, outline = outline_windows(series, starts[first : first + _STARTS_AT_A_TIME], lengths)
            held = np.logical_or.reduce([_of_length(one, windows) & one.hold(outline) for one in group])
            found.append(windows[held])
    return np.unique(np.concatenate(found), axis=0)


def _of_length(bounds: Bounds, windows: Positions) -> NDArray[np.bool_]:
    bars = windows[:, 1] - windows[:, 0]
    lengths = window_lengths(bounds.least_bars, bounds.most_bars)
    known: NDArray[np.bool_] = np.isin(bars, lengths)
    return known


@dataclass(frozen=True, slots=True, eq=False)
class _Running:
    """Extremes from each start on: `(n_starts, n_bars)`; `*_bar` counts from the start."""

    high: Floats
    low: Floats
    high_bar: NDArray[np.int64]
    low_bar: NDArray[np.int64]


def outline_windows(
    series: Series, starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[Positions, Floats]:
    """All windows of these starts and lengths that the series holds `(n, 2)`, and their outlines `(n, 12)`.

    Length, bars since the highest and since the lowest close, first and last close within the range, height
    against the usual range; bars before and after (inside) that the first close, the highest and the lowest
    are not exceeded.
    """
    if not len(starts) or not len(lengths):
        return np.empty((0, 2), np.int64), np.empty((0, 12))
    at = np.minimum(starts[:, None] + np.arange(lengths[-1]), len(series.close) - 1)
    close, running = series.close[at], _running(series.close[at])
    usual = np.cumsum(series.true_range[at], axis=1)[:, lengths - 1] / lengths
    last = lengths - 1
    height = np.maximum((running.high - running.low)[:, last], _SMALLEST)
    first = (close[:, :1] - running.low[:, last]) / height
    swings, start = series.swings, starts[:, None]
    start_high = np.minimum(swings.high_before[start], np.minimum(swings.high_after[start], lengths))
    start_low = np.minimum(swings.low_before[start], np.minimum(swings.low_after[start], lengths))
    columns = [np.broadcast_to(lengths, height.shape).astype(np.float64)]
    columns += [
        (last - tip).astype(np.float64) for tip in (running.high_bar[:, last], running.low_bar[:, last])
    ]
    columns += [first, (close[:, last] - running.low[:, last]) / height]
    columns += [np.log(height / np.maximum(usual * np.sqrt(lengths), _SMALLEST)), start_high, start_low]
    for before, after, tip in (
        (swings.high_before, swings.high_after, running.high_bar[:, last]),
        (swings.low_before, swings.low_after, running.low_bar[:, last]),
    ):
        columns += [before[start + tip], np.minimum(after[start + tip], lengths - tip)]
    there = (starts[:, None] + lengths <= len(series.close)).ravel()
    ends = (starts[:, None] + lengths).ravel()[there]
    windows = np.stack([np.repeat(starts, len(lengths))[there], ends], axis=1)
    return windows, np.stack([column.ravel()[there] for column in columns], axis=1)


def _running(close: Floats) -> _Running:
    bars = np.arange(close.shape[1])
    found = []
    for x in (close, -close):
        running = np.maximum.accumulate(x, axis=1)
        rises = np.ones(x.shape, bool)
        rises[:, 1:] = x[:, 1:] > running[:, :-1]
        found.append((running, np.maximum.accumulate(np.where(rises, bars, 0), axis=1)))
    (high, high_bar), (negative_low, low_bar) = found
    return _Running(high, -negative_low, high_bar, low_bar)


def fixed_windows(candles: Candles, window_size: int) -> Positions:
    """Windows of one size, an eighth of it apart by the clock, wherever the series begins."""
    n, step = len(candles), max(window_size // 8, 1)
    starts = np.flatnonzero(candles.time // SECONDS[candles.timeframe] % step == 0)
    starts = starts[starts + window_size <= n]
    return np.stack([starts, starts + window_size], axis=1)
