"""Shifts and rolling windows over the last axis, by doubling.

Each result at bar t depends on the bars of its window alone and is combined in the same order wherever
the series starts, so that a slice and the whole history give bit-equal values (running sums do not).
Cost: O(n log w). Bars whose window reaches over an edge are NaN.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AnyFloats = TypeVar("AnyFloats", NDArray[np.float64], NDArray[np.float32])


def shift(x: AnyFloats, bars: int) -> AnyFloats:
    """`x[..., t - bars]` at t: later for positive, earlier for negative `bars`; NaN beyond the edges.

    >>> shift(np.array([1.0, 2.0, 3.0]), 1)
    array([nan,  1.,  2.])
    """
    out = np.empty_like(x)
    later = _later(out, bars)
    later[...] = x[..., : later.shape[-1]] if bars >= 0 else x[..., x.shape[-1] - later.shape[-1] :]
    return out


def _later(out: AnyFloats, bars: int) -> AnyFloats:
    """The part of `out` that a shift by `bars` fills; NaN is written to the rest."""
    n = out.shape[-1]
    if bars >= 0:
        first = min(bars, n)
        out[..., :first] = np.nan
        return out[..., first:]
    last = max(n + bars, 0)
    out[..., last:] = np.nan
    return out[..., :last]


def _with_earlier(combine: np.ufunc, x: Floats, earlier: Floats, bars: int) -> Floats:
    """`combine(x[..., t], earlier[..., t - bars])` at t; NaN beyond the edge."""
    out = np.empty_like(x)
    later = _later(out, bars)
    combine(x[..., x.shape[-1] - later.shape[-1] :], earlier[..., : later.shape[-1]], out=later)
    return out


def rolling_sum(x: Floats, bars: int) -> Floats:
    """The sum over the last `bars` bars, t included.

    >>> rolling_sum(np.array([1.0, 2.0, 3.0, 4.0]), 3)
    array([nan, nan,  6.,  9.])
    """
    total, taken, block, size = None, 0, x, 1
    while size <= bars:
        if bars & size:
            total = block if total is None else _with_earlier(np.add, total, block, taken)
            taken += size
        if size * 2 <= bars:
            block = _with_earlier(np.add, block, block, size)
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
    return _rolling(np.maximum, x, bars)


def rolling_min(x: Floats, bars: int) -> Floats:
    """The smallest value of the last `bars` bars, t included."""
    return _rolling(np.minimum, x, bars)


def _rolling(choose: np.ufunc, x: Floats, bars: int) -> Floats:
    block, size = x, 1
    while size * 2 <= bars:
        block, size = _with_earlier(choose, block, block, size), size * 2
    return _with_earlier(choose, block, block, bars - size)
