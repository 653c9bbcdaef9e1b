"""From many candidates with scores to a short queue that is worth a person's time: spread out and mixed."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

import numpy as np
from numpy.typing import NDArray

from mllib.acquisition.candidates import Candidates
from mllib.acquisition.settings import Quotas

Indices = NDArray[np.intp]


def spread(
    candidates: Candidates,
    scores: NDArray[np.float64],
    *,
    size: int,
    quotas: Quotas | None = None,
    origin: NDArray[np.int64] | None = None,
    shares: Sequence[float] = (1.0,),
    reserved: Sequence[int] = (),
) -> Indices:
    """Which candidates to show, at most `size`, in the order in which to show them.

    Those with the highest scores come first, of equal ones the earlier in the table; no two share a bar of a
    series, whatever their labels. No pair, label or regime takes more than its quota while there is anything
    else. With `origin int64 (n,)`, into `shares`, candidates of several origins are mixed: at any length each
    origin has had its share as nearly as can be, and scores are compared within an origin alone.

    `reserved` candidates are in the queue whatever their scores, quotas and overlaps, and others keep clear
    of them: a random sample that anything could push places out of would be none.
    """
    kinds = np.zeros(len(candidates), np.int64) if origin is None else origin
    first = np.zeros(len(candidates), bool)
    first[list(reserved)] = True
    order = np.argsort(-scores, kind="stable")
    chosen = _Chosen(candidates, size, quotas or Quotas())
    for i in reserved:
        chosen.occupy(i)
    lanes = [
        _Lane(
            share,
            reserved=deque(i for i in reserved if kinds[i] == kind),
            rest=deque(order[(kinds[order] == kind) & ~first[order]].tolist()),
        )
        for kind, share in enumerate(shares)
    ]
    for heed_quotas in (True, False):
        chosen.fill(lanes, heed_quotas=heed_quotas)
    return np.array(chosen.places, np.intp)


@dataclass(slots=True)
class _Lane:
    """What one origin has to offer, best first, and what has been taken of it."""

    share: float
    reserved: deque[int]
    rest: deque[int]
    over_quota: deque[int] = field(default_factory=deque)
    taken: int = 0


class _Chosen:
    """The queue as it grows."""

    def __init__(self, candidates: Candidates, size: int, quotas: Quotas) -> None:
        self.places: list[int] = []
        self._size = size
        self._at = candidates.at.tolist()
        self._series = candidates.series.tolist()
        self._values = list(
            zip(
                candidates.series.tolist(), candidates.label.tolist(), candidates.regime.tolist(), strict=True
            )
        )
        self._most = [
            ceil(size * max(share, 1 / max(len(np.unique(column)), 1)))
            for share, column in (
                (quotas.pair, candidates.series),
                (quotas.label, candidates.label),
                (quotas.regime, candidates.regime),
            )
        ]
        self._counts: tuple[Counter[int], ...] = (Counter(), Counter(), Counter())
        ends = {
            series: int(candidates.at[candidates.series == series, 1].max())
            for series in np.unique(candidates.series).tolist()
        }
        self._busy = {series: np.zeros(end, bool) for series, end in ends.items()}

    def occupy(self, i: int) -> None:
        """Keeps the bars of a place free of others."""
        self._busy[self._series[i]][slice(*self._at[i])] = True

    def fill(self, lanes: Sequence[_Lane], *, heed_quotas: bool) -> None:
        """Takes from the lane that is furthest behind its share, until the queue is full or all are empty."""
        if not heed_quotas:
            for lane in lanes:
                lane.rest, lane.over_quota = lane.over_quota, deque()
        open_lanes = list(lanes)
        while open_lanes and len(self.places) < self._size:
            must = [one for one in lanes if one.reserved] if self._only_reserved_fit(lanes) else open_lanes
            lane = max(must, key=lambda one: one.share * (len(self.places) + 1) - one.taken)
            i = lane.reserved.popleft() if lane.reserved else self._next(lane, heed_quotas)
            if i is None:
                open_lanes.remove(lane)
                continue
            self._take(i, lane)

    def _only_reserved_fit(self, lanes: Sequence[_Lane]) -> bool:
        waiting = sum(len(lane.reserved) for lane in lanes)
        return 0 < waiting >= self._size - len(self.places)

    def _next(self, lane: _Lane, heed_quotas: bool) -> int | None:
        """The best of a lane whose bars are free, within the quotas where those count."""
        while lane.rest:
            i = lane.rest.popleft()
            if self._busy[self._series[i]][slice(*self._at[i])].any():
                continue
            if not heed_quotas or self._within_quotas(i):
                self.occupy(i)
                return i
            lane.over_quota.append(i)
        return None

    def _within_quotas(self, i: int) -> bool:
        return all(
            counts[value] < most
            for counts, value, most in zip(self._counts, self._values[i], self._most, strict=True)
        )

    def _take(self, i: int, lane: _Lane) -> None:
        self.places.append(i)
        lane.taken += 1
        for counts, value in zip(self._counts, self._values[i], strict=True):
            counts[value] += 1
