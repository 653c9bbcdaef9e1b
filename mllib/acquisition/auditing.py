"""A random sample of what nobody has looked at, so that quality can be measured without bias."""

import zlib

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIXED_BY = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def audit_order(time: NDArray[np.int64], *, pair: str, timeframe: str, seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each bar, `float64 (n_bars,)`: those with the largest are drawn first.

    It depends on the series' name, the bar's open and the seed alone, never on what a model says. So a draw
    can be repeated, goes on where it was when some bars have been looked at, and stays when
    candles are added.

    Source: SplitMix64; Steele, Lea and Flood, 2014.
    """
    name = zlib.crc32(f"{pair} {timeframe} {seed}".encode())
    with np.errstate(over="ignore"):
        mixed = (time.astype(np.uint64) + np.uint64(name) * _GOLDEN) * _GOLDEN
        for bits, factor in _MIXED_BY:
            mixed = (mixed ^ (mixed >> np.uint64(bits))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2**53
