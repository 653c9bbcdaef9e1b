"""What is chosen from probabilities of rows that were held out: the calibration, and the decoder's cuts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.calibration import Calibration, reliability, undo_weights, with_temperatures
from mllib.encoders import Encoder, TuningPart, reviewed_bars
from mllib.inference import HeldOut, HeldOutSeries
from mllib.rows import Targets
from mllib.splits import Intervals, Split
from mllib.training.learning import Blocks, Learned
from mllib.training.material import LabelledSeries, Lesson

Mask = NDArray[np.bool_]


def depended_on(bars: Mask, *encoders: Encoder) -> slice:
    """The stretch of bars that the labels of some bars `bool (n_bars,)` depend on, empty without any."""
    at = np.flatnonzero(bars)
    if not len(at):
        return slice(0, 0)
    before = max(encoder.context_bars for encoder in encoders)
    after = max(encoder.provisional_bars for encoder in encoders)
    return slice(max(int(at[0]) - before, 0), min(int(at[-1]) + after + 1, len(bars)))


def rows_around(series: Sequence[LabelledSeries], lesson: Lesson, split: Split) -> Mask:
    """The rows that the labels of the validation block's bars depend on."""
    rows, encoder = lesson.proposed.rows, lesson.encoder
    around = np.zeros(len(rows), bool)
    for i, one in enumerate(series):
        judged = split.holds("validation", Intervals.of_bars(one.candles, encoder.reach))
        part = depended_on(judged, encoder)
        around |= (rows.series == i) & (rows.start >= part.start) & (rows.end <= part.stop)
    return around


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The calibration, and how far off held-out rows and the test are with and without it."""

    calibration: Calibration
    metrics: dict[str, Any]


def calibrate(
    learned: Sequence[Learned],
    lesson: Lesson,
    blocks: Blocks,
    *,
    test: NDArray[np.float32],
    undone: Calibration | None = None,
) -> Calibrated:
    """Weights undone and a temperature a label and part; `test` are the probabilities of the test's rows.

    What the weights of the fit amount to is told where the rows fitted on are not here.
    """
    labels, scored = lesson.encoder.column_labels, _labels_scored(lesson.encoder)
    held_out = np.logical_or.reduce([one.calibration for one in learned])
    P = {"validation": np.concatenate([one.P[held_out] for one in learned], axis=1), "test": test}
    known = {"validation": _known(learned, lesson, held_out), "test": lesson.targets.take(blocks.test)}
    undone = undone or _undone(learned, lesson, blocks)
    calibration, left = with_temperatures(undone, P["validation"], known["validation"], scored)
    metrics: dict[str, Any] = {
        "temperatures": dict(zip(scored, calibration.temperatures, strict=True)),
        "uncalibrated": left,
        "undone_log_odds": dict(zip(lesson.encoder.columns, calibration.undone, strict=True)),
    }
    for name in ("validation", "test"):
        metrics[name] = {
            "before": reliability(P[name], known[name], labels),
            "after": reliability(calibration.apply(P[name]), known[name], labels),
        }
    return Calibrated(calibration, metrics)


def _labels_scored(encoder: Encoder) -> list[str]:
    """For each target column its label, and which rows score it where several parts' models do."""
    labels, found = encoder.column_labels, list(encoder.column_labels)
    for part in encoder.parts:
        for i in range(*part.columns):
            if part.least_bars > 1 and labels[i] in labels[: part.columns[0]]:
                found[i] = f"{labels[i]} (rows of {part.least_bars} or more bars)"
    return found


def _known(learned: Sequence[Learned], lesson: Lesson, held_out: Mask) -> Targets:
    """The targets of rows held out, known only in the columns whose model had them held out."""
    parts = zip(lesson.encoder.parts, learned, strict=True)
    masks = [(lesson.targets.of(part).mask & one.calibration[:, None])[held_out] for part, one in parts]
    return replace(lesson.targets.take(held_out), mask=np.concatenate(masks, axis=1))


def _undone(learned: Sequence[Learned], lesson: Lesson, blocks: Blocks) -> Calibration:
    """What takes back the weights that each part's model was fitted with."""
    undone: tuple[float, ...] = ()
    for part, one in zip(lesson.encoder.parts, learned, strict=True):
        fitted_on = part.holds(lesson.proposed.rows) & (blocks.learnable if one.folds else blocks.train)
        targets = lesson.targets.of(part).take(fitted_on)
        undone += undo_weights(replace(targets, weights=one.model.weights_used(targets))).undone
    return Calibration(undone, (1.0,) * len(undone))


def tuning_parts(
    series: Sequence[LabelledSeries],
    lesson: Lesson,
    learned: Sequence[Learned],
    split: Split,
    *,
    calibration: Calibration,
) -> list[TuningPart]:
    """What cuts may be chosen on: the validation block, or all before the test where there were folds."""
    encoder, rows = lesson.encoder, lesson.proposed.places
    ends = np.cumsum([len(part) for part in rows])
    found = []
    for one, places, end in zip(series, rows, ends, strict=True):
        counts = _counted(one, encoder, learned, split)
        part = depended_on(np.logical_or.reduce(counts, axis=1), encoder)
        inside = np.flatnonzero((places.start >= part.start) & (places.end <= part.stop))
        if len(inside):
            at = inside + end - len(places)
            P = calibration.apply(np.concatenate([of.P[at] for of in learned], axis=1))
            shown = places.take(inside).shifted(-part.start)
            found.append(TuningPart(one.candles[part], shown, P, one.spans, counts[part]))
    return found


def said_of_held_out(encoder: Encoder, parts: Sequence[TuningPart]) -> HeldOut:
    """What is said of the bars that cuts were chosen on: each label where its probabilities count."""
    found = []
    for part in parts:
        coverage = encoder.coverage(part.candles, part.rows, part.P).astype(np.float16)
        for i, label in enumerate(encoder.labels):
            counts = part.counts[:, encoder.deciding_columns(label)].all(axis=1)
            coverage[~counts, i] = np.nan
        said = ~np.isnan(coverage).all(axis=1)
        series = part.candles.pair, part.candles.timeframe
        found.append(HeldOutSeries(*series, part.candles.time[said], coverage[said]))
    return HeldOut(encoder.labels, found)


def _counted(one: LabelledSeries, encoder: Encoder, learned: Sequence[Learned], split: Split) -> Mask:
    """The bars that count for each target column: `bool (n_bars, k)`."""
    bars = Intervals.of_bars(one.candles, encoder.reach)
    in_block = split.holds("validation", bars)
    in_folds = split.with_validation_learned().holds("train", bars)
    looked = {label: reviewed_bars(label, one.candles, one.reviewed) for label in encoder.labels}
    columns = []
    for part, of in zip(encoder.parts, learned, strict=True):
        held_out = in_folds if of.folds else in_block
        columns += [held_out & looked[label] for label in encoder.column_labels[slice(*part.columns)]]
    return np.stack(columns, axis=1)
