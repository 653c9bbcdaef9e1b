"""One-to-one matching of spans by intersection over union, for metrics, tuning and merging."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]


def overlaps(a: Positions, b: Positions) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Every pair of half-open spans that share bars: indices into `a (n, 2)` and `b (m, 2)`, and IoU.

    Linear in spans and overlapping pairs, so long as spans are short against the series.

    >>> overlaps(np.array([[0, 4]]), np.array([[2, 6], [8, 9]]))[2]
    array([0.33333333])
    """
    order = np.argsort(b[:, 0], kind="stable")
    starts, longest = b[order, 0], int((b[:, 1] - b[:, 0]).max(initial=0))
    first = np.searchsorted(starts, a[:, 0] - longest, side="right")
    last = np.searchsorted(starts, a[:, 1], side="left")
    counts = np.maximum(last - first, 0)
    i = np.repeat(np.arange(len(a)), counts)
    offsets = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    j = order[np.repeat(first, counts) + offsets]
    shared = np.minimum(a[i, 1], b[j, 1]) - np.maximum(a[i, 0], b[j, 0])
    some = shared > 0
    i, j, shared = i[some], j[some], shared[some]
    union = (a[i, 1] - a[i, 0]) + (b[j, 1] - b[j, 0]) - shared
    return i, j, shared / union


def match(a: Positions, b: Positions, *, least_iou: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of spans of one label, one to one, the highest IoU first; none below `least_iou`.

    Ties go to the earlier span of `a`, then of `b`, so that the result does not depend on anything else.
    """
    i, j, iou = overlaps(a, b)
    enough = iou >= least_iou
    i, j, iou = i[enough], j[enough], iou[enough]
    free_a, free_b = np.ones(len(a), dtype=bool), np.ones(len(b), dtype=bool)
    chosen = []
    for k in np.lexsort((j, i, -iou)):
        if free_a[i[k]] and free_b[j[k]]:
            free_a[i[k]] = free_b[j[k]] = False
            chosen.append(k)
    return i[chosen], j[chosen]


class Matched(NamedTuple):
    """Spans of one label that count: how many pairs there are, how many were predicted, how many are true."""

    matched: int
    predicted: int
    true: int


def count_matches(
    found: Positions, truth: Positions, counted: NDArray[np.bool_], *, least_iou: float
) -> Matched:
    """Matches all spans, then counts those that lie `mostly_on` bars that count, `bool (n_bars,)`.

    A pair counts where its true span does: found or not, a span counts in the same place.
    """
    i, j = match(found, truth, least_iou=least_iou)
    true, predicted = mostly_on(truth, counted), mostly_on(found, counted)
    hits = int(true[j].sum())
    predicted[i] = False
    return Matched(hits, hits + int(predicted.sum()), int(true.sum()))


def mostly_on(spans: Positions, bars: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which half-open spans `(n, 2)` have more than half of their bars among the chosen `bool (n_bars,)`.

    Whoever looked at these bars can tell whether a predicted span is right: a true one that it matches (IoU
    of 0.5 or more) has at least half of its bars, and therefore one that was looked at. Were all its bars
    asked for, false alarms would vanish where the places that were looked at are about as long as spans.

    >>> mostly_on(np.array([[0, 4], [1, 4]]), np.array([True, True, True, False])).tolist()
    [True, True]
    >>> mostly_on(np.array([[0, 4], [1, 5]]), np.array([False, True, True, False, False])).tolist()
    [False, False]
    """
    most: NDArray[np.bool_] = 2 * _bars_on(spans, bars) > spans[:, 1] - spans[:, 0]
    return most


def wholly_on(spans: Positions, bars: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which half-open spans `(n, 2)` lie wholly on the chosen bars `bool (n_bars,)`; empty ones do not."""
    lengths = spans[:, 1] - spans[:, 0]
    inside: NDArray[np.bool_] = (_bars_on(spans, bars) == lengths) & (lengths > 0)
    return inside


def covered(spans: Positions, n_bars: int) -> NDArray[np.bool_]:
    """The bars that lie on any of the half-open spans `(n, 2)`: `bool (n_bars,)`.

    >>> covered(np.array([[0, 2], [1, 3]]), 5).tolist()
    [True, True, True, False, False]
    """
    edges = np.bincount(spans[:, 0], minlength=n_bars + 1) - np.bincount(spans[:, 1], minlength=n_bars + 1)
    on_any: NDArray[np.bool_] = np.cumsum(edges[:n_bars]) > 0
    return on_any


def _bars_on(spans: Positions, bars: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many bars of each span are chosen: `int64 (n,)`."""
    total = np.concatenate([[0], np.cumsum(bars)])
    return np.asarray(total[spans[:, 1]] - total[spans[:, 0]], np.int64)
