"""Extremes of any range of bars by two look-ups, and running values from the bars that ranges begin at.

What is said of a range depends on the bars in it alone, bit by bit, wherever the series begins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.features.windows import Floats

Bars = NDArray[np.int64]
_CLASS_GROWTH = 4


@dataclass(frozen=True, slots=True, eq=False)
class RangeMaxima:
    """The largest of the values in ranges of bounded length.

    A range is the union of two blocks of 2^level values; the table holds the maxima of all blocks, level
    by level, each as long as the values are.
    """

    table: NDArray[Any]
    levels: Bars
    """The level of each length of a range."""
    n: int

    @classmethod
    def of(cls, values: NDArray[Any], *, longest: int) -> "RangeMaxima":
        """For ranges of at most `longest` of the `values (n,)`."""
        levels = np.frexp(np.maximum(np.arange(longest + 1), 1).astype(np.float64))[1].astype(np.int64) - 1
        table = np.empty((int(levels[-1]) + 1, len(values)), values.dtype)
        table[0] = values
        for level, (below, block) in enumerate(pairwise(table)):
            size = 1 << level
            block[:] = below
            np.maximum(below[:-size], below[size:], out=block[:-size])
        return cls(table.ravel(), levels, len(values))

    def over(self, first: Bars, last: Bars) -> NDArray[Any]:
        """The maximum of each range, both ends included; 0 where it ends before it begins."""
        length = last - first + 1
        level = self.levels.take(length, mode="clip")
        block = level * self.n + first
        largest: NDArray[Any] = np.maximum(
            self.table.take(block, mode="clip"),
            self.table.take(block + (length - (1 << level)), mode="clip"),
        )
        largest[length <= 0] = 0
        return largest


@dataclass(frozen=True, slots=True, eq=False)
class Highest:
    """Where in ranges of bounded length the highest value is, the first one of equals."""

    codes: RangeMaxima
    mask: int

    @classmethod
    def of(cls, values: Floats, *, longest: int) -> "Highest":
        """For ranges of at most `longest` of the `values (n,)`."""
        bits = len(values).bit_length()
        mask = (1 << bits) - 1
        rank = np.unique(values, return_inverse=True)[1]
        codes = (rank << bits) | (mask - np.arange(len(values)))
        return cls(RangeMaxima.of(codes, longest=longest), mask)

    def within(self, first: Bars, last: Bars) -> Bars:
        """The position of the highest value of each range, both ends included; none is empty."""
        bar: Bars = self.mask - (self.codes.over(first, last) & self.mask)
        return bar


def running(compute: Callable[[Bars], Sequence[NDArray[Any]]], first: Bars, last: Bars) -> list[NDArray[Any]]:
    """What `compute` has at the `last` bar of each range when it runs from its `first` one on.

    `compute` is given bars `(n, n_bars)`, in each row those from a distinct first one on, and returns running
    values of that shape. Ranges of about one length are computed side by side.
    """
    n_bars = int(last.max(initial=-1)) + 1
    reach = np.zeros(n_bars, np.int64)
    np.maximum.at(reach, first, last - first + 1)
    home = np.empty(n_bars, np.int64)
    found: list[Sequence[NDArray[Any]]] = []
    cells, low, high = 0, 0, _CLASS_GROWTH
    while low < reach.max(initial=0):
        some = np.flatnonzero((reach > low) & (reach <= high))
        if len(some):
            at = np.minimum(some[:, None] + np.arange(reach[some].max()), n_bars - 1)
            home[some] = cells + np.arange(len(some)) * at.shape[1]
            found.append(compute(at))
            cells += at.size
        low, high = high, high * _CLASS_GROWTH
    where = home[first] + (last - first)
    return [np.concatenate([values.ravel() for values in one])[where] for one in zip(*found, strict=True)]
