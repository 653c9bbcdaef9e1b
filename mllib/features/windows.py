"""Shifts and rolling windows over the last axis, by doubling.

Each result at bar t depends on the bars of its window alone and is combined in the same order wherever
the series starts, so that a slice and the whole history give bit-equal values (running sums do not).
Cost: O(n log w). Bars whose window reaches over an edge are NaN.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shift(x: Floats, bars: int) -> Floats:
    """`x[..., t - bars]` at t: later for positive, earlier for negative `bars`; NaN beyond the edges.

    >>> shift(np.array([1.0, 2.0, 3.0]), 1)
    array([nan,  1.,  2.])
    """
    out = np.full_like(x, np.nan)
    n = x.shape[-1]
    if bars >= 0:
        out[..., bars:] = x[..., : max(n - bars, 0)]
    else:
        out[..., : max(n + bars, 0)] = x[..., -bars:]
    return out


def rolling_sum(x: Floats, bars: int) -> Floats:
    """The sum over the last `bars` bars, t included.

    >>> rolling_sum(np.array([1.0, 2.0, 3.0, 4.0]), 3)
    array([nan, nan,  6.,  9.])
    """
    total, taken, block, size = None, 0, x, 1
    while size <= bars:
        if bars & size:
            total = block if total is None else total + shift(block, taken)
            taken += size
        if size * 2 <= bars:
            block = block + shift(block, size)
        size *= 2
    if total is None:
        raise ValueError(f"bars must be at least 1, got {bars}")
    return total


def rolling_mean(x: Floats, bars: int) -> Floats:
    """The mean over the last `bars` bars, t included."""
    return rolling_sum(x, bars) / bars


def rolling_max(x: Floats, bars: int) -> Floats:
    """The largest value of the last `bars` bars, t included.

    >>> rolling_max(np.array([3.0, 1.0, 2.0, 0.0]), 3)
    array([nan, nan,  3.,  2.])
    """
    block, size = x, 1
    while size * 2 <= bars:
        block = np.maximum(block, shift(block, size))
        size *= 2
    return np.maximum(block, shift(block, bars - size))


def rolling_min(x: Floats, bars: int) -> Floats:
    """The smallest value of the last `bars` bars, t included."""
    return -rolling_max(-x, bars)
