"""Candle by candle: accuracy, F1 and confusion, `O` included. Only bars that someone has reviewed count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders import reviewed_bars
from mllib.evaluation.judged import Judged
from mllib.inference import paint
from mllib.matching import mostly_on
from mllib.spans import NOTHING, PredictedSpan, positions


@dataclass(frozen=True, slots=True, eq=False)
class CandleLabels:
    """Every candle that counts: its open (Unix s), and its true and predicted label as index into `names`."""

    names: tuple[str, ...]
    time: NDArray[np.int64]
    true: NDArray[np.int32]
    predicted: NDArray[np.int32]


def candle_labels(parts: Sequence[Judged], labels: Sequence[str]) -> CandleLabels:
    """The labels of all candles that count, series after series; `names[0]` is `O`."""
    names = (NOTHING, *labels)
    found = [_per_bar(part, names) for part in parts]
    time, true, predicted = (np.concatenate([one[i] for one in found]) for i in range(3))
    return CandleLabels(names, time, true.astype(np.int32), predicted.astype(np.int32))


def candle_metrics(labels: CandleLabels) -> dict[str, Any]:
    """`accuracy f1_macro f1_weighted per_class confusion`; rows of the confusion are true labels."""
    k = len(labels.names)
    matrix = np.bincount(labels.true * k + labels.predicted, minlength=k * k).reshape(k, k)
    hits, support, claimed = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    precision, recall = hits / np.maximum(claimed, 1), hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(support + claimed, 1)
    accuracy, macro, weighted = candle_scores(hits, support, claimed)
    return {
        "accuracy": float(accuracy),
        "f1_macro": float(macro),
        "f1_weighted": float(weighted),
        "per_class": {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1_score": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(labels.names)
        },
        "confusion": {"labels": list(labels.names), "matrix": matrix.tolist()},
    }


def candle_scores(
    hits: NDArray[Any], support: NDArray[Any], claimed: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Accuracy, macro F1 over the classes that occur, and weighted F1, of counts `(..., n_classes)`."""
    f1 = 2 * hits / np.maximum(support + claimed, 1)
    present = (support + claimed) > 0
    total = np.maximum(support.sum(axis=-1), 1)
    return (
        hits.sum(axis=-1) / total,
        (f1 * present).sum(axis=-1) / np.maximum(present.sum(axis=-1), 1),
        (f1 * support).sum(axis=-1) / total,
    )


def _per_bar(
    part: Judged, names: tuple[str, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Open, true and predicted label of each bar that counts; a prediction among several truths is right."""
    looked = {label: reviewed_bars(label, part.candles, part.reviewed) for label in names[1:]}
    bars = part.counts & np.logical_or.reduce(list(looked.values()), initial=False)
    reviewed = _reviewed(part.prediction.spans, looked, part.candles)
    reviewed.sort(key=lambda s: s.avg_confidence)
    predicted = paint(reviewed, part.candles, names)
    truth = sorted((s for s in part.truth if s.label in looked), key=lambda s: s.start_time - s.end_time)
    true = paint(truth, part.candles, names)
    number = {name: i for i, name in enumerate(names)}
    for span, (start, end) in zip(truth, positions(truth, part.candles.time).tolist(), strict=True):
        agreed = predicted[start:end] == number[span.label]
        true[start:end][agreed] = number[span.label]
    return part.candles.time[bars], true[bars], predicted[bars]


def _reviewed(
    spans: Sequence[PredictedSpan], looked: Mapping[str, NDArray[np.bool_]], candles: Candles
) -> list[PredictedSpan]:
    """The predicted spans on most of whose bars someone has looked for their label."""
    known = [span for span in spans if span.label in looked]
    at = positions(known, candles.time)
    labels = np.array([span.label for span in known])
    counted = np.zeros(len(known), bool)
    for label, bars in looked.items():
        own = labels == label
        counted[own] = mostly_on(at[own], bars)
    return [span for span, counts in zip(known, counted.tolist(), strict=True) if counts]
