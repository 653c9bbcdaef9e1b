"""What strategies cost: span F1 over labels spent, and the labels needed for enough of it, over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.evaluation.bootstrap import interval
from mllib.simulating.loop import Round

ENOUGH = 0.95
"""The share of the span F1 of all labels that is asked for."""
BASELINE = "random"
_DRAWS = 1_000

Floats = NDArray[np.float64]
Runs = Mapping[str, Sequence[Sequence[Round]]]
"""The rounds of each strategy, a list a seed; the seeds of all strategies are the same."""


@dataclass(frozen=True, slots=True)
class Needed:
    """Labels needed on average over seeds, and a 95 % interval; None is more than were spent."""

    labels: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Curves and costs, as JSON-ready values.

    `curves[name]` has a point a round: `spent`, and the means over seeds of `bars_looked`, `spans_told` and
    `span_f1` with its 95 % interval `low` to `high`. `needed[name]` are labels to reach `target`, and
    `against_random[name]` the same as a share of what the random places needed; where all that they spent
    was not enough, of that, so that the true share is smaller.
    """

    all_labels: float
    target: float
    seeds: int
    curves: dict[str, list[dict[str, float]]]
    needed: dict[str, Needed]
    against_random: dict[str, Needed]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(runs: Runs, all_labels: Sequence[float], *, seed: int = 0) -> Comparison:
    """Means over seeds, and intervals from drawing seeds again and again, the same for all strategies.

    Labels needed are read off the mean curve after isotonic regression: more labels are never worse, and a
    lucky round is not yet the goal.
    """
    n = len(all_labels)
    draws = np.random.default_rng(seed).integers(0, n, (_DRAWS, n))
    target = ENOUGH * float(np.mean(all_labels))
    targets = ENOUGH * np.mean(np.asarray(all_labels)[draws], axis=1)
    cost, drawn = {}, {}
    curves = {}
    for name, by_seed in runs.items():
        spent, f1 = _aligned(by_seed)
        curves[name] = _curve(by_seed, draws)
        cost[name] = labels_needed(spent, f1.mean(axis=0), target)
        means = f1[draws].mean(axis=1)
        drawn[name] = np.array([labels_needed(spent, m, t) for m, t in zip(means, targets, strict=True)])
    needed = {name: _needed(cost[name], drawn[name]) for name in runs}
    against = {}
    if BASELINE in runs:
        for name in runs:
            most = max(point["spent"] for point in curves[BASELINE])
            shares = _ratio(drawn[name], drawn[BASELINE], most)
            against[name] = _needed(float(_ratio(cost[name], cost[BASELINE], most)), shares)
    return Comparison(float(np.mean(all_labels)), target, n, curves, needed, against)


def labels_needed(spent: NDArray[np.int64], span_f1: Floats, target: float) -> float:
    """The labels at which a curve reaches the target, between rounds in proportion; else infinite.

    A target of 0 is never reached: where all labels teach nothing, no number of them is enough.

    >>> labels_needed(np.array([10, 20, 30]), np.array([0.2, 0.4, 0.6]), 0.5)
    25.0
    """
    from sklearn.isotonic import isotonic_regression

    rising = np.concatenate([[0.0], isotonic_regression(span_f1)])
    at = np.concatenate([[0], spent])
    reached = np.flatnonzero(rising >= target)
    if target <= 0 or not len(reached):
        return float("inf")
    i = int(reached[0])
    part = (target - rising[i - 1]) / (rising[i] - rising[i - 1])
    return float(at[i - 1] + part * (at[i] - at[i - 1]))


def _aligned(by_seed: Sequence[Sequence[Round]]) -> tuple[NDArray[np.int64], Floats]:
    """Labels spent and span F1 `(n_seeds, n_rounds)`, over as many rounds as every seed has."""
    n = min(len(rounds) for rounds in by_seed)
    spent = np.array([one.spent for one in min(by_seed, key=len)], np.int64)
    return spent, np.array([[one.span_f1 for one in rounds[:n]] for rounds in by_seed])


def _curve(by_seed: Sequence[Sequence[Round]], draws: NDArray[np.int64]) -> list[dict[str, float]]:
    points = []
    for at in zip(*by_seed, strict=False):
        f1 = np.array([one.span_f1 for one in at])
        low, high = interval(f1[draws].mean(axis=1))
        points.append(
            {
                "spent": at[0].spent,
                "bars_looked": float(np.mean([one.bars_looked for one in at])),
                "spans_told": float(np.mean([one.spans_told for one in at])),
                "span_f1": float(f1.mean()),
                "low": low,
                "high": high,
            }
        )
    return points


def _ratio(cost: Floats | float, baseline: Floats | float, most: float) -> Floats:
    """Cost over baseline; a baseline that was never enough is held for as cheap as all that it spent."""
    return np.asarray(cost / np.minimum(baseline, most), np.float64)


def _needed(cost: float, drawn: Floats) -> Needed:
    ordered = np.sort(drawn)
    low, high = (float(ordered[round(q * (len(ordered) - 1))]) for q in (0.025, 0.975))
    return Needed(*(None if np.isinf(value) else round(value, 4) for value in (cost, low, high)))
