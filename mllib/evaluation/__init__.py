"""How good predictions are: per candle, as spans, beside three baselines, with intervals.

Only bars that someone has reviewed count.
"""

from collections.abc import Sequence
from typing import Any

from mllib.evaluation import baselines
from mllib.evaluation.bootstrap import Blocks, BootstrapConfig, intervals
from mllib.evaluation.candles import candle_labels, candle_metrics
from mllib.evaluation.curves import precision_recall, span_reliability
from mllib.evaluation.judged import Judged
from mllib.evaluation.spans import (
    FARTHEST_BARS,
    IOUS,
    LEAST_SUPPORT,
    Events,
    SpanCounts,
    boundary_distribution,
    boundary_error,
    span_events,
    span_f1,
)
from mllib.inference import Predictor

__all__ = ["FARTHEST_BARS", "IOUS", "LEAST_SUPPORT", "BootstrapConfig", "Judged", "SpanCounts", "evaluate"]

_MIDDLE = 0.5


def evaluate(
    parts: Sequence[Judged],
    labels: Sequence[str],
    *,
    champion: Predictor | None = None,
    bootstrap: BootstrapConfig | None = None,
) -> dict[str, Any]:
    """Metrics over several series: the contract's `Metrics`, and beside them

    `span_f1[iou]` (`micro macro macro_supported per_label`), `span_scores[iou][label]` (counts, precision,
    recall, `f1_score`, `boundary_error` in candles), `span_counts` and `span_support` at IoU 0.5, `curves`
    (precision over recall), `span_reliability` and `boundary_errors` (how bounds are spread) by label and
    for all (`pooled`), `intervals` (95 %),
    `confusion` (rows are true) and `baseline`: `majority` always says `O`, `talib` are TA-Lib's rules,
    `champion` the model that served before.
    """
    config = bootstrap or BootstrapConfig()
    events = {label: span_events(parts, label) for label in labels}
    middle = {label: by_iou[_MIDDLE] for label, by_iou in events.items()}
    candles = candle_labels(parts, labels)
    blocks = Blocks.of(parts, config)
    contest = baselines.Contest(parts, middle, blocks)
    counts = {iou: {label: by_iou[iou].counts for label, by_iou in events.items()} for iou in IOUS}
    return {
        **candle_metrics(candles),
        "span_f1": {str(iou): span_f1(found) for iou, found in counts.items()},
        "span_scores": {
            str(iou): {label: _scores(by_iou[iou]) for label, by_iou in events.items()} for iou in IOUS
        },
        "span_counts": {label: found.to_dict() for label, found in counts[_MIDDLE].items()},
        "span_support": {label: found.true for label, found in counts[_MIDDLE].items()},
        "curves": _with_pooled(middle, precision_recall),
        "span_reliability": _with_pooled(middle, span_reliability),
        "boundary_errors": _with_pooled(middle, boundary_distribution),
        "intervals": intervals(blocks, middle, candles, config),
        "baseline": {
            "majority": baselines.majority(candles),
            "talib": baselines.talib_rules(contest),
            "champion": {"skipped": "there was no champion to compare with"}
            if champion is None
            else baselines.champion(contest, champion),
        },
        "candle_count": len(candles.true),
    }


def _scores(events: Events) -> dict[str, Any]:
    return {**events.counts.to_dict(), "boundary_error": boundary_error(events)}


def _with_pooled(events: dict[str, Events], measure: Any) -> dict[str, Any]:
    """A measure of every label's events, and of all of them together."""
    everything = Events.joined(list(events.values())) if events else None
    return {
        "pooled": None if everything is None else measure(everything),
        "per_label": {label: measure(one) for label, one in events.items()},
    }
