"""What the scores stand beside: always `O`, TA-Lib's rules, and the model that served before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.evaluation.bootstrap import Blocks, ResampledSpans, interval
from mllib.evaluation.candles import CandleLabels, candle_labels, candle_metrics
from mllib.evaluation.judged import Judged
from mllib.evaluation.spans import Events, pooled, span_events
from mllib.inference import Prediction, Predictor
from mllib.inference.prediction import predicted
from mllib.patterns import detect, function_of

_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """The model's own result, which a baseline is compared with: its parts, its events by label, the
    blocks.
    """

    parts: Sequence[Judged]
    events: Mapping[str, Events]
    blocks: Blocks


def majority(candles: CandleLabels) -> dict[str, float]:
    """What the majority class scores: it finds no span, so its span F1 is 0."""
    metrics = candle_metrics(replace(candles, predicted=np.zeros_like(candles.true)))
    return _per_candle(metrics) | {"span_f1": 0.0}


def talib_rules(contest: Contest) -> dict[str, Any]:
    """What TA-Lib's functions score on the labels that they have; `skipped` where they have none."""
    labels = [label for label in contest.events if function_of(label) is not None]
    if not labels:
        return {"skipped": "TA-Lib has no function for any of these labels"}
    parts = [replace(part, prediction=_rules(part, labels)) for part in contest.parts]
    return _beside(contest, parts, labels)


def champion(contest: Contest, rival: Predictor) -> dict[str, Any]:
    """What the model that served before scores on the same bars, over the labels that both know.

    `in_sample` says whether it was trained or tuned on any of them, `labels_lost` which labels it knows and
    the model does not. `people` has the span scores over those labels alone that TA-Lib has no function for,
    where there are both kinds: among thousands of TA-Lib's spans theirs would not be seen. `skipped` where it
    knows none of the labels.
    """
    info = rival.info
    lost = sorted(set(rival.labels) - set(contest.events))
    named = {"run_id": info.run_id, "model_version": info.model_version, "labels_lost": lost}
    labels = [label for label in contest.events if label in rival.labels]
    if not labels:
        return named | {"skipped": "the champion knows none of these labels"}
    in_sample = any(bool((part.counts & seen_bars(rival, part.candles)).any()) for part in contest.parts)
    parts = [judged_by(rival, part) for part in contest.parts]
    theirs = [label for label in labels if function_of(label) is None]
    both_kinds = 0 < len(theirs) < len(labels)
    people = {"people": _spans_beside(contest, parts, theirs)} if both_kinds else {}
    return named | {"in_sample": in_sample} | people | _beside(contest, parts, labels)


def judged_by(rival: Predictor, part: Judged) -> Judged:
    """The same bars as another model sees them, with no more of the series than it needs for that."""
    bars = np.flatnonzero(part.counts)
    first = max(int(bars[0]) - rival.encoder.context_bars, 0)
    last = int(bars[-1]) + 1 + max(rival.encoder.provisional_bars, rival.encoder.needed_bars)
    first = max(min(first, len(part.candles) - rival.encoder.needed_bars), 0)
    window = slice(first, last)
    return Judged(rival.predict(part.candles[window]), part.truth, part.reviewed, part.counts[window])


def seen_bars(predictor: Predictor, candles: Candles) -> NDArray[np.bool_]:
    """The bars that a model was fitted on or a choice was made by: `bool (n_bars,)`."""
    seen = np.zeros(len(candles), bool)
    for part in predictor.trained_on:
        if (part.pair, part.timeframe) == (candles.pair, candles.timeframe):
            seen |= (candles.time >= part.start_time) & (candles.time <= part.end_time)
    return seen


def _rules(part: Judged, labels: Sequence[str]) -> Prediction:
    functions = list(dict.fromkeys(f for f in map(function_of, labels) if f is not None))
    spans = [s for found in detect(part.candles, functions).values() for s in found if s.label in set(labels)]
    coverage = np.zeros((len(part.candles), len(labels)))
    return predicted(part.candles, tuple(labels), sorted(spans, key=lambda s: s.start_time), coverage)


def _beside(contest: Contest, parts: Sequence[Judged], labels: Sequence[str]) -> dict[str, Any]:
    """A baseline's scores over some labels, by candle and by span."""
    by_candle = _per_candle(candle_metrics(candle_labels(parts, labels)))
    return by_candle | _spans_beside(contest, parts, labels)


def _spans_beside(contest: Contest, parts: Sequence[Judged], labels: Sequence[str]) -> dict[str, Any]:
    """A baseline's span scores over some labels, the model's own, and how far the two lie apart."""
    theirs = {label: span_events(parts, label, (_IOU,))[_IOU] for label in labels}
    own = {label: contest.events[label] for label in labels}
    theirs_f1, own_f1 = (pooled([e.counts for e in events.values()]).f1 for events in (theirs, own))
    drawn = [ResampledSpans.of(contest.blocks, events).micro for events in (own, theirs)]
    return {
        "labels": list(labels),
        "span_f1": theirs_f1,
        "own_span_f1": own_f1,
        "per_label": {label: events.counts.f1 for label, events in theirs.items()},
        "difference": own_f1 - theirs_f1,
        "difference_interval": _difference(drawn) if contest.blocks.enough else None,
    }


def _difference(drawn: Sequence[NDArray[np.float64]]) -> list[float]:
    own, theirs = drawn
    return interval(own - theirs)


def _per_candle(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: metrics[name] for name in ("accuracy", "f1_macro", "f1_weighted")}
