"""From labelled series to a Predictor: rows, purged temporal split, fit, choices on validation, one test."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from mllib.candles import Candles
from mllib.encoders import Encoder, EncodingConfig, Examples, TuningPart, encoder_class, reviewed_bars
from mllib.errors import TrainingFailed
from mllib.evaluation import Judged, evaluate
from mllib.features import ContextConfig
from mllib.inference import ModelInfo, Predictor, TrainedRange
from mllib.models import Progress, create_model
from mllib.rows import Rows, Targets
from mllib.spans import ReviewedRange, Span, positions
from mllib.splits import Split, SplitConfig, temporal_split

LEAST_EXAMPLES = 3
"""A label with fewer spans in the training block is left out, and the metrics say so."""

_LEAST_OUTSIDE = 5
"""Likewise one with fewer reviewed bars outside of its spans, for each span, unless they are"""
_ENOUGH_OUTSIDE = 200
"""so many."""
_MOST_CLASS_WEIGHT = 30.0
_NEWEST_SHARE = 0.2
"""Of the training rows, so many are shown as if they were among the newest bars of a chart."""


class TrainingConfig(SplitConfig):
    """`stages.training` of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_type: str = "xgboost"
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    split_method: Literal["temporal", "random"] = "temporal"
    class_weights: Literal["balanced"] | None = "balanced"
    experiment_name: str = Field(default="candleloop", min_length=1)
    registered_model_name: str = Field(default="candleloop", min_length=1)
    seed: int = Field(default=0, ge=0)
    auto_promote: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSeries:
    """Candles, the spans on them, and where silence means that nothing is there."""

    candles: Candles
    spans: Sequence[Span]
    reviewed: Sequence[ReviewedRange]


def train(
    series: Sequence[LabelledSeries],
    *,
    run_id: str,
    encoder_name: str,
    context: ContextConfig,
    encoding: EncodingConfig,
    config: TrainingConfig,
    progress: Progress,
) -> Predictor:
    """A Predictor whose `metrics` come from the last block in time, which nothing was chosen on.

    Raises:
        TrainingFailed: when there is nothing to learn from, or a block is empty.
        InvalidConfig: for an unknown encoder, model or hyperparameter.
    """
    model = create_model(config.model_type, config.hyperparameters, seed=config.seed)
    progress(0.02, "computing features")
    material = _material(series, _Learner(encoder_class(encoder_name), context, encoding), config)
    rows, targets, split = material.rows, material.targets, material.split
    shown = _as_if_newest(rows.take(split.train), material.encoder, seed=config.seed)
    held_out = (rows.take(split.validation), targets.take(split.validation))
    model.fit(shown, targets.take(split.train), held_out, progress=_part(progress, 0.15, 0.80))
    predictor = Predictor(
        encoder=material.encoder,
        model=model,
        info=_info(run_id, material.encoder, config),
        trained_on=_seen(series, split),
        metrics={},
    )
    progress(0.82, "choosing thresholds on validation")
    chosen = _tuned(predictor, series, split)
    progress(0.90, "evaluating on the test block")
    return replace(chosen, metrics=_tested(chosen, series, split) | {"left_out": material.left_out})


@dataclass(frozen=True, slots=True)
class _Learner:
    """What an encoder learns with, whatever the examples."""

    encoder: type[Encoder]
    context: ContextConfig
    settings: EncodingConfig

    def learn(self, examples: Examples) -> Encoder:
        return self.encoder.learn(self.context, examples, self.settings)


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """What a model is fitted on; `left_out` says of each label without a lane why."""

    encoder: Encoder
    rows: Rows
    targets: Targets
    split: Split
    left_out: dict[str, str]


def _material(series: Sequence[LabelledSeries], learner: _Learner, config: TrainingConfig) -> _Material:
    scout = learner.learn({})
    parts = [scout.propose(one.candles) for one in series]
    rows = Rows.concatenate(parts)
    opens_at = np.concatenate([one.candles.time[part.start] for one, part in zip(series, parts, strict=True)])
    split = temporal_split(rows, opens_at, config)
    examples = _examples(series, split.validation_from)
    left_out = _unlearnable(learner.learn(examples), series, parts, split)
    kept = {label: bars for label, bars in examples.items() if label not in left_out}
    if not kept:
        raise TrainingFailed(
            f"training: found no label that can be learned ({'; '.join(left_out.values())}). "
            "Annotate more of the earlier candles, or choose other layers with --labels."
        )
    encoder = learner.learn(kept)
    targets = _targets(encoder, series, parts)
    if config.class_weights == "balanced":
        targets = replace(targets, weights=_balanced(targets, split.train))
    return _Material(encoder, rows, targets, split, left_out)


def _targets(encoder: Encoder, series: Sequence[LabelledSeries], parts: Sequence[Rows]) -> Targets:
    labelled = zip(series, parts, strict=True)
    return Targets.concatenate(
        [encoder.label(part, one.candles, one.spans, one.reviewed) for one, part in labelled]
    )


