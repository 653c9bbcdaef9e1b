"""How a part of an encoder is learned, and what is said of rows that were not learned from.

Whatever is chosen (when to stop, temperatures, cuts) needs rows held out. With many examples that is the
validation block. With few, what one block holds decides nothing: all rows before the test are held out in
turn, by purged folds, and the model that stays learns from all of them for as long as the folds did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mllib.calibration import LEAST_POSITIVES
from mllib.errors import TrainingFailed
from mllib.models import Model, Scorer, create_model
from mllib.progress import Progress, part
from mllib.rows import Part, Rows, Targets
from mllib.splits import Intervals, Split, divided, purged_folds
from mllib.training.material import LabelledSeries, Lesson, as_if_newest
from mllib.training.settings import TrainingConfig

FEW_SPANS = 300
"""A part whose labels have fewer spans in the validation block is learned in folds, unless told otherwise."""
FOLDS = 4

_SCORED_ROWS = 100_000
"""So many rows are scored at a time."""

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Masks over the rows. `stopping` and `calibration` divide validation, `stopping` is the earlier part;
    `learnable` are all that train or validation may teach.
    """

    train: Mask
    validation: Mask
    test: Mask
    stopping: Mask
    calibration: Mask
    learnable: Mask

    @classmethod
    def of(cls, split: Split, intervals: Intervals) -> "Blocks":
        """The blocks of these rows. Too short a validation block is not divided: it decides when to stop."""
        train, validation, test = (split.holds(name, intervals) for name in ("train", "validation", "test"))
        stopping, calibration = divided(intervals, validation, embargo_bars=split.embargo_bars)
        if not (stopping.any() and calibration.any()):
            stopping, calibration = validation, np.zeros_like(validation)
        learnable = split.with_validation_learned().holds("train", intervals)
        return cls(train, validation, test, stopping, calibration, learnable)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A fitted model of one part, and `P float32 (n, k)` of the rows around what it is chosen on.

    `calibration` are the rows whose probabilities are out of sample and decided on nothing but, in folds,
    when to stop. `folds` is 0 where the validation block was held out.
    """

    model: Model
    P: Floats
    calibration: Mask
    folds: int
    stopped: bool


def folds_of(
    labels: Sequence[str], series: Sequence[LabelledSeries], split: Split, config: TrainingConfig
) -> int:
    """How many folds a part with these labels is learned in: as configured, else by its spans."""
    if config.validation_folds is not None:
        return config.validation_folds
    ranges = split.ranges("validation")
    held_out = sum(
        span.label in labels and any(_within(span.start_time, *one) for one in ranges)
        for labelled in series
        for span in labelled.spans
    )
    return FOLDS if held_out < FEW_SPANS else 0


def _within(time: int, first: int | None, last: int | None) -> bool:
    return (first is None or time >= first) and (last is None or time <= last)


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """What learning a part takes: its rows and targets, and how models are made and fitted."""

    lesson: Lesson
    part: Part
    blocks: Blocks
    config: TrainingConfig
    embargo_bars: int

    def in_block(self, around: Mask, *, progress: Progress) -> Learned:
        """Fitted on the training block, stopped by the earlier half of validation; scores rows `around`."""
        model = create_model(self.config.model_type, self.config.hyperparameters, seed=self.config.seed)
        own = self.part.holds(self.lesson.proposed.rows)
        stopped = self._fit(model, own & self.blocks.train, own & self.blocks.stopping, progress)
        P = self._scores(model, own & (around | self.blocks.calibration))
        return Learned(model, P, own & self.blocks.calibration, 0, stopped)

    def in_folds(self, folds: int, *, progress: Progress) -> Learned:
        """Fitted on all before the test; every row there is scored by a model that has not learned from it.

        Each fold stops by the rows that it holds out: one number, of thousands of rows.
        """
        own = self.part.holds(self.lesson.proposed.rows) & self.blocks.learnable
        at, divided_by = np.flatnonzero(own), self._divided(own, folds)
        P = np.zeros((len(own), self.part.columns[1] - self.part.columns[0]), np.float32)
        rounds = []
        for i, (train, held_out) in enumerate(divided_by):
            model, scored = self._model(), _mask(at[held_out], len(own))
            fold = f"fold {i + 1} of {folds}: "
            step = part(progress, i / (folds + 1), (i + 1) / (folds + 1), before=fold)
            if self._fit(model, _mask(at[train], len(own)), scored, step):
                rounds.append(model.rounds)
            P += self._scores(model, scored)
        longer = float(np.mean(rounds)) * np.sqrt(folds / (folds - 1))
        model = self._model().of_rounds(max(round(longer), 1))
        self._fit(model, own, None, part(progress, folds / (folds + 1), 1.0))
        return Learned(model, P, own, folds, stopped=True)

    def _divided(self, own: Mask, folds: int) -> list[tuple[Mask, Mask]]:
        """`(train, held out)` masks over its own rows, even in those of which something is known.

        Where one fold would hold all positives of a column, so that its model could say nothing of them, the
        folds are even in those.
        """
        intervals = self.lesson.proposed.intervals.take(own)
        targets = self.lesson.targets.of(self.part).take(own)
        true = targets.mask & (targets.Y > 0)
        known = np.logical_or.reduce(targets.mask, axis=1)
        if not known.any():
            raise self._nothing_known()
        found = purged_folds(intervals, folds=folds, embargo_bars=self.embargo_bars, evenly=known)
        learned = np.all([true[train].any(axis=0) for train, _ in found], axis=0)
        missed = ~learned & (true.sum(axis=0) >= LEAST_POSITIVES)
        if not missed.any():
            return found
        spread = np.logical_or.reduce(true[:, missed], axis=1)
        return purged_folds(intervals, folds=folds, embargo_bars=self.embargo_bars, evenly=spread)

    def _model(self) -> Model:
        """A patient one, unless the configuration says how fast it is to learn, or for how long."""
        given = self.config.hyperparameters
        model = create_model(self.config.model_type, given, seed=self.config.seed)
        if model.patient.keys() & given.keys():
            return model
        return create_model(self.config.model_type, {**given, **model.patient}, seed=self.config.seed)

    def _fit(self, model: Model, train: Mask, stopping: Mask | None, progress: Progress) -> bool:
        """Fits the model; whether anything decided when to stop."""
        held_out = None if stopping is None else self._material(stopping)
        known = held_out is not None and bool(held_out[1].mask.any())
        rows, targets = self._material(train)
        if not targets.mask.any():
            raise self._nothing_known()
        columns = self.lesson.encoder.feature_columns[slice(*self.part.features)]
        with as_if_newest(rows, columns, seed=self.config.seed) as shown:
            model.fit(shown, targets, held_out if known else None, columns=columns, progress=progress)
        return known

    def _nothing_known(self) -> TrainingFailed:
        labels = dict.fromkeys(self.lesson.encoder.column_labels[slice(*self.part.columns)])
        return TrainingFailed(
            f"training: found nothing reviewed of {', '.join(labels)} in the candles that a model, or one of "
            "its folds, would learn from, expected some. Review more candles, or set "
            "stages.training.validation_folds to 0."
        )

    def _material(self, chosen: Mask) -> tuple[Rows, Targets]:
        rows = self.lesson.proposed.rows.take(chosen)
        return replace(rows, X=self.part.inputs(rows.X)), self.lesson.targets.of(self.part).take(chosen)

    def _scores(self, model: Model, chosen: Mask) -> Floats:
        """The model's probabilities of the chosen rows, 0 elsewhere."""
        P = np.zeros((len(chosen), self.part.columns[1] - self.part.columns[0]), np.float32)
        at = np.flatnonzero(chosen)
        P[at] = scores(model, self.part.inputs(self.lesson.proposed.rows.X), at)
        return P


def scores(model: Scorer, X: Floats, chosen: NDArray[np.intp]) -> Floats:
    """Probabilities of the chosen rows, of which only some are copied at a time."""
    parts = np.split(chosen, range(_SCORED_ROWS, len(chosen), _SCORED_ROWS))
    return np.concatenate([model.predict_proba(X[part]) for part in parts])


def _mask(at: NDArray[np.intp], n: int) -> Mask:
    mask = np.zeros(n, bool)
    mask[at] = True
    return mask
