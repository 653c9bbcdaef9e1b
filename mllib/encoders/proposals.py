"""Which windows of a chart are worth judging: those that begin at a swing and look like the labels' spans.

A window begins where no close nearby is more extreme, and ends at any bar. Of all these only those are
proposed whose outline (a few numbers that running extremes give for all ends at once) lies within the bounds
that some label's spans had in training. What a window's outline reads ends with the window.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mllib.candles import Candles
from mllib.features.swings import Counts
from mllib.features.window_shape import Series
from mllib.features.windows import Floats
from mllib.matching import Positions, overlaps
from mllib.timeframes import SECONDS

SWING_BARS = (8, 5, 3, 1, 0)
"""How far around its start a window's first close is the most extreme; at 0 windows begin anywhere."""

_REACHABLE_IOU = 0.8
_REACHABLE_SHARE = 0.95
_TYPICAL = 0.005
_FEW_BARS = 8
"""Labels of so many bars begin at most bars and have few lengths, longer ones the other way round: what they
have in common is computed once for each of the two kinds."""
_BARS_AT_A_TIME = 1_024
_LENGTHS_A_DOUBLING = 32
_SMALLEST = 1e-9
_MAY_BE_FLAT_BARS = 5
"""Patterns of a few candles may have equal closes, such as matching lows."""


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

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many bars its windows may have."""
        return window_lengths(self.least_bars, self.most_bars)

    def hold(self, outline: Floats, strength: Counts) -> NDArray[np.intp]:
        """Which windows lie within, by their outlines `(n, n_columns)` and their starts' strength `(n,)`."""
        longest = int(outline[:, 0].max(initial=self.most_bars))
        possible = np.zeros(longest + 1, bool)
        possible[self.lengths] = True
        some = np.flatnonzero(possible[outline[:, 0].astype(np.int64)] & (strength > self.swing_bars))
        if not self.lowest:
            return some
        columns = outline.T[:, some]
        lowest, highest = (np.array(bound)[:, None] for bound in (self.lowest, self.highest))
        return some[np.logical_and.reduce((columns >= lowest) & (columns <= highest), axis=0)]


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


@lru_cache
def window_lengths(least_bars: int, most_bars: int) -> NDArray[np.int64]:
    """Every length up to 64 bars, then one in so many, as fine in proportion.

    >>> window_lengths(62, 70)
    array([62, 63, 64, 66, 68, 70])
    """
    lengths, bars = [], least_bars
    while bars <= most_bars:
        lengths.append(bars)
        bars += max(bars // _LENGTHS_A_DOUBLING, 1)
    found = np.array(lengths, np.int64)
    found.setflags(write=False)  # shared with whoever asks next
    return found


def propose_windows(series: Series, bounds: Sequence[Bounds]) -> Positions:
    """The half-open windows `(n, 2)` that any of the bounds hold, by start and end."""
    few, many = ([one for one in bounds if (one.most_bars > _FEW_BARS) == more] for more in (False, True))
    longest = max((one.most_bars for one in bounds), default=0)
    strength, n = series.swings.strength, len(series.close)
    found = [np.empty((0, 2), np.int64)]
    for first in range(0, n, _BARS_AT_A_TIME):
        held = np.zeros((min(_BARS_AT_A_TIME, n - first), longest + 1), bool)
        for group in (few, many):
            least = min((one.swing_bars for one in group), default=0)
            starts = first + np.flatnonzero(strength[first : first + len(held)] > least)
            lengths = np.unique(np.concatenate([np.empty(0, np.int64), *(one.lengths for one in group)]))
            windows, outline = outline_windows(series, starts, lengths)
            for one in group:
                start, end = windows[one.hold(outline, strength[windows[:, 0]])].T
                held[start - first, end - start] = True
        start, length = np.divmod(np.flatnonzero(held), longest + 1)
        found.append(np.stack([first + start, first + start + length], axis=1))
    return np.concatenate(found)


def outline_windows(
    series: Series, starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[Positions, Floats]:
    """All windows of these starts and lengths that the series holds `(n, 2)`, and their outlines `(n, 12)`.

    A longer window whose closes are all the same is none: a market that stands still has no patterns, and
    each of its bars would be a swing.

    Length, bars since the highest and since the lowest close, first and last close within the range, height
    against the usual range; bars before and after (inside) that the first close, the highest and the lowest
    are not exceeded.
    """
    if not len(starts) or not len(lengths):
        return np.empty((0, 2), np.int64), np.empty((0, 12))
    swings, start, last = series.swings, starts[:, None], lengths - 1
    at = np.minimum(start + np.arange(lengths[-1]), len(series.close) - 1)
    closes = series.close[at]
    high, top, low, bottom = (x.take(last, axis=1) for x in _running(closes))
    usual = np.cumsum(series.true_range[at], axis=1).take(last, axis=1) / lengths
    height = np.maximum(high - low, _SMALLEST)
    columns = [
        lengths,
        last - top,
        last - bottom,
        (closes[:, :1] - low) / height,
        (closes.take(last, axis=1) - low) / height,
        np.log(height / np.maximum(usual * np.sqrt(lengths), _SMALLEST)),
        np.minimum(swings.high_before[start], np.minimum(swings.high_after[start], lengths)),
        np.minimum(swings.low_before[start], np.minimum(swings.low_after[start], lengths)),
        swings.high_before[start + top],
        np.minimum(swings.high_after[start + top], lengths - top),
        swings.low_before[start + bottom],
        np.minimum(swings.low_after[start + bottom], lengths - bottom),
    ]
    outline = np.stack(np.broadcast_arrays(*columns), dtype=np.float64, casting="same_kind")
    drawn = (high > low) | (lengths <= _MAY_BE_FLAT_BARS)
    there = np.flatnonzero((drawn & (start + lengths <= len(series.close))).ravel())
    row, length = np.divmod(there, len(lengths))
    windows = np.stack([starts[row], starts[row] + lengths[length]], axis=1)
    return windows, outline.reshape(len(columns), -1)[:, there].T


def _running(closes: Floats) -> tuple[Floats, Positions, Floats, Positions]:
    """The highest close from each row's first bar on and where it is, then the lowest: `(n, n_bars)` each."""
    bars = np.arange(closes.shape[1])
    found = []
    for extreme, beyond in ((np.maximum, np.greater), (np.minimum, np.less)):
        running = extreme.accumulate(closes, axis=1)
        new = np.zeros(closes.shape, np.int64)
        new[:, 1:] = np.where(beyond(closes[:, 1:], running[:, :-1]), bars[1:], 0)
        found += [running, np.maximum.accumulate(new, axis=1)]
    high, high_bar, low, low_bar = found
    return high, high_bar, low, low_bar


def fixed_windows(candles: Candles, window_size: int) -> Positions:
    """Windows of one size, an eighth of it apart by the clock, wherever the series begins."""
    n, step = len(candles), max(window_size // 8, 1)
    starts = np.flatnonzero(candles.time // SECONDS[candles.timeframe] % step == 0)
    starts = starts[starts + window_size <= n]
    return np.stack([starts, starts + window_size], axis=1)
