"""A constrained Viterbi over B/I/O that runs on islands, all of them at once.

An island is a run of bars whose probability of being inside a span reaches a cut; everywhere else the
lane is O. Islands are decoded independently, so a label depends on its island alone: memory is
finite in both directions. An overlong island is broken on a grid of absolute times, at a bar around
which it goes on for `reach_bars` on both sides, so that a slice breaks where the whole history does.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mllib.features.windows import Floats

Positions = NDArray[np.int64]
_SMALLEST = 1e-9
_O, _B, _I = 0, 1, 2


def islands(inside: NDArray[np.bool_], grid: NDArray[np.int64], reach_bars: int) -> Positions:
    """Runs of `inside (n_bars,)` as half-open positions `(n_islands, 2)`, overlong ones broken.

    `grid (n_bars,)` is a bar's time in units of `reach_bars` bars, rounded down. No run shorter than
    `2 * reach_bars` is broken, and what becomes of bar t depends on bars t ± `3 * reach_bars` only.
    """
    padded = np.concatenate([[False], inside, [False]])
    starts = np.flatnonzero(padded[1:-1] & ~padded[:-2])
    ends = np.flatnonzero(padded[1:-1] & ~padded[2:]) + 1
    breaks = _breaks(starts, ends, grid, reach_bars)
    return np.stack([np.union1d(starts, breaks), np.union1d(ends, breaks)], axis=1)


def _breaks(starts: Positions, ends: Positions, grid: NDArray[np.int64], reach_bars: int) -> Positions:
    ticks = np.flatnonzero(np.diff(grid)) + 1
    home = np.searchsorted(starts, ticks, side="right") - 1
    known = home >= 0
    ticks, home = ticks[known], home[known]
    deep = (ticks - starts[home] >= reach_bars) & (ends[home] - ticks >= reach_bars)
    return ticks[deep].astype(np.int64)


def decode_islands(begin: Floats, inside: Floats, found: Positions, enter_cost: float) -> Positions:
    """The most likely spans within the islands `found (m, 2)`, as half-open positions `(n_spans, 2)`.

    `begin` and `inside (n_bars,)` are the probabilities that a span starts at a bar and that it goes
    on there. Constraints: I follows B or I only. Each start costs `enter_cost` (in nats).
    """
    scores = _log_scores(begin, inside, enter_cost)
    lengths = found[:, 1] - found[:, 0]
    states = np.zeros(len(begin), dtype=np.int8)
    for low, high in _length_classes(lengths):
        some = found[(lengths > low) & (lengths <= high)]
        _decode_class(scores, some, states)
    return _spans_of(states)


def _log_scores(begin: Floats, inside: Floats, enter_cost: float) -> Floats:
    total = np.maximum(begin + inside, 1.0)
    b, i = begin / total, inside / total
    scores = np.log(np.maximum(np.stack([1.0 - b - i, b, i], axis=1), _SMALLEST))
    scores[:, _B] -= enter_cost
    return scores


def _length_classes(lengths: Positions) -> list[tuple[int, int]]:
    longest = int(lengths.max(initial=0))
    bounds = [0, 4]
    while bounds[-1] < longest:
        bounds.append(bounds[-1] * 2)
    return list(pairwise(bounds)) if longest else []


def _decode_class(scores: Floats, some: Positions, states: NDArray[np.int8]) -> None:
    """Viterbi over islands of similar length side by side; writes their states."""
    if not len(some):
        return
    lengths = some[:, 1] - some[:, 0]
    steps = int(lengths.max())
    bars = np.minimum(some[:, :1] + np.arange(steps), len(scores) - 1)
    emitted = scores[bars]
    emitted[np.arange(steps)[None, :] >= lengths[:, None]] = (0.0, -np.inf, -np.inf)
    best = emitted[:, 0].copy()
    best[:, _I] = -np.inf
    came_from = np.zeros((steps, len(some), 3), dtype=np.int8)
    for step in range(1, steps):
        any_state = best.argmax(axis=1)
        within = np.where(best[:, _B] >= best[:, _I], _B, _I)
        came_from[step] = np.stack([any_state, any_state, within], axis=1)
        best = np.take_along_axis(best, came_from[step].astype(np.intp), axis=1) + emitted[:, step]
    _trace_back(best.argmax(axis=1), came_from, some, states)


def _trace_back(
    last: NDArray[np.intp], came_from: NDArray[np.int8], some: Positions, states: NDArray[np.int8]
) -> None:
    islands_ = np.arange(len(some))
    lengths = some[:, 1] - some[:, 0]
    state = last.astype(np.int8)
    for step in range(len(came_from) - 1, -1, -1):
        alive = step < lengths
        states[some[alive, 0] + step] = state[alive]
        state = came_from[step, islands_, state]


def _spans_of(states: NDArray[np.int8]) -> Positions:
    starts = np.flatnonzero(states == _B)
    stops = np.flatnonzero(states != _I)
    after = np.searchsorted(stops, starts, side="right")
    ends = np.concatenate([stops, [len(states)]])[after]
    return np.stack([starts, ends], axis=1).astype(np.int64)
