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
from mllib.models import Model, Scorer, create_model
from mllib.models.parted import joined
from mllib.rows import Part, Rows, Targets
from mllib.simulating.annotator import Known
from mllib.spans import positions
from mllib.splits import Intervals, purged_folds
from mllib.training.material import LEAST_EXAMPLES, as_if_newest, balanced_weights

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Encoder and model by name, with what they are made from; `folds` hold out what is known in turn."""

    encoder_name: str = "window"
    model_type: str = "xgboost"
    context: ContextConfig = ContextConfig()
    encoding: EncodingConfig = EncodingConfig()
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    folds: int = 4


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A tuned encoder, a model and its calibration; `rows` of the pool without features, `P` of them."""

    encoder: Encoder
    model: Scorer
    calibration: Calibration
    rows: Rows
    P: Floats
    X: Floats


class Learner:
    """Learns from what is known of one pool of candles; rows that no label changes are computed once."""

    def __init__(self, candles: Candles, recipe: Recipe) -> None:
        self._candles, self._recipe = candles, recipe
        self._type = encoder_class(recipe.encoder_name)
        self._rows: Rows | None = None

    def fit(self, known: Known, *, seed: int) -> Learned | None:
        """What is learned, or None while no label has `LEAST_EXAMPLES` spans."""
        examples = _examples(known)
        if not examples:
            return None
        encoder = self._type.learn(self._recipe.context, examples, self._recipe.encoding)
        rows = self._proposed(encoder)
        targets = encoder.label(rows, self._candles, known.spans, known.reviewed)
        targets = replace(targets, weights=balanced_weights(targets, np.ones(len(rows), bool)))
        fits = [_PartFit(self, encoder, part, rows, targets, seed) for part in encoder.parts]
        models, P = [], np.zeros((len(rows), len(encoder.columns)), np.float32)
        for one in fits:
            models.append(one.model())
            P[:, slice(*one.part.columns)] = one.held_out()
        model = joined(encoder.parts, models)
        undone = _undone(encoder, rows, targets, models)
        calibration, _ = with_temperatures(undone, P, targets, encoder.column_labels)
        tuned = encoder.tune([self._tuning(encoder, rows, calibration.apply(P), known)])
        scored = calibration.apply(model.predict_proba(rows.X))
        return Learned(tuned, model, calibration, rows.places(), scored, rows.X)

    def _proposed(self, encoder: Encoder) -> Rows:
        if self._type.learns_rows:
            return encoder.propose(self._candles)
        if self._rows is None:
            self._rows = encoder.propose(self._candles)
        return self._rows

    def _tuning(self, encoder: Encoder, rows: Rows, P: Floats, known: Known) -> TuningPart:
        looked = {label: reviewed_bars(label, self._candles, known.reviewed) for label in encoder.labels}
        counts = np.stack([looked[label] for label in encoder.column_labels], axis=1)
        return TuningPart(self._candles, rows.places(), P, known.spans, counts)

    def new_model(self, seed: int) -> Model:
        """An unfitted model."""
        return create_model(self._recipe.model_type, self._recipe.hyperparameters, seed=seed)

    def intervals(self, rows: Rows) -> Intervals:
        """When the rows judge and read."""
        return Intervals.of(rows, self._candles)

    @property
    def folds(self) -> int:
        return self._recipe.folds


@dataclass(frozen=True, slots=True, eq=False)
class _PartFit:
    """One part of an encoder: its own rows, and models fitted on those of which something is known."""

    learner: Learner
    encoder: Encoder
    part: Part
    rows: Rows
    targets: Targets
    seed: int

    def model(self) -> Model:
        """Fitted on all that is known."""
        return self._fitted(self._known)

    def held_out(self) -> Floats:
        """Probabilities of all rows by models that have not learned from their own stretch of time."""
        P = np.zeros((len(self.rows), self.part.columns[1] - self.part.columns[0]), np.float32)
        own = np.flatnonzero(self.part.holds(self.rows))
        evenly = self._known[own]
        for train, held_out in purged_folds(
            self.learner.intervals(self.rows.take(own)), folds=self.learner.folds, evenly=evenly
        ):
            learned = np.zeros(len(self.rows), bool)
            learned[own[train]] = True
            learned &= self._known
            if learned.any():
                at = own[held_out]
                P[at] = self._fitted(learned).predict_proba(self.part.inputs(self.rows.X[at]))
        return P

    @property
    def _known(self) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = self.targets.of(self.part).mask.any(axis=1) & self.part.holds(self.rows)
        return known

    def _fitted(self, chosen: NDArray[np.bool_]) -> Model:
        model = self.learner.new_model(self.seed)
        some = self.rows.take(np.flatnonzero(chosen))
        own = replace(some, X=self.part.inputs(some.X))
        columns = self.encoder.feature_columns[slice(*self.part.features)]
        with as_if_newest(own, columns, seed=self.seed) as shown:
            model.fit(shown, self.targets.of(self.part).take(chosen), None, progress=lambda *_: None)
        return model


def _undone(encoder: Encoder, rows: Rows, targets: Targets, models: list[Model]) -> Calibration:
    undone: tuple[float, ...] = ()
    for part, model in zip(encoder.parts, models, strict=True):
        own = targets.of(part).take(part.holds(rows))
        undone += undo_weights(replace(own, weights=model.weights_used(own))).undone
    return Calibration(undone, (1.0,) * len(undone))


def _examples(known: Known) -> dict[str, list[Example]]:
    found = positions(known.spans, known.candles.time)
    names = np.array([span.label for span in known.spans], object)
    by_label = {label: found[names == label] for label in sorted(set(names.tolist()))}
    return {
        label: [Example(known.candles, spans)]
        for label, spans in by_label.items()
        if len(spans) >= LEAST_EXAMPLES
    }
