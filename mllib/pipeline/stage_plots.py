"""The metrics of an evaluation as `dvc metrics` and `dvc plots` read them."""

from collections.abc import Mapping
from typing import Any

from mllib.tracking import flat_metrics

Points = list[dict[str, Any]]


def stage_files(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into each file of the evaluation's folder, as JSON-ready values."""
    return {
        "metrics.json": flat_metrics(metrics),
        "confusion.json": _confusion(metrics["confusion"]),
        "precision_recall.json": _precision_recall(metrics["curves"]),
        "reliability.json": _reliability(metrics["span_reliability"]),
    }


def _confusion(confusion: Mapping[str, Any]) -> Points:
    cells = zip(confusion["labels"], confusion["matrix"], strict=True)
    return [
        {"true_label": true, "predicted_label": predicted, "count": count}
        for true, row in cells
        for predicted, count in zip(confusion["labels"], row, strict=True)
    ]


def _precision_recall(curves: Mapping[str, Any]) -> Points:
    return [
        {"label": label, "order": i, "recall": recall, "precision": precision}
        for label, curve in _named(curves)
        for i, (recall, precision) in enumerate(zip(curve["recall"], curve["precision"], strict=True))
    ]


def _reliability(found: Mapping[str, Any]) -> Points:
    return [
        {"label": label, "order": i, **part}
        for label, one in _named(found)
        for i, part in enumerate(one["bins"])
    ]


def _named(found: Mapping[str, Any]) -> list[tuple[str, Any]]:
    everything = [("all", found["pooled"]), *found["per_label"].items()]
    return [(label, one) for label, one in everything if one is not None]
