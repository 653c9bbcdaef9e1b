"""Several models as one: each scores the rows and the columns of its own part of an encoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.models import Scorer, model_class
from mllib.rows import Part

Floats = NDArray[np.float32]


class Parted:
    """Fitted models of one type, one a part; a row is scored by the parts whose features it has."""

    def __init__(self, parts: Sequence[Part], models: Sequence[Scorer]) -> None:
        self._parts, self._models = tuple(parts), tuple(models)

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities `float32 (n, k)`, 0 for the columns of other parts."""
        P = np.zeros((len(X), max(part.columns[1] for part in self._parts)), np.float32)
        for part, model in zip(self._parts, self._models, strict=True):
            own = part.inputs(X)
            known = np.flatnonzero(~np.isnan(np.fmax.reduce(own, axis=1)))
            P[known, slice(*part.columns)] = model.predict_proba(own[known])
        return P

    def contributions(self, X: Floats, column: int) -> Floats:
        """What each feature adds to a column's score; features of other parts add nothing."""
        added = np.zeros((len(X), X.shape[1] + 1), np.float32)
        for part, model in zip(self._parts, self._models, strict=True):
            if part.columns[0] <= column < part.columns[1]:
                own = model.contributions(part.inputs(X), column - part.columns[0])
                added[:, slice(*part.features)], added[:, -1] = own[:, :-1], own[:, -1]
        return added

    def save(self, folder: Path) -> None:
        """Writes each part's model into a folder of its own."""
        for i, model in enumerate(self._models):
            (folder / _name(i)).mkdir()
            model.save(folder / _name(i))

    def log(self, mlflow: Any, *, registered_model_name: str, pip_requirements: list[str]) -> str | None:
        """Logs the last part's estimator; the Predictor beside it holds all of them."""
        return self._models[-1].log(
            mlflow, registered_model_name=registered_model_name, pip_requirements=pip_requirements
        )


def joined(parts: Sequence[Part], models: Sequence[Scorer]) -> Scorer:
    """One model of those of the parts."""
    return models[0] if len(parts) == 1 else Parted(parts, models)


def load_model(name: str, parts: Sequence[Part], folder: Path) -> Scorer:
    """The fitted model of that type that was saved for these parts."""
    kind = model_class(name)
    if len(parts) == 1:
        return kind.load(folder)
    return Parted(parts, [kind.load(folder / _name(i)) for i in range(len(parts))])


def _name(i: int) -> str:
    return f"part_{i}"
