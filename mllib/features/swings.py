"""Swings: how long before and after a bar the close was not exceeded.

The strength of a swing is counted in bars, so that it knows no scale, and only as far as a cap, so that
it has finite memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.features.windows import Floats

Counts = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Swings:
    """Bars since and until a close beyond that of each bar, `int16 (n_bars,)`, `cap + 1` where there is none.

    `*_before` reads the `cap` bars before, `*_after` those after; where the series begins or ends sooner,
    what is not there exceeds nothing.
    """

    cap: int
    high_before: Counts
    high_after: Counts
    low_before: Counts
    low_after: Counts

    @property
    def strength(self) -> Counts:
        """Bars until a close beyond on the nearer side, upwards or downwards, whichever are more."""
        high = np.minimum(self.high_before, self.high_after)
        strongest: Counts = np.maximum(high, np.minimum(self.low_before, self.low_after))
        return strongest

    def starts(self, least_bars: int) -> NDArray[np.int64]:
        """The bars whose close no other within `least_bars` on either side exceeds, upwards or downwards."""
        return np.flatnonzero(self.strength > least_bars)

    def between(self, first_bar: int, end_bar: int) -> "Swings":
        """The swings of the bars of a half-open range, as views."""
        counts = (self.high_before, self.high_after, self.low_before, self.low_after)
        return Swings(self.cap, *(x[first_bar:end_bar] for x in counts))


def find_swings(closes: Floats, *, cap: int) -> Swings:
    """The swings of closing prices `(n_bars,)`; equal closes exceed nothing.

    >>> find_swings(np.array([1.0, 3.0, 2.0, 4.0]), cap=3).high_after
    array([1, 2, 1, 4], dtype=int16)
    """
    high_before, high_after = _bars_until_higher(closes, cap)
    low_before, low_after = _bars_until_higher(-closes, cap)
    return Swings(cap, high_before, high_after, low_before, low_after)


def _bars_until_higher(x: Floats, cap: int) -> tuple[Counts, Counts]:
    """Going back and going forward; the nearest is written last."""
    before = np.full(len(x), cap + 1, np.int16)
    after = before.copy()
    for lag in range(min(cap, len(x) - 1), 0, -1):
        rises = x[lag:] > x[:-lag]
        after[:-lag][rises] = lag
        before[lag:][x[:-lag] > x[lag:]] = lag
    return before, after
