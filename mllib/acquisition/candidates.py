"""Places that a person may be asked about: what a model predicts, and what it nearly predicts."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mllib.matching import Positions, covered

Floats = NDArray[np.float64]
Coverage = NDArray[np.float32] | Floats

LEAST_BARS = 2
"""A near miss of a label that is never predicted has at least so many bars."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Places by column: `series int64 (n,)` which of the series, `at int64 (n, 2)` half-open bar positions in
    it, `label int64 (n,)` which of the labels, and `regime int64 (n,)` which market regime.

    Whoever has neither several series nor regimes leaves zeros there.
    """

    series: NDArray[np.int64]
    at: Positions
    label: NDArray[np.int64]
    regime: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    @classmethod
    def on_one_series(cls, at: Positions, label: NDArray[np.int64]) -> "Candidates":
        """Places of a single series whose regimes do not matter."""
        nothing = np.zeros(len(at), np.int64)
        return cls(nothing, at, label, nothing)

    def take(self, chosen: NDArray[np.intp]) -> "Candidates":
        """The chosen places, by position."""
        return Candidates(*(getattr(self, f.name)[chosen] for f in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """One table from several, in this order."""
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


def distribution(confidence: Floats) -> Floats:
    """Rows of probabilities `float64 (n, k + 1)`, no pattern first, from confidences in k labels `(n, k)`.

    No pattern is as probable as the most probable label is not. Labels may overlap in the chart, so that
    their confidences need not add up; the rows do.

    >>> distribution(np.array([[0.48], [0.1]])).round(2).tolist()
    [[0.52, 0.48], [0.9, 0.1]]
    """
    held = np.clip(confidence, 0.0, 1.0)
    nothing = 1.0 - held.max(axis=1, initial=0.0, keepdims=True)
    rows = np.concatenate([nothing, held], axis=1)
    normalised: Floats = rows / rows.sum(axis=1, keepdims=True)
    return normalised


def confidences(coverage: Coverage, at: Positions) -> Floats:
    """The mean coverage `float64 (n, k)` of the bars of each half-open place, from `(n_bars, k)`."""
    total = np.zeros((len(coverage) + 1, coverage.shape[1]))
    np.cumsum(coverage, axis=0, out=total[1:])
    bars = np.maximum(at[:, 1] - at[:, 0], 1)[:, None]
    mean: Floats = np.clip((total[at[:, 1]] - total[at[:, 0]]) / bars, 0.0, 1.0)
    return mean


def islands(held: NDArray[np.bool_]) -> Positions:
    """The runs of bars that are held, `bool (n_bars,)`, as half-open positions `int64 (n, 2)`.

    >>> islands(np.array([True, False, True, True])).tolist()
    [[0, 1], [2, 4]]
    """
    edges = np.diff(np.concatenate([[0], held.astype(np.int8), [0]]))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1).astype(np.int64)


def near_misses(
    coverage: Coverage, predicted: Sequence[Positions], *, least: float
) -> tuple[Positions, NDArray[np.int64]]:
    """Where a label is at least so probable and yet no span of it is predicted: places, and their labels.

    `predicted` are the spans of each label of `coverage (n_bars, k)`. An island that touches one of them is
    its flank. Islands shorter than any span of the label are noise; of longer ones than any the bars around
    the most probable are taken.
    """
    found, labels = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.int64)]
    for column, spans in enumerate(predicted):
        own = coverage[:, column]
        at = _untouched(islands(own >= least), spans, len(coverage))
        bars = spans[:, 1] - spans[:, 0]
        shortest, longest = (int(bars.min()), int(bars.max())) if len(bars) else (LEAST_BARS, len(coverage))
        at = _around_peaks(at[at[:, 1] - at[:, 0] >= shortest], own, longest)
        found.append(at)
        labels.append(np.full(len(at), column, np.int64))
    return np.concatenate(found), np.concatenate(labels)


def _untouched(at: Positions, spans: Positions, n_bars: int) -> Positions:
    """The places that share no bar with a span, nor lie right beside one."""
    beside = np.clip(spans + np.array([-1, 1]), 0, n_bars)
    total = np.concatenate([[0], np.cumsum(covered(beside, n_bars))])
    free: Positions = at[total[at[:, 1]] == total[at[:, 0]]]
    return free


def _around_peaks(at: Positions, coverage: Coverage, most_bars: int) -> Positions:
    """The places, those that are too long cut to the bars around their most probable one."""
    cut = at.copy()
    for i in np.flatnonzero(at[:, 1] - at[:, 0] > most_bars):
        first, end = at[i]
        peak = first + int(np.argmax(coverage[first:end]))
        start = int(np.clip(peak - most_bars // 2, first, end - most_bars))
        cut[i] = start, start + most_bars
    return cut
