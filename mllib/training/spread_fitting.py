"""A Predictor whose trees have grown on a cluster; the rest is that of `fitting`, on held-out rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from mllib.candle_source import CandleSource
from mllib.candles import Candles
from mllib.cluster import Cluster
from mllib.encoders import Encoder, EncodingConfig, encoder_class
from mllib.errors import InvalidConfig, TrainingFailed
from mllib.features import ContextConfig
from mllib.inference import InputProfile, Predictor, TrainedRange
from mllib.models import create_model
from mllib.models.xgboost_trees import XGBoostTrees
from mllib.progress import Progress, part
from mllib.rows import Targets
from mllib.splits import Intervals, Split, make_split
from mllib.training import spreading
from mllib.training.fitting import Fitted, finished
from mllib.training.held_out import rows_around
from mllib.training.learning import Blocks, Learned, scores
from mllib.training.material import LabelledSeries, Lesson, Prepared, Proposed, unlearnable
from mllib.training.settings import TrainingConfig
from mllib.training.spreading import Chunk, Labels, Tally

_PROFILED = 2_000_000
"""How candles are spread is learned from so many of the training block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadTraining:
    """What a model is to be trained on: stored series, and the functions whose spans are their labels."""

    source: CandleSource
    series: Sequence[tuple[str, str]]
    functions: tuple[str, ...]
    encoder_name: str
    context: ContextConfig
    encoding: EncodingConfig


def check_spread(asked: SpreadTraining, config: TrainingConfig) -> None:
    """Refuses what does not train on a cluster.

    Raises:
        InvalidConfig: another model than xgboost, another encoder than bio, or another split than temporal.
    """
    wanted = {
        "stages.training.model_type": (config.model_type, "xgboost"),
        "stages.annotation_ingestion.label_encoding": (asked.encoder_name, "bio"),
        "stages.training.split_method": (config.split_method, "temporal"),
    }
    for path, (found, expected) in wanted.items():
        if found != expected:
            raise InvalidConfig(
                f"found {found!r}, expected {expected!r} to train on a cluster. "
                "Choose it, or leave --cluster out.",
                path=path,
            )


def fit_spread(
    asked: SpreadTraining,
    cluster: Cluster,
    *,
    run_id: str,
    config: TrainingConfig,
    progress: Progress,
    champion: Predictor | None = None,
) -> tuple[Predictor, Prepared]:
    """A Predictor as `fit` makes it with `validation_folds: 0`, and the held-out series.

    Here is memory for the held-out rows, the workers together hold those of training.

    Raises:
        InvalidConfig, TrainingFailed: as `check_spread` and `fit` do.
    """
    check_spread(asked, config)
    config = config.model_copy(update={"validation_folds": 0})
    scout = encoder_class(asked.encoder_name).learn(asked.context, {}, asked.encoding)
    bars = _bars(asked, scout)
    split = make_split(Intervals.joined([*bars.values()]), config, seed=config.seed)
    labels = Labels(asked.source, asked.functions, split, scout, seed=config.seed)
    cut = spreading.chunks({name: len(one) for name, one in bars.items()})
    balanced = config.class_weights == "balanced"
    known = _counted(asked, labels, cut, cluster, balanced=balanced, progress=part(progress, 0.0, 0.2))
    lesson, late = _held_out(known, bars)
    blocks = Blocks.of(split, lesson.proposed.intervals)
    progress(0.25, f"growing trees on {known.total.rows} rows")
    learned = _grown(known, cluster, lesson, late, blocks, config)
    fitted = Fitted(
        series=late,
        lesson=lesson,
        blocks=blocks,
        learned=[learned],
        split=split,
        undone=known.total.undone(known.labels.positive_weights),
        trained_on=_seen(bars, split),
        profile=_profile(asked, split),
        train_rows=known.total.rows,
    )
    predictor = finished(fitted, run_id=run_id, config=config, progress=progress, champion=champion)
    lasting = Intervals.joined([Intervals.of_bars(one.candles, scout.reach) for one in late])
    kind = encoder_class(asked.encoder_name)
    return predictor, Prepared(late, kind, asked.context, asked.encoding, lasting, None)


