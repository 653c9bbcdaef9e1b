"""Lanes: one label's way from probabilities to spans.

A lane whose training spans all have one length needs to know starts only: a start is a span. Lanes of
varying length are decoded with a constrained Viterbi on islands, all of them together.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from mllib.candles import Candles
from mllib.encoders.choosing import CUTS, MATCH_IOU, leaning_f1
from mllib.encoders.viterbi import Positions, decode_islands, islands
from mllib.features.windows import Floats
from mllib.matching import count_matches
from mllib.spans import PredictedSpan
from mllib.timeframes import SECONDS

ENTER_COSTS = (-6.0, -4.0, -2.0, 0.0, 2.0)
"""What tuning chooses from, on validation."""


class Lane(BaseModel):
    """How one label is decoded: lengths seen in training, and the cut and cost chosen on validation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    least_bars: int
    most_bars: int
    cut: float = 0.5
    enter_cost: float = 0.0

    @property
    def fixed(self) -> bool:
        """Whether every span of this label has the same length."""
        return self.least_bars == self.most_bars

    @property
    def width(self) -> int:
        """How many target columns it has: starts, and insides where the length varies."""
        return 1 if self.fixed else 2

    @property
    def reach_bars(self) -> int:
        """Half the longest span: islands shorter than twice that are never broken."""
        return (self.most_bars + 1) // 2

    @property
    def decode_bars(self) -> int:
        """How many bars before and after its own a decoded label may depend on."""
        return self.most_bars - 1 if self.fixed else 3 * self.reach_bars


LaneProbabilities = tuple[Lane, Floats, Floats]
"""A lane with its probabilities of starting and of going on, `float64 (n_bars,)`."""


def decode_lanes(lanes: Sequence[LaneProbabilities], candles: Candles) -> list[Positions]:
    """The spans of each lane; lanes of varying length are put end to end and decoded together."""
    varying = [one for one in lanes if not one[0].fixed]
    found = iter(_decode_varying(varying, candles)) if varying else iter(())
    return [_fixed_spans(lane, begin) if lane.fixed else next(found) for lane, begin, _ in lanes]


def _fixed_spans(lane: Lane, begin: Floats) -> Positions:
    possible = begin[: max(len(begin) - lane.most_bars + 1, 0)]
    starts = np.flatnonzero(possible >= lane.cut)
    return np.stack([starts, starts + lane.most_bars], axis=1)


def _decode_varying(lanes: Sequence[LaneProbabilities], candles: Candles) -> list[Positions]:
    n, step = len(candles), SECONDS[candles.timeframe]
    borders = [
        islands(begin + inside >= lane.cut, candles.time // (step * lane.reach_bars), lane.reach_bars) + i * n
        for i, (lane, begin, inside) in enumerate(lanes)
    ]
    spans = decode_islands(
        np.concatenate([begin for _, begin, _ in lanes]),
        np.concatenate([inside for _, _, inside in lanes]),
        np.concatenate(borders),
        np.repeat([lane.enter_cost for lane, _, _ in lanes], n),
    )
    edges = np.searchsorted(spans[:, 0], np.arange(len(lanes) + 1) * n)
    per_lane = [spans[first:last] - i * n for i, (first, last) in enumerate(pairwise(edges))]
    return [
        part[part[:, 1] - part[:, 0] >= lane.least_bars]
        for part, (lane, _, _) in zip(per_lane, lanes, strict=True)
    ]


def predicted_spans(
    lanes: Sequence[LaneProbabilities], found: Sequence[Positions], candles: Candles
) -> list[PredictedSpan]:
    """The spans found in each lane, with the mean probability of their bars."""
    labels: list[str] = []
    confidence: list[float] = []
    for (lane, begin, inside), where in zip(lanes, found, strict=True):
        labels += [lane.label] * len(where)
        if lane.fixed:
            confidence += begin[where[:, 0]].tolist()
        else:
            confident = np.minimum(begin + inside, 1.0)
            confidence += [float(confident[start:end].mean()) for start, end in where.tolist()]
    first, end = np.concatenate([np.empty((0, 2), np.int64), *found]).T
    starts, ends = candles.time[first].tolist(), candles.time[end - 1].tolist()
    spans = zip(labels, starts, ends, confidence, (end - first).tolist(), strict=True)
    return [PredictedSpan(*one) for one in spans]


def candidates(lane: Lane) -> list[Lane]:
    """What tuning chooses from; those of two lanes that are both fixed or both not go together."""
    costs = (0.0,) if lane.fixed else ENTER_COSTS
    return [lane.model_copy(update={"cut": cut, "enter_cost": cost}) for cut in CUTS for cost in costs]


JudgedLane = tuple[Candles, Floats, Floats, Positions, NDArray[np.bool_]]
"""Candles, probabilities of starting and of going on, true spans, and the bars that count."""


def choose(lanes: Sequence[Lane], judged: Sequence[Sequence[JudgedLane]]) -> list[Lane]:
    """Each lane with the cut and cost of the best span F1 over what it is judged by.

    A lane with few true spans leans on the others of its kind: to its own counts come those of some true
    spans as all lanes of the kind together find them. Where nothing is true the lanes stay as they are.
    """
    chosen = list(lanes)
    for fixed in (True, False):
        of_kind = [i for i, lane in enumerate(lanes) if lane.fixed is fixed]
        options = {i: candidates(lanes[i]) for i in of_kind}
        counts = np.array([[_counted(option, judged[i]) for option in options[i]] for i in of_kind])
        for i, scores in zip(of_kind, leaning_f1(counts) if of_kind else (), strict=True):
            if scores.any():
                chosen[i] = options[i][int(scores.argmax())]
    return chosen


def _counted(lane: Lane, judged: Sequence[JudgedLane]) -> Floats:
    """Matched, predicted and true spans `(3,)`."""
    counts = np.zeros(3)
    for candles, begin, inside, truth, counted in judged:
        (found,) = decode_lanes([(lane, begin, inside)], candles)
        counts += count_matches(found, truth, counted, least_iou=MATCH_IOU)
    return counts
