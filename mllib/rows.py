"""Rows, what a model judges, and targets, what is known about them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What a model judges, without any label.

    `X` float32 (n, f), NaN where not known; `series` which of the pooled series; `start:end` the bars
    judged (half-open positions in their series); `reads_from`/`reads_to` the closed time interval that the
    features read (Unix s); `known_at` the time from which the row no longer changes; `segment` the
    contiguous piece a row belongs to (sequence models need it, trees ignore it).
    """

    X: NDArray[np.float32]
    series: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    reads_from: NDArray[np.int64]
    reads_to: NDArray[np.int64]
    known_at: NDArray[np.int64]
    segment: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.X)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Rows":
        """The chosen rows, by mask or position; views of these where the mask chooses one stretch."""
        part = _stretch(chosen)
        return Rows(*(getattr(self, f.name)[part] for f in fields(self)))

    def places(self) -> "Rows":
        """The same rows without their features: `X` of shape (n, 0)."""
        return replace(self, X=np.empty((len(self), 0), np.float32))

    def shifted(self, bars: int) -> "Rows":
        """The same rows where their series begins `bars` bars earlier."""
        return replace(self, start=self.start + bars, end=self.end + bars)

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> "Rows":
        """One table from rows of the same series, in this order."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))

    @classmethod
    def concatenate(cls, parts: Sequence["Rows"]) -> "Rows":
        """One table from the rows of several series; `series` and `segment` become their ordinals."""
        numbered = [
            replace(part, series=np.full(len(part), i, np.int32), segment=np.full(len(part), i, np.int32))
            for i, part in enumerate(parts)
        ]
        return cls.joined(numbered)


def _stretch(
    chosen: NDArray[np.bool_] | NDArray[np.intp],
) -> NDArray[np.bool_] | NDArray[np.intp] | slice:
    """A slice where a mask is true on one stretch only: a matrix of gigabytes is then not copied.

    >>> _stretch(np.array([False, True, True, False]))
    slice(1, 3, None)
    """
    if chosen.dtype != bool or not chosen.any():
        return chosen
    first, last = int(chosen.argmax()), len(chosen) - int(chosen[::-1].argmax())
    return slice(first, last) if chosen[first:last].all() else chosen


@dataclass(frozen=True, slots=True)
class Part:
    """What is learned apart from the rest: rows of some lengths, with their own features and targets.

    `features` and `columns` are the stretches `[first, end)` of `Rows.X` and of the targets that belong to
    it; the features of all other rows are NaN there, and their targets unknown.
    """

    features: tuple[int, int]
    columns: tuple[int, int]
    least_bars: int = 1
    most_bars: int | None = None

    def holds(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows belong to it: `bool (n,)`."""
        bars = rows.end - rows.start
        held: NDArray[np.bool_] = bars >= self.least_bars
        return held if self.most_bars is None else held & (bars <= self.most_bars)

    def inputs(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Its own features, as a view."""
        return X[:, slice(*self.features)]


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What is known about rows: `Y` float32 (n, k) in {0, 1}, `mask` bool (n, k) where it is known at
    all, `weights` float32 (n, k) of the known cells; `columns` names the k targets.
    """

    columns: tuple[str, ...]
    Y: NDArray[np.float32]
    mask: NDArray[np.bool_]
    weights: NDArray[np.float32]

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Targets":
        """The targets of the chosen rows, by mask or position."""
        return Targets(self.columns, self.Y[chosen], self.mask[chosen], self.weights[chosen])

    def of(self, part: Part) -> "Targets":
        """The columns of one part, as views."""
        own = slice(*part.columns)
        return Targets(self.columns[own], self.Y[:, own], self.mask[:, own], self.weights[:, own])

    @classmethod
    def concatenate(cls, parts: Sequence["Targets"]) -> "Targets":
        """One table from the targets of several series with the same columns."""
        stacked = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("Y", "mask", "weights")
        )
        return cls(parts[0].columns, *stacked)
