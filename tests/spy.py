"""A model that learns nothing, and remembers what it was fitted on and asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel

from mllib.features import Column
from mllib.progress import Progress
from mllib.rows import Rows, Targets


class Hyperparameters(BaseModel):
    rounds: int = 40


@dataclass
class Fit:
    """One fit: what was learned from, what was held out, and the rows scored afterwards."""

    rows: Rows
    targets: Targets
    held_out: tuple[Rows, Targets] | None
    rounds: int
    scored: list[np.ndarray] = field(default_factory=list)


class Spy:
    name: ClassVar[str] = "spy"
    patient: ClassVar[Mapping[str, Any]] = {}
    fits: ClassVar[list[Fit]] = []

    def __init__(self, hyperparameters: Mapping[str, Any], *, seed: int) -> None:
        self.hyperparameters = Hyperparameters(**hyperparameters)

    def fit(
        self,
        rows: Rows,
        targets: Targets,
        validation: tuple[Rows, Targets] | None,
        *,
        columns: Sequence[Column] = (),
        progress: Progress,
    ) -> None:
        self.width = len(targets.columns)
        self.fits.append(Fit(rows, targets, validation, self.rounds))
        self.own = self.fits[-1]

    @property
    def rounds(self) -> int:
        return self.hyperparameters.rounds

    def of_rounds(self, rounds: int) -> Self:
        return type(self)({"rounds": rounds}, seed=0)

    def weights_used(self, targets: Targets) -> np.ndarray:
        return targets.weights

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        self.own.scored.append(X)
        return np.full((len(X), self.width), 0.2, np.float32)

    def contributions(self, X: np.ndarray, column: int) -> np.ndarray:
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    def log(self, mlflow: Any, *, registered_model_name: str, pip_requirements: list[str]) -> str | None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise NotImplementedError