def _examples(series: Sequence[LabelledSeries], before: int) -> dict[str, NDArray[np.int64]]:
    """The lengths in bars of every label's spans that end before a time."""
    lengths: dict[str, list[int]] = {}
    for one in series:
        known = [span for span in one.spans if span.end_time < before]
        for span, (start, end) in zip(known, positions(known, one.candles.time).tolist(), strict=True):
            if end > start:
                lengths.setdefault(span.label, []).append(end - start)
    if not lengths:
        raise TrainingFailed(
            f"training: found no span before the validation block ({before}) in "
            f"{', '.join(one.candles.name for one in series)}, expected some of at least one label. "
            "Import annotations, label with TA-Lib, or choose other layers with --labels."
        )
    return {label: np.array(bars, np.int64) for label, bars in lengths.items()}


def _unlearnable(
    encoder: Encoder, series: Sequence[LabelledSeries], parts: Sequence[Rows], split: Split
) -> dict[str, str]:
    """The labels that the training block says too little about, and why.

    Without enough bars that are known to be outside of a label's spans, a model would see them everywhere.
    """
    known = _targets(encoder, series, parts).take(split.train)
    reasons = {}
    for label, (found, beside) in encoder.evidence(known).items():
        if found < LEAST_EXAMPLES or beside < min(_LEAST_OUTSIDE * found, _ENOUGH_OUTSIDE):
            reasons[label] = f"{label}: {found} examples and {beside} known negatives beside them in training"
    return reasons


def _balanced(targets: Targets, train: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Square-root class weights: positives weigh √(negatives / positives) of the training block."""
    known = targets.mask[train]
    positive = (known & (targets.Y[train] > 0)).sum(axis=0)
    negative = known.sum(axis=0) - positive
    weight = np.clip(np.sqrt(negative / np.maximum(positive, 1)), 1.0, _MOST_CLASS_WEIGHT)
    balanced: NDArray[np.float32] = np.where(targets.Y > 0, weight, 1.0).astype(np.float32) * targets.weights
    return balanced


def _as_if_newest(rows: Rows, encoder: Encoder, *, seed: int) -> Rows:
    """The rows with the future of some hidden, as a chart's newest bars have it."""
    future = np.array([column.future for column in encoder.feature_columns])
    rng = np.random.default_rng(seed)
    newest = np.flatnonzero(rng.random(len(rows)) < _NEWEST_SHARE)
    known_bars = rng.integers(0, max(int(future.max()), 1), size=len(newest))
    for bars in np.unique(known_bars):
        rows.X[np.ix_(newest[known_bars == bars], future > bars)] = np.nan
    return rows


def _tuned(predictor: Predictor, series: Sequence[LabelledSeries], split: Split) -> Predictor:
    encoder = predictor.encoder
    parts = []
    for one in series:
        counts = split.judged_bars("validation", one.candles.time, encoder.reach)
        looked = _looked(one, encoder.labels)
        scored = predictor.scored(one.candles)
        parts.append(TuningPart(one.candles, *scored, one.spans, counts[:, None] & looked))
    return replace(predictor, encoder=encoder.tune(parts))


def _looked(one: LabelledSeries, labels: Sequence[str]) -> NDArray[np.bool_]:
    """Where someone looked for each label: `bool (n_bars, n_labels)`."""
    return np.stack([reviewed_bars(label, one.candles, one.reviewed) for label in labels], axis=1)


def _tested(predictor: Predictor, series: Sequence[LabelledSeries], split: Split) -> dict[str, Any]:
    judged = []
    for one in series:
        counts = split.judged_bars("test", one.candles.time, predictor.encoder.reach)
        if counts.any():
            judged.append(Judged(predictor.predict(one.candles), one.spans, one.reviewed, counts))
    metrics = evaluate(judged, predictor.encoder.labels)
    blocks: Mapping[str, NDArray[np.bool_]] = {
        "train": split.train,
        "validation": split.validation,
        "test": split.test,
    }
    return metrics | {
        "in_sample": False,
        "split": {name: int(block.sum()) for name, block in blocks.items()}
        | {"purged": split.purged, "validation_from": split.validation_from, "test_from": split.test_from},
    }


def _seen(series: Sequence[LabelledSeries], split: Split) -> tuple[TrainedRange, ...]:
    """The candles that the fit or a choice has read: everything before the test block."""
    ranges = []
    for one in series:
        seen = one.candles.between(None, split.test_from - 1)
        if len(seen):
            ranges.append(TrainedRange(seen.pair, seen.timeframe, int(seen.time[0]), int(seen.time[-1])))
    return tuple(ranges)


def _info(run_id: str, encoder: Encoder, config: TrainingConfig) -> ModelInfo:
    return ModelInfo(
        model_name=config.registered_model_name,
        model_version="unregistered",
        model_type=config.model_type,
        experiment_name=config.experiment_name,
        run_id=run_id,
        trained_at=int(time.time()),
        feature_count=len(encoder.feature_columns),
        label_names=list(encoder.labels),
    )


def _part(progress: Progress, start: float, end: float) -> Progress:
    return lambda done, what: progress(start + (end - start) * done, what)
