"""Parts to judge, from spans as closed bar positions."""

import numpy as np

from mllib.candles import Candles
from mllib.evaluation import Judged
from mllib.inference.prediction import predicted
from mllib.spans import PredictedSpan, ReviewedRange, Span
from tests import naive

LABELS = ("doji", "flag", "wedge")
LONG = naive.walk(1_200, seed=2)

Found = tuple[str, int, int, float]


def judged(
    found: list[Found],
    truth: list[tuple[str, int, int]],
    counts: np.ndarray | None = None,
    candles: Candles = LONG,
    labels: tuple[str, ...] = LABELS,
) -> Judged:
    """A series reviewed everywhere."""
    time = candles.time.tolist()
    spans = [PredictedSpan(label, time[a], time[b], p, b - a + 1) for label, a, b, p in found]
    return Judged(
        predicted(candles, labels, spans, np.zeros((len(time), len(labels)))),
        [Span(label, time[a], time[b]) for label, a, b in truth],
        [ReviewedRange(time[0], time[-1], frozenset(labels))],
        np.ones(len(time), bool) if counts is None else counts,
    )


def noisy(seed: int, *, spans: int = 80) -> Judged:
    """Random true spans, of which some are found, near or exactly, among false alarms."""
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.choice(len(LONG) - 12, spans, replace=False))
    truth = [(LABELS[i % 3], int(s), int(s + rng.integers(0, 9))) for i, s in enumerate(starts)]
    found = [
        (
            label,
            max(a + int(rng.integers(-2, 3)), 0),
            max(b + int(rng.integers(-2, 3)), a + 3),
            round(float(p), 2),
        )
        for (label, a, b), p in zip(truth, rng.uniform(0.3, 1, spans), strict=True)
        if rng.random() < 0.6
    ]
    alarms = rng.choice(len(LONG) - 12, spans // 3, replace=False)
    found += [
        (LABELS[i % 3], int(a), int(a + 5), round(float(rng.uniform(0.2, 0.8)), 2))
        for i, a in enumerate(alarms)
    ]
    return judged(found, truth)
