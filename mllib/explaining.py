"""Why this prediction: the inputs that moved a span's score most, in an annotator's words.

A span's score comes from the rows that judge it: its first candle and those that go on, or the window it was
proposed as. What each input adds to their scores are Shapley values (`models.contributions`), in log-odds
for boosted trees and in probability for forests; the mean over the rows is told. Inputs that speak of the
same thing are told as one reason, by the member that weighs most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders import Encoder
from mllib.feature_words import feature_group, feature_words
from mllib.inference import Predictor
from mllib.rows import Rows
from mllib.spans import PredictedSpan, positions

_MOST_ROWS = 12
"""Of a long span, so many rows are asked."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that moved a score: `weight` is what it added, `share` its part of all that was added or
    taken.
    """

    words: str
    weight: float
    share: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What moved a span's score, most first; `baseline` is the mean score of training, `score` what came of
    it.
    """

    span: PredictedSpan
    reasons: tuple[Reason, ...]
    baseline: float
    score: float

    def to_dict(self) -> dict[str, Any]:
        reasons = [{"words": r.words, "weight": r.weight, "share": r.share} for r in self.reasons]
        span = {
            "label": self.span.label,
            "start_time": self.span.start_time,
            "end_time": self.span.end_time,
            "avg_confidence": self.span.avg_confidence,
        }
        return {"span": span, "reasons": reasons, "baseline": self.baseline, "score": self.score}


def explain(predictor: Predictor, candles: Candles, span: PredictedSpan, *, most: int = 6) -> Explanation:
    """The reasons for a span that the predictor found on these candles, which reach as far as its rows
    read.

    Where labels were merged since, those of the one that scores highest.
    """
    found = [_explained(predictor, candles, span, name) for name in predictor.trained_as(span.label)]
    explained = max(found, key=lambda one: one.score)
    return replace(explained, reasons=explained.reasons[:most])


def _explained(predictor: Predictor, candles: Candles, span: PredictedSpan, label: str) -> Explanation:
    """Every reason for a span of a label, called as it was in training."""
    encoder = predictor.encoder
    start, end = positions([span], candles.time)[0].tolist()
    first = max(start - encoder.reach[0] - 1, 0)
    part = candles[first : end + encoder.reach[1] + 1]
    rows = encoder.propose(part).shifted(first)
    own = encoder.deciding_columns(label)
    (deciding,) = (one for one in encoder.parts if own[0] in range(*one.columns))
    cells = _cells(rows, deciding.holds(rows), own, start, end)
    X = rows.X[[row for row, _ in cells]]
    added = np.empty((len(cells), X.shape[1] + 1))
    columns = np.array([column for _, column in cells])
    for column in np.unique(columns):
        added[columns == column] = predictor.model.contributions(X[columns == column], int(column))
    judged = rows.start[[row for row, _ in cells]] - start
    inputs = range(*deciding.features)
    reasons = _reasons(encoder, inputs, X, added[:, :-1] / len(cells), judged, bars=end - start)
    baseline = float(added[:, -1].mean())
    return Explanation(span, tuple(reasons), baseline, float(added.sum(axis=1).mean()))


def _cells(
    rows: Rows, held: NDArray[np.bool_], own: Sequence[int], start: int, end: int
) -> list[tuple[int, int]]:
    """Which of the rows that are `held` judge a span, each with the one of its `own` columns that does."""
    bars = rows.end - rows.start
    if bars[held].max() > 1:
        shared = np.minimum(rows.end, end) - np.maximum(rows.start, start)
        iou = shared / (bars + (end - start) - shared)
        return [(int(np.argmax(np.where(held, iou, -1.0))), own[0])]
    begins = [(int(row), own[0]) for row in np.flatnonzero(held & (rows.start == start))]
    later = held & (rows.start > start) & (rows.start < end)
    inside = np.flatnonzero(later) if len(own) > 1 else np.empty(0, int)
    kept = np.unique(np.linspace(0, len(inside) - 1, min(len(inside), _MOST_ROWS)).astype(int))
    return begins + [(int(row), own[-1]) for row in inside[kept]]


def _reasons(
    encoder: Encoder,
    inputs: Sequence[int],
    X: NDArray[np.float32],
    added: NDArray[np.float64],
    judged: NDArray[np.int64],
    *,
    bars: int,
) -> list[Reason]:
    """What each group of inputs added, most first; `judged` is each row's first bar, counted from the
    span's.
    """
    names = [column.name for column in encoder.feature_columns]
    groups: dict[str, list[int]] = {}
    for i in inputs:
        groups.setdefault(feature_group(names[i]), []).append(i)
    total = sum(abs(float(added[:, members].sum())) for members in groups.values()) or 1.0
    reasons = []
    for members in groups.values():
        weight = float(added[:, members].sum())
        along = added[:, members] * np.sign(weight)
        row, member = np.unravel_index(int(along.argmax()), along.shape)
        at = int(judged[row])
        words = feature_words(
            names[members[int(member)]],
            float(X[row, members[int(member)]]),
            lambda lag, at=at: _candle(at + lag, bars),  # type: ignore[misc]
        )
        reasons.append(Reason(words, weight, abs(weight) / total))
    return sorted(reasons, key=lambda reason: -abs(reason.weight))


def _candle(bar: int, bars: int) -> str:
    """A candle by its place from the span's first bar.

    >>> _candle(0, 3), _candle(2, 3), _candle(-2, 3), _candle(3, 3)
    ('its first candle', 'its candle 3', 'the candle 2 before it', 'the candle after it')
    """
    if 0 <= bar < bars:
        return "its first candle" if bar == 0 else f"its candle {bar + 1}"
    side, away = ("before", -bar) if bar < 0 else ("after", bar - bars + 1)
    return f"the candle {side} it" if away == 1 else f"the candle {away} {side} it"
