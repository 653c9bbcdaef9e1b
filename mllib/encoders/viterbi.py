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
_SMALL_CELLS = 50_000
_BEYOND = np.array([0.0, -np.inf, -np.inf])[:, None, None]
"""What the end of an island emits, so that shorter ones wait in O for the longest."""
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
    if len(breaks):
        starts, ends = np.union1d(starts, breaks), np.union1d(ends, breaks)
    return np.stack([starts, ends], axis=1)


def _breaks(starts: Positions, ends: Positions, grid: NDArray[np.int64], reach_bars: int) -> Positions:
    ticks = np.flatnonzero(np.diff(grid)) + 1
    home = np.searchsorted(starts, ticks, side="right") - 1
    known = home >= 0
    ticks, home = ticks[known], home[known]
    deep = (ticks - starts[home] >= reach_bars) & (ends[home] - ticks >= reach_bars)
    return ticks[deep].astype(np.int64)


def decode_islands(begin: Floats, inside: Floats, found: Positions, enter_cost: Floats | float) -> Positions:
    """The most likely spans within the islands `found (m, 2)`, as half-open positions `(n_spans, 2)`.

    `begin` and `inside (n_bars,)` are the probabilities that a span starts at a bar and that it goes
    on there. Constraints: I follows B or I only. Each start costs `enter_cost` (in nats), one for all bars or
    `(n_bars,)`. Lanes put end to end are decoded as one.
    """
    scores = _log_scores(begin, inside, enter_cost)
    lengths = found[:, 1] - found[:, 0]
    states = np.zeros(len(begin), dtype=np.int8)
    for low, high in _length_classes(lengths):
        some = found[(lengths > low) & (lengths <= high)]
        if len(some):
            _decode_class(scores, some, states)
    return _spans_of(states)


def _log_scores(begin: Floats, inside: Floats, enter_cost: Floats | float) -> Floats:
    total = np.maximum(begin + inside, 1.0)
    b, i = begin / total, inside / total
    scores = np.log(np.maximum(np.stack([1.0 - b - i, b, i], axis=1), _SMALLEST))
    scores[:, _B] -= enter_cost
    return scores


def _length_classes(lengths: Positions) -> list[tuple[int, int]]:
    """Ranges of lengths decoded side by side; one for all while padding costs less than more loops."""
    longest = int(lengths.max(initial=0))
    if longest * len(lengths) <= _SMALL_CELLS:
        return [(0, longest)]
    bounds = [0, 4]
    while bounds[-1] < longest:
        bounds.append(bounds[-1] * 2)
    return list(pairwise(bounds))


def _decode_class(scores: Floats, some: Positions, states: NDArray[np.int8]) -> None:
    """Viterbi over islands of similar length side by side; writes their states."""
    lengths = some[:, 1] - some[:, 0]
    steps = np.arange(int(lengths.max()))[:, None]
    alive = steps < lengths
    bars = some[:, 0] + steps
    emitted = np.where(alive, scores[np.minimum(bars, len(scores) - 1)].transpose(2, 0, 1), _BEYOND)
    total = emitted[:, 0].copy()
    total[_I] = -np.inf
    out, start, inner = total
    from_start, from_out = np.empty_like(alive), np.empty_like(alive)
    best = np.empty_like(total)
    anywhere, within = best[:_I], best[_I]
    for emission, starting, leaving in zip(
        emitted.swapaxes(0, 1)[1:], from_start[1:], from_out[1:], strict=True
    ):
        np.greater_equal(start, inner, out=starting)
        np.maximum(start, inner, out=within)
        np.greater_equal(out, within, out=leaving)
        np.maximum(out, within, out=anywhere)
        np.add(best, emission, out=total)
    last = total.argmax(axis=0).astype(np.int8)
    path = _traced_back(last, from_start, from_out)
    states[bars[alive]] = path[alive]


def _traced_back(
    last: NDArray[np.int8], from_start: NDArray[np.bool_], from_out: NDArray[np.bool_]
) -> NDArray[np.int8]:
    """The states `(n_steps, m)` that lead to the last ones."""
    within = np.where(from_start, _B, _I).astype(np.int8)
    path = np.empty(within.shape, np.int8)
    path[:-1] = np.where(from_out, np.int8(_O), within)[1:]
    path[-1] = last
    for before, now, inner in zip(path[-2::-1], path[:0:-1], within[:0:-1], strict=True):
        np.copyto(before, inner, where=now == _I)
    return path


def _spans_of(states: NDArray[np.int8]) -> Positions:
    starts = np.flatnonzero(states == _B)
    stops = np.flatnonzero(states != _I)
    after = np.searchsorted(stops, starts, side="right")
    ends = np.concatenate([stops, [len(states)]])[after]
    return np.stack([starts, ends], axis=1).astype(np.int64)
