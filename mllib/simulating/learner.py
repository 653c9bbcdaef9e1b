"""What is learned from the places looked at so far: the product's encoders and models, in seconds.

A training that is repeated after every few labels cannot afford what the product's does once: rows of bars
that nobody has looked at are never fitted on, and cuts and temperatures come from a few purged folds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.calibration import Calibration, undo_weights, with_temperatures
from mllib.candles import Candles
from mllib.encoders import Encoder, EncodingConfig, Example, TuningPart, encoder_class, reviewed_bars
from mllib.features import ContextConfig
from mllib.models import MODEL_NAMES, SEQUENCE_MODELS, Model, Scorer, create_model
from mllib.models.parted import joined
from mllib.rows import Part, Rows, Targets
from mllib.simulating.annotator import Known
from mllib.spans import positions
from mllib.splits import Intervals, purged_folds
from mllib.training.material import LEAST_EXAMPLES, as_if_newest, balanced_weights

QUICK: Mapping[str, Mapping[str, Any]] = {
    "xgboost": {"n_estimators": 60, "learning_rate": 0.2, "n_jobs": 1},
    "random_forest": {"n_estimators": 40, "n_jobs": 1},
    **{name: {"epochs": 8, "epoch_rows": 4_096, "n_jobs": 1} for name in SEQUENCE_MODELS},
}
"""Hyperparameters of models that are fitted hundreds of times, by name: few rows, and one thread for them."""

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Encoder and model by name, with what they are made from; `folds` hold out what is known in turn.

    Of rows known to be none of any label at most `most_negatives` are fitted on, which weigh as all of them:
    neighbouring windows say nearly the same.
    """

    encoder_name: str = "window"
    model_type: str = "xgboost"
    context: ContextConfig = field(default_factory=ContextConfig)
    encoding: EncodingConfig = field(default_factory=EncodingConfig)
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    folds: int = 3
    most_negatives: int = 6_000

    def model(self, name: str, *, seed: int) -> Model:
        """An unfitted model of that name; only the recipe's own has its hyperparameters."""
        given = self.hyperparameters if name == self.model_type else {}
        return create_model(name, {**QUICK.get(name, {}), **given}, seed=seed)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """An encoder, a model and its calibration; `rows` of the pool without features, `P (n, k)` of them."""

    encoder: Encoder
    model: Scorer
    calibration: Calibration
    rows: Rows
    P: Floats

    def scored(self, candles: Candles) -> tuple[Rows, Floats]:
        """The rows of any candles, without features, and their calibrated probabilities."""
        rows = self.encoder.propose(candles)
        return rows.places(), self.calibration.apply(self.model.predict_proba(rows.X))


class Learner:
    """Learns from what is known of one pool of candles; rows that no label changes are computed once."""

    def __init__(self, candles: Candles, recipe: Recipe) -> None:
        self._candles, self._recipe = candles, recipe
        self._type = encoder_class(recipe.encoder_name)
        self._rows: Rows | None = None

    def fit(self, known: Known, *, seed: int) -> Learned | None:
        """Fitted, calibrated and tuned on what is known; None while no label has `LEAST_EXAMPLES` spans."""
        lesson = self._lesson(known, self._recipe.model_type, seed)
        if lesson is None:
            return None
        held_out, undone = lesson.held_out(), lesson.undone()
        labels = lesson.encoder.column_labels
        calibration, _ = with_temperatures(undone, held_out, lesson.targets, labels)
        part = self._tuning(lesson, calibration.apply(held_out), known)
        return replace(lesson.learned(calibration), encoder=lesson.encoder.tune([part]))

    def second_opinion(self, known: Known, *, seed: int) -> Learned | None:
        """What the other kind of model says: as `fit`, without temperatures and untuned."""
        other = next(name for name in MODEL_NAMES if name != self._recipe.model_type)
        lesson = self._lesson(known, other, seed)
        return None if lesson is None else lesson.learned(lesson.undone())

    def _lesson(self, known: Known, model: str, seed: int) -> "_Lesson | None":
        examples = _examples(known)
        if not examples:
            return None
        encoder = self._type.learn(self._recipe.context, examples, self._recipe.encoding)
        rows = self._proposed(encoder)
        targets = encoder.label(rows, self._candles, known.spans, known.reviewed)
        targets = replace(targets, weights=balanced_weights(targets, np.ones(len(rows), bool)))
        intervals = Intervals.of(rows, self._candles)
        return _Lesson(self._recipe, model, seed, encoder, rows, intervals, targets)

    def _proposed(self, encoder: Encoder) -> Rows:
        if self._type.learns_rows:
            return encoder.propose(self._candles)
        if self._rows is None:
            self._rows = encoder.propose(self._candles)
        return self._rows

    def _tuning(self, lesson: "_Lesson", P: Floats, known: Known) -> TuningPart:
        looked = {
            label: reviewed_bars(label, self._candles, known.reviewed) for label in lesson.encoder.labels
        }
        counts = np.stack([looked[label] for label in lesson.encoder.column_labels], axis=1)
        return TuningPart(self._candles, lesson.rows.places(), P, known.spans, counts)


