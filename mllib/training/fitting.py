"""One model: fitted on the training block, all choices on validation, scored once on the test block."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.calibration import Calibration, reliability, undo_weights, with_temperatures
from mllib.candles import Candles
from mllib.encoders import Encoder, EncodingConfig, TuningPart, reviewed_bars
from mllib.evaluation import Judged, evaluate
from mllib.features import ContextConfig
from mllib.inference import ModelInfo, Predictor, TrainedRange
from mllib.models import Model, Progress, create_model
from mllib.rows import Rows, Targets
from mllib.splits import Block, Intervals, Split, divided, make_split
from mllib.training.material import LabelledSeries, Lesson, Prepared, as_if_newest, make_lesson, prepare
from mllib.training.settings import TrainingConfig

_SCORED_ROWS = 100_000
"""So many rows are scored at a time."""

Mask = NDArray[np.bool_]
log = logging.getLogger(__name__)


def train(
    series: Sequence[LabelledSeries],
    *,
    run_id: str,
    encoder_name: str,
    context: ContextConfig,
    encoding: EncodingConfig,
    config: TrainingConfig,
    progress: Progress,
    champion: Predictor | None = None,
) -> Predictor:
    """A Predictor whose `metrics` come from the last block in time, which nothing was chosen on.

    A `champion` is scored beside it, on the same bars.

    Raises:
        TrainingFailed: when there is nothing to learn from, or a block is empty.
        InvalidConfig: for an unknown encoder, model or hyperparameter.
    """
    create_model(config.model_type, config.hyperparameters, seed=config.seed)
    progress(0.02, "computing features")
    prepared = prepare(series, encoder_name=encoder_name, context=context, encoding=encoding)
    rest = _part(progress, 0.10, 0.95)
    return fit(prepared, run_id=run_id, config=config, progress=rest, champion=champion)


def fit(
    prepared: Prepared,
    *,
    run_id: str,
    config: TrainingConfig,
    progress: Progress,
    split: Split | None = None,
    champion: Predictor | None = None,
) -> Predictor:
    """As `train`, on rows that are there already; `split` replaces the one that the configuration asks for.

    Raises:
        TrainingFailed: when a block is empty, or the training block teaches no label.
        InvalidConfig: for an unknown model or hyperparameter.
    """
    model = create_model(config.model_type, config.hyperparameters, seed=config.seed)
    split = make_split(prepared.bars, config, seed=config.seed) if split is None else split
    lesson = make_lesson(
        prepared, split, balanced=config.class_weights == "balanced", by_clarity=config.clarity_weights
    )
    encoder, rows, targets = lesson.encoder, lesson.proposed.rows, lesson.targets
    blocks = _Blocks.of(split, lesson.proposed.intervals)
    known = targets.take(blocks.stopping)
    stopping = (rows.take(blocks.stopping), known) if known.mask.any() else None
    with as_if_newest(rows.take(blocks.train), encoder, seed=config.seed) as shown:
        model.fit(shown, targets.take(blocks.train), stopping, progress=_part(progress, 0.05, 0.75))
    progress(0.77, "calibrating")
    calibrated = _calibrated(model, lesson, blocks)
    predictor = Predictor(
        encoder=encoder,
        model=model,
        calibration=calibrated.calibration,
        info=_info(run_id, encoder, config),
        trained_on=_seen(prepared.series, split),
        metrics={},
    )
    progress(0.80, "choosing thresholds on validation")
    chosen = _tuned(predictor, prepared.series, split)
    progress(0.90, "evaluating on the test block")
    metrics = _tested(chosen, prepared.series, split, champion=champion, config=config)
    return replace(
        chosen,
        metrics=metrics
        | {"split": _described(split, blocks), "left_out": lesson.left_out}
        | {
            "calibration": calibrated.metrics,
            "warnings": [
                *_warnings(config, stopped=stopping is not None),
                *_blocks_without_spans(encoder, targets.take(blocks.validation), metrics["span_support"]),
            ],
        },
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Blocks:
    """Masks over the rows. `stopping` and `calibration` divide validation, `stopping` is the earlier part."""

    train: Mask
    validation: Mask
    test: Mask
    stopping: Mask
    calibration: Mask

    @classmethod
    def of(cls, split: Split, intervals: Intervals) -> "_Blocks":
        """The blocks of these rows. Too short a validation block is not divided: it decides when to stop."""
        train, validation, test = (split.holds(name, intervals) for name in ("train", "validation", "test"))
        stopping, calibration = divided(intervals, validation, embargo_bars=split.embargo_bars)
        if not (stopping.any() and calibration.any()):
            stopping, calibration = validation, np.zeros_like(validation)
        return cls(train, validation, test, stopping, calibration)


@dataclass(frozen=True, slots=True)
class _Calibrated:
    calibration: Calibration
    metrics: dict[str, Any]


def _calibrated(model: Model, lesson: Lesson, blocks: _Blocks) -> _Calibrated:
    """The calibration from the later part of validation; how far off it and the test are with and without."""
    labels, targets = lesson.encoder.column_labels, lesson.targets
    learned = targets.take(blocks.train)
    undone = undo_weights(replace(learned, weights=model.weights_used(learned)))
    P = {
        "validation": _scores(model, lesson.proposed.rows, blocks.calibration),
        "test": _scores(model, lesson.proposed.rows, blocks.test),
    }
    known = {"validation": targets.take(blocks.calibration), "test": targets.take(blocks.test)}
    calibration, left = with_temperatures(undone, P["validation"], known["validation"], labels)
    metrics: dict[str, Any] = {
        "temperatures": dict(zip(labels, calibration.temperatures, strict=True)),
        "uncalibrated": left,
        "undone_log_odds": dict(zip(lesson.encoder.columns, calibration.undone, strict=True)),
    }
    for name in ("validation", "test"):
        metrics[name] = {
            "before": reliability(P[name], known[name], labels),
            "after": reliability(calibration.apply(P[name]), known[name], labels),
        }
    return _Calibrated(calibration, metrics)


def _scores(model: Model, rows: Rows, block: Mask) -> NDArray[np.float32]:
    chosen = np.flatnonzero(block)
    parts = np.split(chosen, range(_SCORED_ROWS, len(chosen), _SCORED_ROWS))
    return np.concatenate([model.predict_proba(rows.X[part]) for part in parts])


def _tuned(predictor: Predictor, series: Sequence[LabelledSeries], split: Split) -> Predictor:
    encoder = predictor.encoder
    parts = []
    for one in series:
        candles, counts = _around("validation", one.candles, split, encoder)
        if len(candles):
            looked = np.stack(
                [reviewed_bars(label, candles, one.reviewed) for label in encoder.labels], axis=1
            )
            rows, P = predictor.scored(candles)
            parts.append(TuningPart(candles, rows, P, one.spans, counts[:, None] & looked))
    return replace(predictor, encoder=encoder.tune(parts))


def _tested(
    predictor: Predictor,
    series: Sequence[LabelledSeries],
    split: Split,
    *,
    champion: Predictor | None,
    config: TrainingConfig,
) -> dict[str, Any]:
    judged = []
    rival = () if champion is None else (champion.encoder,)
    for one in series:
        candles, counts = _around("test", one.candles, split, predictor.encoder, *rival)
        if len(candles) >= predictor.encoder.needed_bars:
            judged.append(Judged(predictor.predict(candles), one.spans, one.reviewed, counts))
    found = evaluate(judged, predictor.encoder.labels, champion=champion, bootstrap=config.bootstrap)
    return found | {"in_sample": False}


def _around(
    block: Block, candles: Candles, split: Split, encoder: Encoder, *others: Encoder
) -> tuple[Candles, Mask]:
    """The candles that the labels of a block's bars depend on, the others' too, and which are those bars."""
    counts = split.holds(block, Intervals.of_bars(candles, encoder.reach))
    bars = np.flatnonzero(counts)
    if not len(bars):
        return candles[:0], counts[:0]
    before = max(one.context_bars for one in (encoder, *others))
    after = max(one.provisional_bars for one in (encoder, *others))
    part = slice(max(int(bars[0]) - before, 0), int(bars[-1]) + after + 1)
    return candles[part], counts[part]


def _described(split: Split, blocks: _Blocks) -> dict[str, Any]:
    counts = {
        "train": int(blocks.train.sum()),
        "validation": int(blocks.validation.sum()),
        "test": int(blocks.test.sum()),
    }
    return counts | {
        "purged": len(blocks.train) - sum(counts.values()),
        "stopping": int(blocks.stopping.sum()),
        "calibration": int(blocks.calibration.sum()),
        "moments": list(split.moments),
        "blocks": list(split.blocks),
        "validation_from": split.ranges("validation")[0][0],
        "test_from": split.ranges("test")[0][0],
    }


def _warnings(config: TrainingConfig, *, stopped: bool) -> list[str]:
    warnings = []
    if config.split_method == "random":
        warnings.append(
            "stages.training.split_method: random: the model has learned from candles after those it was "
            "tested on, so the metrics say nothing about later candles. Set it to temporal for those."
        )
    if not stopped:
        warnings.append(
            "validation: found nothing reviewed in its earlier half, so nothing decided when to stop. Review "
            "some of it, or raise stages.training.validation_split."
        )
    for warning in warnings:
        log.warning(warning)
    return warnings


def _blocks_without_spans(encoder: Encoder, validated: Targets, tested: Mapping[str, int]) -> list[str]:
    """Warnings of labels that a block holds nothing of, which no figure would tell from bad ones."""
    evidence = encoder.evidence(validated)
    missing = {
        "validation": [label for label in encoder.labels if not evidence[label][0]],
        "test": [label for label in encoder.labels if not tested[label]],
    }
    left = {
        "validation": "so nothing decided how sure the model has to be of them",
        "test": "so its scores say nothing of them",
    }
    warnings = [
        f"{block}: found no reviewed span of {', '.join(labels)}, expected some, {left[block]}. "
        f"Annotate candles of that block, or raise stages.training.{block}_split."
        for block, labels in missing.items()
        if labels
    ]
    for warning in warnings:
        log.warning(warning)
    return warnings


def _seen(series: Sequence[LabelledSeries], split: Split) -> tuple[TrainedRange, ...]:
    """The candles that the fit or a choice has read: all but those of the test block."""
    found = []
    for one in series:
        for first, last in split.ranges("train", "validation"):
            seen = one.candles.between(first, last)
            if len(seen):
                found.append(TrainedRange(seen.pair, seen.timeframe, int(seen.time[0]), int(seen.time[-1])))
    return tuple(found)


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
