"""How precision falls as recall rises, and whether a span's confidence is how often such spans are right."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.evaluation.spans import HIT, MISS, Events

BINS = 10
_POINTS = 20
_DIGITS = 4
Floats = NDArray[np.float64]


def precision_recall(events: Events) -> dict[str, Any]:
    """The curve of the decoded spans as their confidence rises, most confident first, and its average
    precision.

    `average_precision` sums precision over the steps of recall; spans of one confidence come in together.
    What the decoder left out is left out here, so the curve ends at the model's own recall. At most 20
    points are kept.
    """
    said = events.kind != MISS
    true = int((events.kind == HIT).sum() + (~said).sum())
    confidence, hit = events.confidence[said], events.kind[said] == HIT
    order = np.argsort(-confidence, kind="stable")
    confidence, hit = confidence[order], hit[order]
    last_of_a_tie = np.flatnonzero(np.append(np.diff(confidence) != 0, True)[: len(confidence)])
    hits = np.cumsum(hit)[last_of_a_tie]
    predicted = np.arange(1, len(hit) + 1)[last_of_a_tie]
    precision, recall = hits / np.maximum(predicted, 1), hits / max(true, 1)
    average = float((np.diff(recall, prepend=0.0) * precision).sum()) if true else None
    kept = np.unique(np.linspace(0, len(hits) - 1, min(len(hits), _POINTS)).astype(np.intp))
    return {
        "average_precision": average,
        "confidence": _rounded(confidence[last_of_a_tie][kept]),
        "precision": _rounded(precision[kept]),
        "recall": _rounded(recall[kept]),
    }


def span_reliability(events: Events) -> dict[str, Any] | None:
    """Confidence of predicted spans against being right: `ece count bins`, None where nothing was predicted.

    `bins` of equal mass are `{count, confidence, observed}` by rising confidence; `ece` is their mean
    distance.
    """
    said = events.kind != MISS
    confidence, hit = events.confidence[said], events.kind[said] == HIT
    if not len(confidence):
        return None
    order = np.argsort(confidence, kind="stable")
    bins = [
        {
            "count": len(part),
            "confidence": float(confidence[part].mean()),
            "observed": float(hit[part].mean()),
        }
        for part in np.array_split(order, min(BINS, len(order)))
    ]
    error = sum(row["count"] * abs(row["confidence"] - row["observed"]) for row in bins) / len(confidence)
    return {"ece": float(error), "count": len(confidence), "bins": bins}


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]
