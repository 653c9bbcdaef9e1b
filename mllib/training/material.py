"""What a model is fitted on: rows of all series, and what the labels say about them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders import Encoder, EncodingConfig, Example, Examples, encoder_class, reviewed_bars
from mllib.errors import TrainingFailed
from mllib.features import Column, ContextConfig
from mllib.features.custom import check_causality
from mllib.rows import Rows, Targets
from mllib.spans import Annotation, ReviewedRange, Span, positions
from mllib.splits import Intervals, Split
from mllib.timeframes import SECONDS

LEAST_EXAMPLES = 3
"""A label with fewer examples in the training block is left out, and the metrics say so."""

_LEAST_BESIDE = 5
"""Likewise one with fewer known negatives, for each example, unless they are"""
_ENOUGH_BESIDE = 200
"""so many."""
_MOST_CLASS_WEIGHT = 30.0
_CHECKED_BARS = 2_000
"""Custom features are checked on so many candles of the first series."""
_NEWEST_SHARE = 0.2
"""Of the training rows, so many are shown as if they were among the newest bars of a chart."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSeries:
    """Candles, the spans on them, and where silence means that nothing is there."""

    candles: Candles
    spans: Sequence[Span]
    reviewed: Sequence[ReviewedRange]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Series that any number of models can be fitted on; `bars` is when each of their bars lasts.

    `proposed` holds rows that know nothing of labels, computed once, where the encoder has such.
    """

    series: Sequence[LabelledSeries]
    encoder_type: type[Encoder]
    context: ContextConfig
    encoding: EncodingConfig
    bars: Intervals
    proposed: "Proposed | None"

    def learn(self, examples: Examples) -> Encoder:
        """An encoder for the labels of `examples`."""
        return self.encoder_type.learn(self.context, examples, self.encoding)

    def propose(self, encoder: Encoder) -> "Proposed":
        """The rows that the encoder proposes in all series."""
        return Proposed.by(encoder, self.series) if self.proposed is None else self.proposed


@dataclass(frozen=True, slots=True, eq=False)
class Proposed:
    """Rows of all series, when they judge and read, and the rows of each series without features."""

    rows: Rows
    places: Sequence[Rows]
    intervals: Intervals

    @classmethod
    def by(cls, encoder: Encoder, series: Sequence[LabelledSeries]) -> "Proposed":
        """What an encoder proposes."""
        parts = [encoder.propose(one.candles) for one in series]
        intervals = [Intervals.of(part, one.candles) for one, part in zip(series, parts, strict=True)]
        places = [part.places() for part in parts]
        return cls(Rows.concatenate(parts), places, Intervals.joined(intervals))


def prepare(
    series: Sequence[LabelledSeries], *, encoder_name: str, context: ContextConfig, encoding: EncodingConfig
) -> Prepared:
    """Proposes and describes the rows of all series.

    Raises:
        TrainingFailed: when there are none.
        InvalidConfig: for an unknown encoder, or a custom feature that reads further than it says.
    """
    encoder_type = encoder_class(encoder_name)
    for feature in context.custom_features:
        check_causality(feature, series[0].candles[-_CHECKED_BARS:])
    scout = encoder_type.learn(context, {}, encoding)
    bars = [Intervals.of_bars(one.candles, scout.reach) for one in series]
    if not sum(len(one.candles) for one in series):
        raise TrainingFailed(
            f"training: found nothing to judge in {', '.join(one.candles.name for one in series)}, expected "
            "candles. Import some."
        )
    proposed = None if encoder_type.learns_rows else Proposed.by(scout, series)
    return Prepared(series, encoder_type, context, encoding, Intervals.joined(bars), proposed)


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What one model is to learn; `left_out` says of each label that cannot be learned why."""

    encoder: Encoder
    proposed: Proposed
    targets: Targets
    left_out: dict[str, str]


def make_lesson(prepared: Prepared, split: Split, *, balanced: bool, by_clarity: bool) -> Lesson:
    """Labels and lengths come from the training block alone; the targets are those of all rows.

    Raises:
        TrainingFailed: when the training block teaches no label.
    """
    if not by_clarity:
        prepared = replace(prepared, series=[_unrated(one) for one in prepared.series])
    examples = _examples(prepared.series, split)
    encoder = prepared.learn(examples)
    proposed = prepared.propose(encoder)
    train = split.holds("train", proposed.intervals)
    targets = _targets(encoder, prepared, proposed)
    beside = _bars_beside(encoder, prepared.series, split) if encoder.learns_rows else {}
    left_out = unlearnable(encoder.evidence(targets.take(train)), beside)
    kept = {label: found for label, found in examples.items() if label not in left_out}
    if not kept:
        raise TrainingFailed(
            f"training: found no label that can be learned ({'; '.join(left_out.values())}). "
            "Annotate more of the earlier candles, or choose other layers with --labels."
        )
    if left_out:
        encoder = prepared.learn(kept)
        proposed = prepared.propose(encoder)
        train = split.holds("train", proposed.intervals)
        targets = _targets(encoder, prepared, proposed)
    if balanced:
        targets = replace(targets, weights=balanced_weights(targets, train))
    return Lesson(encoder, proposed, targets, left_out)


