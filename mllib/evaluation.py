"""How good predictions are: per candle, and as spans matched one to one by IoU.

Only bars that someone has reviewed count. A predicted span counts when all its bars were reviewed for
its label; matching comes before any restriction to a block of time, so that a span across the block's
edge is neither a hit nor an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders import reviewed_bars
from mllib.inference import Prediction, paint
from mllib.matching import match
from mllib.spans import NOTHING, PredictedSpan, ReviewedRange, Span, positions

IOUS = (0.3, 0.5, 0.7)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The prediction of one series beside what is known about it; `counts` bool (n_bars)."""

    prediction: Prediction
    truth: Sequence[Span]
    reviewed: Sequence[ReviewedRange]
    counts: NDArray[np.bool_]

    @property
    def candles(self) -> Candles:
        return self.prediction.candles


def evaluate(parts: Sequence[Judged], labels: Sequence[str]) -> dict[str, Any]:
    """Metrics over several series: the contract's `Metrics`, with spans, confusion and baseline.

    `span_f1[iou]` holds `micro`, `macro` (labels with support) and `per_label`; `span_counts` the counts at
    IoU 0.5; `confusion` rows are true, columns predicted labels; `baseline` always says `O`.
    """
    names = (NOTHING, *labels)
    per_bar = [_per_bar(part, names) for part in parts]
    true = np.concatenate([t for t, _ in per_bar])
    predicted = np.concatenate([p for _, p in per_bar])
    spans = {iou: {label: _count_spans(parts, label, iou) for label in labels} for iou in IOUS}
    return {
        **_candle_metrics(true, predicted, names),
        "span_f1": {str(iou): _span_scores(counts) for iou, counts in spans.items()},
        "span_counts": {label: counts.to_dict() for label, counts in spans[0.5].items()},
        "span_support": {label: counts.true for label, counts in spans[0.5].items()},
        "baseline": {"majority": _baseline(true, names)},
        "candle_count": len(true),
    }


@dataclass(frozen=True, slots=True)
class SpanCounts:
    """True, predicted and matched spans of one label."""

    true: int
    predicted: int
    matched: int

    @property
    def f1(self) -> float:
        total = self.true + self.predicted
        return 2 * self.matched / total if total else 0.0

    def to_dict(self) -> dict[str, float]:
        return {
            "true": self.true,
            "predicted": self.predicted,
            "matched": self.matched,
            "precision": self.matched / self.predicted if self.predicted else 0.0,
            "recall": self.matched / self.true if self.true else 0.0,
            "f1_score": self.f1,
        }


def _per_bar(part: Judged, names: tuple[str, ...]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """True and predicted label of each bar that counts; a prediction among several truths is right."""
    looked = {label: reviewed_bars(label, part.candles, part.reviewed) for label in names[1:]}
    bars = part.counts & np.logical_or.reduce(list(looked.values()), initial=False)
    reviewed: list[PredictedSpan] = [
        s for s in part.prediction.spans if s.label in looked and _all_in(looked[s.label], s, part.candles)
    ]
    reviewed.sort(key=lambda s: s.avg_confidence)
    predicted = paint(reviewed, part.candles, names)
    truth = sorted((s for s in part.truth if s.label in looked), key=lambda s: s.start_time - s.end_time)
    true = paint(truth, part.candles, names)
    number = {name: i for i, name in enumerate(names)}
    for span, (start, end) in zip(truth, positions(truth, part.candles.time).tolist(), strict=True):
        agreed = predicted[start:end] == number[span.label]
        true[start:end][agreed] = number[span.label]
    return true[bars], predicted[bars]


def _all_in(inside: NDArray[np.bool_], span: Span, candles: Candles) -> bool:
    start, end = positions([span], candles.time)[0]
    return bool(inside[start:end].all())


def _count_spans(parts: Sequence[Judged], label: str, iou: float) -> SpanCounts:
    true = predicted = matched = 0
    for part in parts:
        counted = part.counts & reviewed_bars(label, part.candles, part.reviewed)
        truth = positions([s for s in part.truth if s.label == label], part.candles.time)
        found = positions([s for s in part.prediction.spans if s.label == label], part.candles.time)
        i, j = match(found, truth, least_iou=iou)
        true_inside, found_inside = _inside(truth, counted), _inside(found, counted)
        hit = np.zeros(len(found), bool)
        hit[i] = True
        matched += int(true_inside[j].sum())
        true += int(true_inside.sum())
        predicted += int(true_inside[j].sum()) + int((found_inside & ~hit).sum())
    return SpanCounts(true, predicted, matched)


def _inside(spans: NDArray[np.int64], counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which half-open spans lie wholly on bars that count."""
    total = np.concatenate([[0], np.cumsum(counted)])
    inside: NDArray[np.bool_] = total[spans[:, 1]] - total[spans[:, 0]] == spans[:, 1] - spans[:, 0]
    return inside & (spans[:, 1] > spans[:, 0])


def _span_scores(counts: dict[str, SpanCounts]) -> dict[str, Any]:
    per_label = {label: found.f1 for label, found in counts.items()}
    supported = [per_label[label] for label, found in counts.items() if found.true]
    totals = np.array([(c.true, c.predicted, c.matched) for c in counts.values()] or [(0, 0, 0)]).sum(axis=0)
    return {
        "micro": SpanCounts(*(int(n) for n in totals)).f1,
        "macro": float(np.mean(supported)) if supported else 0.0,
        "per_label": per_label,
    }


def _candle_metrics(
    true: NDArray[np.int32], predicted: NDArray[np.int32], names: tuple[str, ...]
) -> dict[str, Any]:
    k = len(names)
    matrix = np.bincount(true * k + predicted, minlength=k * k).reshape(k, k)
    hits, support, claimed = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    precision = hits / np.maximum(claimed, 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + claimed, 1)
    present = (support + claimed) > 0
    return {
        "accuracy": float(hits.sum() / max(len(true), 1)),
        "f1_macro": float(f1[present].mean()) if present.any() else 0.0,
        "f1_weighted": float((f1 * support).sum() / max(support.sum(), 1)),
        "per_class": {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1_score": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(names)
        },
        "confusion": {"labels": list(names), "matrix": matrix.tolist()},
    }


def _baseline(true: NDArray[np.int32], names: tuple[str, ...]) -> dict[str, float]:
    """What the majority class scores: it finds no span, so its span F1 is 0."""
    metrics = _candle_metrics(true, np.zeros_like(true), names)
    return {name: metrics[name] for name in ("accuracy", "f1_macro", "f1_weighted")} | {"span_f1": 0.0}
