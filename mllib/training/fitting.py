"""One model: fitted on the training block, all choices on validation, scored once on the test block."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mllib.calibration import Calibration
from mllib.encoders import Encoder, EncodingConfig
from mllib.errors import TrainingFailed
from mllib.evaluation import Judged, evaluate
from mllib.features import ContextConfig
from mllib.inference import InputProfile, ModelInfo, Predictor, TrainedRange
from mllib.models import create_model, inputs_of
from mllib.models.parted import joined
from mllib.progress import Progress, part
from mllib.splits import Intervals, Split, make_split
from mllib.training.held_out import calibrate, depended_on, rows_around, said_of_held_out, tuning_parts
from mllib.training.learning import Blocks, Learned, Learner, folds_of, scores
from mllib.training.material import LabelledSeries, Lesson, Prepared, make_lesson, prepare
from mllib.training.settings import TrainingConfig
from mllib.training.warnings import blocks_without_spans, warnings_about

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
    read = inputs_of(config.model_type, context)
    prepared = prepare(series, encoder_name=encoder_name, context=read, encoding=encoding)
    rest = part(progress, 0.10, 0.95)
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
    """As `train`, on rows that are there already.

    A `split` replaces the one that the configuration asks for; all is then chosen on its validation block.

    Raises:
        TrainingFailed: when a block is empty, or the training block teaches no label.
        InvalidConfig: for an unknown model or hyperparameter.
    """
    create_model(config.model_type, config.hyperparameters, seed=config.seed)
    if split is None:
        split = make_split(prepared.bars, config, seed=config.seed)
    else:
        config = config.model_copy(update={"validation_folds": 0})
    series = prepared.series
    lesson = make_lesson(
        prepared, split, balanced=config.class_weights == "balanced", by_clarity=config.clarity_weights
    )
    blocks = Blocks.of(split, lesson.proposed.intervals)
    learned = _learned(series, lesson, blocks, split, config=config, progress=part(progress, 0.01, 0.95))
    fitted = Fitted(
        series=series,
        lesson=lesson,
        blocks=blocks,
        learned=learned,
        split=split,
        trained_on=_seen(series, split),
        profile=_profile(series, split),
    )
    return finished(fitted, run_id=run_id, config=config, progress=progress, champion=champion)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """Fitted models, and what is left to choose on: `series` with all rows that are held out.

    Where the rows that models learned from are elsewhere, `undone` takes the weights of theirs back, and
    `train_rows` counts them.
    """

    series: Sequence[LabelledSeries]
    lesson: Lesson
    blocks: Blocks
    learned: Sequence[Learned]
    split: Split
    trained_on: tuple[TrainedRange, ...]
    profile: InputProfile
    undone: Calibration | None = None
    train_rows: int | None = None


def finished(
    fitted: Fitted,
    *,
    run_id: str,
    config: TrainingConfig,
    progress: Progress,
    champion: Predictor | None,
) -> Predictor:
    """Calibrated, with cuts chosen on what was held out, and scored once on the test block."""
    series, lesson, learned = fitted.series, fitted.lesson, fitted.learned
    blocks, split = fitted.blocks, fitted.split
    model = joined(lesson.encoder.parts, [one.model for one in learned])
    progress(0.95, "calibrating")
    test = scores(model, lesson.proposed.rows.X, np.flatnonzero(blocks.test))
    calibrated = calibrate(learned, lesson, blocks, test=test, undone=fitted.undone)
    progress(0.96, "choosing thresholds on what was held out")
    parts = tuning_parts(series, lesson, learned, split, calibration=calibrated.calibration)
    tuned = lesson.encoder.tune(parts)
    predictor = Predictor(
        encoder=tuned,
        model=model,
        calibration=calibrated.calibration,
        info=_info(run_id, tuned, config),
        trained_on=fitted.trained_on,
        metrics={},
        profile=fitted.profile,
        held_out=said_of_held_out(tuned, parts),
    )
    progress(0.98, "evaluating on the test block")
    metrics = _tested(predictor, series, split, champion=champion, config=config)
    warnings = _warnings(lesson, learned, blocks, metrics["span_support"], config=config, tuned=bool(parts))
    described = _described(split, blocks, learned, train_rows=fitted.train_rows)
    metrics |= {"split": described, "left_out": lesson.left_out}
    return replace(predictor, metrics=metrics | {"calibration": calibrated.metrics, "warnings": warnings})


def _learned(
    series: Sequence[LabelledSeries],
    lesson: Lesson,
    blocks: Blocks,
    split: Split,
    *,
    config: TrainingConfig,
    progress: Progress,
) -> list[Learned]:
    """What came of each part of the encoder."""
    around = rows_around(series, lesson, split)
    labels, parts = lesson.encoder.column_labels, lesson.encoder.parts
    folds = [folds_of(labels[slice(*own.columns)], series, split, config) for own in parts]
    fits, done = sum(n + 1 for n in folds), 0
    found = []
    for own, n in zip(parts, folds, strict=True):
        learner = Learner(lesson, own, blocks, config, split.embargo_bars)
        step = part(progress, done / fits, (done + n + 1) / fits)
        found.append(learner.in_folds(n, progress=step) if n else learner.in_block(around, progress=step))
        done += n + 1
    return found


def _warnings(
    lesson: Lesson,
    learned: Sequence[Learned],
    blocks: Blocks,
    support: Mapping[str, int],
    *,
    config: TrainingConfig,
    tuned: bool,
) -> list[str]:
    stopped = all(one.stopped for one in learned)
    held_out = np.logical_or.reduce([blocks.validation, *(one.calibration for one in learned)])
    found = warnings_about(config, stopped=stopped, tuned=tuned)
    found += blocks_without_spans(lesson.encoder, lesson.targets.take(held_out), support)
    for warning in found:
        log.warning(warning)
    return found


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
        counts = split.holds("test", Intervals.of_bars(one.candles, predictor.encoder.reach))
        part = depended_on(counts, predictor.encoder, *rival)
        candles = one.candles[part]
        if len(candles) >= predictor.encoder.needed_bars:
            judged.append(Judged(predictor.predict(candles), one.spans, one.reviewed, counts[part]))
    if not judged:
        before, after = predictor.encoder.reach
        raise TrainingFailed(
            f"split: found no bar of the test block to judge: its label depends on {before} bars before and "
            f"{after} after it, expected them in the block. Import more candles, raise "
            "stages.training.test_split, or leave out the labels of the longest spans with --labels."
        )
    found = evaluate(judged, predictor.encoder.labels, champion=champion, bootstrap=config.bootstrap)
    return found | {"in_sample": False}


def _described(
    split: Split, blocks: Blocks, learned: Sequence[Learned], *, train_rows: int | None
) -> dict[str, Any]:
    here = int(blocks.train.sum())
    counts = {
        "train": here if train_rows is None else train_rows,
        "validation": int(blocks.validation.sum()),
        "test": int(blocks.test.sum()),
    }
    return counts | {
        "purged": len(blocks.train) - here - counts["validation"] - counts["test"],
        "stopping": int(blocks.stopping.sum()),
        "calibration": int(blocks.calibration.sum()),
        "folds": [one.folds for one in learned],
        "moments": list(split.moments),
        "blocks": list(split.blocks),
        "validation_from": split.ranges("validation")[0][0],
        "test_from": split.ranges("test")[0][0],
    }


def _seen(series: Sequence[LabelledSeries], split: Split) -> tuple[TrainedRange, ...]:
    """The candles that the fit or a choice has read: all but those of the test block."""
    found = []
    for one in series:
        for first, last in split.ranges("train", "validation"):
            seen = one.candles.between(first, last)
            if len(seen):
                found.append(TrainedRange(seen.pair, seen.timeframe, int(seen.time[0]), int(seen.time[-1])))
    return tuple(found)


def _profile(series: Sequence[LabelledSeries], split: Split) -> InputProfile:
    """How the candles of the training block are spread."""
    blocks = split.ranges("train")
    return InputProfile.learn([one.candles.between(first, last) for one in series for first, last in blocks])


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
        provisional_bars=encoder.provisional_bars,
    )