@dataclass(slots=True, eq=False)
class _Lesson:
    """Rows and what is known of them, and the models fitted on those of which something is known."""

    recipe: Recipe
    model_type: str
    seed: int
    encoder: Encoder
    rows: Rows
    intervals: Intervals
    targets: Targets
    _models: list[Model] = field(default_factory=list)

    @property
    def models(self) -> list[Model]:
        """One for each part of the encoder, fitted on all that is known."""
        if not self._models:
            self._models = [self._fitted(part, self._known(part)) for part in self.encoder.parts]
        return self._models

    def learned(self, calibration: Calibration) -> Learned:
        """The models with this calibration, and what they say of all rows."""
        model = joined(self.encoder.parts, self.models)
        P = calibration.apply(model.predict_proba(self.rows.X))
        return Learned(self.encoder, model, calibration, self.rows.places(), P)

    def undone(self) -> Calibration:
        """What takes the weights of the fit back."""
        undone: tuple[float, ...] = ()
        for part, model in zip(self.encoder.parts, self.models, strict=True):
            own = self.targets.of(part).take(part.holds(self.rows))
            undone += undo_weights(replace(own, weights=model.weights_used(own))).undone
        return Calibration(undone, (1.0,) * len(undone))

    def held_out(self) -> Floats:
        """Probabilities of all rows by models that have not learned from their stretch of time."""
        P = np.zeros((len(self.rows), len(self.encoder.columns)), np.float32)
        for part in self.encoder.parts:
            own, known = np.flatnonzero(part.holds(self.rows)), self._known(part)
            intervals = self.intervals.take(part.holds(self.rows))
            for train, held_out in purged_folds(intervals, folds=self.recipe.folds, evenly=known[own]):
                taught = np.zeros(len(self.rows), bool)
                taught[own[train]] = known[own[train]]
                if taught.any():
                    X = part.inputs(self.rows.X[own[held_out]])
                    P[own[held_out], slice(*part.columns)] = self._fitted(part, taught).predict_proba(X)
        return P

    def _known(self, part: Part) -> Mask:
        known: Mask = self.targets.of(part).mask.any(axis=1) & part.holds(self.rows)
        return known

    def _fitted(self, part: Part, chosen: Mask) -> Model:
        model = self.recipe.model(self.model_type, seed=self.seed)
        at, targets = self._thinned(part, np.flatnonzero(chosen))
        some = self.rows.take(at)
        own = replace(some, X=part.inputs(some.X))
        columns = self.encoder.feature_columns[slice(*part.features)]
        with as_if_newest(own, columns, seed=self.seed) as shown:
            model.fit(shown, targets, None, columns=columns, progress=lambda *_: None)
        return model

    def _thinned(self, part: Part, at: NDArray[np.intp]) -> tuple[NDArray[np.intp], Targets]:
        """All positives of the rows, and of the others so many as may be, with the weight of all."""
        own = self.targets.of(part).take(at)
        positive = (own.mask & (own.Y > 0)).any(axis=1)
        negative, most = np.flatnonzero(~positive), self.recipe.most_negatives
        if len(negative) <= most:
            return at, own
        kept = np.random.default_rng(self.seed).choice(negative, most, replace=False)
        chosen = np.sort(np.concatenate([np.flatnonzero(positive), kept]))
        share = np.where(positive, 1.0, len(negative) / most).astype(np.float32)
        return at[chosen], replace(own, weights=own.weights * share[:, None]).take(chosen)


def _examples(known: Known) -> dict[str, list[Example]]:
    found = positions(known.spans, known.candles.time)
    names = np.array([span.label for span in known.spans], object)
    by_label = {label: found[names == label] for label in sorted(set(names.tolist()))}
    return {
        label: [Example(known.candles, spans)]
        for label, spans in by_label.items()
        if len(spans) >= LEAST_EXAMPLES
    }