def _bars(asked: SpreadTraining, scout: Encoder) -> dict[tuple[str, str], Intervals]:
    """When each bar of each series lasts."""
    return {
        (pair, timeframe): Intervals.of_bars(asked.source.archive.read(pair, timeframe), scout.reach)
        for pair, timeframe in asked.series
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """The labels that can be learned, the chunks that teach them with their rows, what is known of all of
    these, and which labels are left out and why.
    """

    labels: Labels
    chunks: Sequence[tuple[Chunk, int]]
    total: Tally
    left_out: dict[str, str]


def _counted(
    asked: SpreadTraining,
    labels: Labels,
    cut: Sequence[Chunk],
    cluster: Cluster,
    *,
    balanced: bool,
    progress: Progress,
) -> _Counted:
    found = [*cluster.map(spreading.lengths, cut, shared=labels, progress=part(progress, 0.0, 0.4))]
    every = spreading.learned_encoder(asked.encoder_name, found, asked.context, asked.encoding)
    if not every.labels:
        raise TrainingFailed(
            f"training: found no span of {', '.join(asked.functions)} before the validation block, expected "
            "some of at least one label. Choose other functions, or more series."
        )
    asking = replace(labels, encoder=every)
    tallies = [*cluster.map(spreading.tally, cut, shared=asking, progress=part(progress, 0.4, 1.0))]
    total = reduce(add, tallies)
    left_out = unlearnable(total.evidence, {})
    if len(left_out) == len(every.labels):
        raise TrainingFailed(
            f"training: found no label that can be learned ({'; '.join(left_out.values())}). "
            "Choose other functions, or more series."
        )
    kept = [{k: v for k, v in one.items() if k not in left_out} for one in found]
    encoder = spreading.learned_encoder(asked.encoder_name, kept, asked.context, asked.encoding)
    at = [i for i, label in enumerate(every.column_labels) if label not in left_out]
    total = replace(total, known=total.known[at], positive=total.positive[at])
    weights = total.positive_weights if balanced else np.ones(len(at), np.float32)
    teaching = [(chunk, one.rows) for chunk, one in zip(cut, tallies, strict=True) if one.rows]
    learnable = replace(labels, encoder=encoder, positive_weights=weights)
    return _Counted(learnable, teaching, total, left_out)


def _held_out(
    known: _Counted, bars: Mapping[tuple[str, str], Intervals]
) -> tuple[Lesson, list[LabelledSeries]]:
    """What is held out of each series, and all that its labels depend on."""
    labels, encoder = known.labels, known.labels.encoder
    late = []
    for (pair, timeframe), lasting in bars.items():
        held_out = labels.split.holds("validation", lasting) | labels.split.holds("test", lasting)
        if held_out.any():
            first = max(int(held_out.argmax()) - encoder.context_bars, 0)
            late.append(labels.series(pair, timeframe, first, len(lasting)))
    proposed = Proposed.by(encoder, late)
    parts = zip(proposed.places, late, strict=True)
    targets = Targets.concatenate(
        [encoder.label(places, one.candles, one.spans, one.reviewed) for places, one in parts]
    )
    weights = np.where(targets.Y > 0, labels.positive_weights, np.float32(1)) * targets.weights
    return Lesson(encoder, proposed, replace(targets, weights=weights), known.left_out), late


def _grown(
    known: _Counted,
    cluster: Cluster,
    lesson: Lesson,
    late: Sequence[LabelledSeries],
    blocks: Blocks,
    config: TrainingConfig,
) -> Learned:
    model = create_model(config.model_type, config.hyperparameters, seed=config.seed)
    assert isinstance(model, XGBoostTrees), "checked before"
    labels, encoder = known.labels, lesson.encoder
    X, cells = cluster.arrays(
        spreading.material,
        [chunk for chunk, _ in known.chunks],
        shared=labels,
        rows=[rows for _, rows in known.chunks],
        columns=(len(encoder.feature_columns), len(encoder.columns)),
    )
    stopping = lesson.targets.take(blocks.stopping)
    decides = bool(stopping.mask.any())
    validation = (lesson.proposed.rows.take(blocks.stopping), stopping) if decides else None
    totals = known.total.totals(labels.positive_weights)
    model.fit_spread(cluster, X, cells, totals=totals, validation=validation)
    P = np.zeros((len(blocks.train), len(encoder.columns)), np.float32)
    at = np.flatnonzero(rows_around(late, lesson, labels.split) | blocks.calibration)
    P[at] = scores(model, lesson.proposed.rows.X, at)
    return Learned(model, P, blocks.calibration, 0, decides)


def _seen(bars: Mapping[tuple[str, str], Intervals], split: Split) -> tuple[TrainedRange, ...]:
    """The candles that the fit or a choice has read."""
    found = []
    for (pair, timeframe), lasting in bars.items():
        times = lasting.opens_at
        for first, last in split.ranges("train", "validation"):
            start = 0 if first is None else int(np.searchsorted(times, first, "left"))
            end = len(times) if last is None else int(np.searchsorted(times, last, "right"))
            if end > start:
                found.append(TrainedRange(pair, timeframe, int(times[start]), int(times[end - 1])))
    return tuple(found)


def _profile(asked: SpreadTraining, split: Split) -> InputProfile:
    """How the candles of the training block are spread, of as many series as are enough to tell."""
    read: list[Candles] = []
    for pair, timeframe in asked.series:
        if sum(len(one) for one in read) >= _PROFILED:
            break
        candles = asked.source.archive.read(pair, timeframe)
        read += [candles.between(first, last) for first, last in split.ranges("train")]
    return InputProfile.learn(read)