def _unrated(one: LabelledSeries) -> LabelledSeries:
    spans = [replace(span, clarity=None) if isinstance(span, Annotation) else span for span in one.spans]
    return replace(one, spans=spans)


def _targets(encoder: Encoder, prepared: Prepared, proposed: Proposed) -> Targets:
    labelled = zip(prepared.series, proposed.places, strict=True)
    return Targets.concatenate(
        [encoder.label(part, one.candles, one.spans, one.reviewed) for one, part in labelled]
    )


def _examples(series: Sequence[LabelledSeries], split: Split) -> dict[str, list[Example]]:
    """Every label's spans that lie in the training block, on the candles of that block alone."""
    examples: dict[str, list[Example]] = {}
    for one in series:
        learned = split.holds("train", _lasting(one))
        spans = [span for span, known in zip(one.spans, learned, strict=True) if known]
        for first, last in split.ranges("train"):
            candles = one.candles.between(first, last)
            found = positions(spans, candles.time)
            inside = found[:, 1] > found[:, 0]
            names = np.array([span.label for span in spans], object)[inside]
            for label in sorted(set(names.tolist())):
                examples.setdefault(label, []).append(Example(candles, found[inside][names == label]))
    if not examples:
        raise TrainingFailed(
            f"training: found no span before the validation block ({split.moments[0]}) in "
            f"{', '.join(one.candles.name for one in series)}, expected some of at least one label. "
            "Import annotations, label with TA-Lib, or choose other layers with --labels."
        )
    return examples


def _lasting(one: LabelledSeries) -> Intervals:
    """When each span lasts, as if a row judged and read its bars alone."""
    starts = np.array([span.start_time for span in one.spans], np.int64)
    bar_s = np.full(len(starts), SECONDS[one.candles.timeframe], np.int64)
    ends = np.array([span.end_time for span in one.spans], np.int64) + bar_s
    return Intervals(starts, starts, np.maximum(ends, starts + 1), bar_s)


def _bars_beside(encoder: Encoder, series: Sequence[LabelledSeries], split: Split) -> dict[str, int]:
    """For each label the bars of the training block where someone looked for it and none of its spans is."""
    beside = dict.fromkeys(encoder.labels, 0)
    for one in series:
        learned = split.holds("train", Intervals.of_bars(one.candles, (0, 0)))
        for label in encoder.labels:
            free = learned & reviewed_bars(label, one.candles, one.reviewed)
            for start, end in positions([s for s in one.spans if s.label == label], one.candles.time):
                free[start:end] = False
            beside[label] += int(free.sum())
    return beside


def unlearnable(evidence: Mapping[str, tuple[int, int]], bars_beside: Mapping[str, int]) -> dict[str, str]:
    """The labels that the encoder's evidence of the training rows says too little about, and why.

    Without enough that is known to be none of a label's spans, a model would see them everywhere. Where rows
    are proposed that look like the spans, few may be known to be none because few others look so: there the
    bars count that no span lies on.
    """
    reasons = {}
    for label, (found, rows) in evidence.items():
        beside = max(rows, bars_beside.get(label, 0))
        if found < LEAST_EXAMPLES or beside < min(_LEAST_BESIDE * found, _ENOUGH_BESIDE):
            reasons[label] = f"{label}: {found} examples and {beside} known negatives beside them in training"
    return reasons


def balanced_weights(targets: Targets, train: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Square-root class weights: positives weigh √(negatives / positives) of the training block."""
    known = targets.mask[train]
    positive = (known & (targets.Y[train] > 0)).sum(axis=0)
    weight = class_weights(positive, known.sum(axis=0) - positive)
    balanced: NDArray[np.float32] = np.where(targets.Y > 0, weight, np.float32(1)) * targets.weights
    return balanced


def class_weights(positive: NDArray[np.int64], negative: NDArray[np.int64]) -> NDArray[np.float32]:
    """What the positives of each column weigh, where there are so many of both."""
    weight = np.clip(np.sqrt(negative / np.maximum(positive, 1)), 1.0, _MOST_CLASS_WEIGHT)
    return np.asarray(weight, np.float32)


@contextmanager
def as_if_newest(rows: Rows, columns: Sequence[Column], *, seed: int) -> Iterator[Rows]:
    """The rows with the future of some hidden, as a chart's newest bars have it.

    It is hidden in their own `X`, which may be gigabytes, and put back afterwards.
    """
    future = np.array([column.future for column in columns])
    rng = np.random.default_rng(seed)
    newest = np.flatnonzero(rng.random(len(rows)) < _NEWEST_SHARE)
    known_bars = rng.integers(0, max(int(future.max()), 1), size=len(newest))
    hidden = [np.ix_(newest[known_bars == bars], future > bars) for bars in np.unique(known_bars)]
    before = [rows.X[cells] for cells in hidden]
    try:
        for cells in hidden:
            rows.X[cells] = np.nan
        yield rows
    finally:
        for cells, values in zip(hidden, before, strict=True):
            rows.X[cells] = values
