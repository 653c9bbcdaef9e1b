"""A random forest over all target columns at once.

Its trees regress the 0/1 targets: the splits are those of the Gini impurity (for a binary target it is
twice the variance) and a leaf's mean is the probability, with one array for all labels instead of a
list. Columns reviewed in different places cannot share a forest's rows, so each distinct mask gets
its own forest; commonly there is one.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import skops.io
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sklearn.ensemble import RandomForestRegressor

from mllib.features import Column
from mllib.models.contributions import contributions, forest_trees
from mllib.progress import Progress
from mllib.rows import Rows, Targets

_TRUSTED = ["sklearn.tree._tree.Tree"]
_LAYOUT = "forests.json"
_TREES_A_STEP = 10
_FEW_DRAWN = 10

Floats = NDArray[np.float32]


class Hyperparameters(BaseModel):
    """scikit-learn's own names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n_estimators: int = Field(
        default=60,
        ge=1,
        le=2_000,
        title="Trees",
        description="How many trees are grown.",
        json_schema_extra={"essential": 5},
    )
    max_depth: int | None = Field(
        default=16, ge=1, description="Splits from a tree's root to a leaf; empty: as many as there are."
    )
    max_leaf_nodes: int | None = Field(
        default=1_024, ge=2, description="Leaves of a tree; empty: as many as there are."
    )
    min_samples_leaf: int = Field(default=3, ge=1, description="Least number of examples in a leaf.")
    max_features: float | str = Field(
        default="sqrt", description="Inputs that a split may choose from: sqrt, log2 or a share."
    )
    max_samples: float = Field(default=0.5, gt=0, le=1, description="Share of the rows that a tree sees.")
    n_jobs: int = Field(default=2, ge=1, title="Threads", description="Processor threads.")

    @field_validator("max_features")
    @classmethod
    def _known(cls, share: float | str) -> float | str:
        if not (share in ("sqrt", "log2") if isinstance(share, str) else 0 < share <= 1):
            raise ValueError("expected sqrt, log2 or a share above 0 and at most 1")
        return share


class RandomForest:
    """Averaged trees over all target columns."""

    name: ClassVar[str] = "random_forest"
    patient: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, hyperparameters: Mapping[str, Any], *, seed: int) -> None:
        self.hyperparameters = Hyperparameters(**hyperparameters)
        self._seed = seed
        self._forests: list[RandomForestRegressor] = []
        self._columns: list[list[int]] = []
        self._width = 0

    def fit(
        self,
        rows: Rows,
        targets: Targets,
        _validation: tuple[Rows, Targets] | None,
        *,
        columns: Sequence[Column] = (),  # trees need no order of time
        progress: Progress,
    ) -> None:
        """Grows the forests; a forest does not stop early, so validation is not read."""
        groups = _columns_by_mask(targets.mask)
        self._width = targets.Y.shape[1]
        self._columns = [own for own, _ in groups]
        self._forests = []
        for i, (own, known) in enumerate(groups):
            grown = self._grow(
                rows.X[known],
                targets.Y[known][:, own],
                targets.weights[known][:, own].max(axis=1),
                lambda part, i=i: progress((i + part) / len(groups), "growing trees"),
            )
            self._forests.append(grown)

    @property
    def rounds(self) -> int:
        return self.hyperparameters.n_estimators

    def of_rounds(self, rounds: int) -> "RandomForest":
        """An unfitted forest of so many trees, but no more than it was made for."""
        given = self.hyperparameters.model_dump() | {"n_estimators": min(rounds, self.rounds)}
        return RandomForest(given, seed=self._seed)

    def weights_used(self, targets: Targets) -> Floats:
        """The greatest weight of a row's cells in each forest, since a forest weighs whole rows."""
        used = np.ones_like(targets.weights)
        for columns, known in _columns_by_mask(targets.mask):
            used[known[:, None], columns] = targets.weights[known][:, columns].max(axis=1)[:, None]
        return used

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities `float32 (n, k)`, on one thread: small requests lose to thread start-up."""
        P = np.zeros((len(X), self._width), np.float32)
        if len(X):
            for forest, columns in zip(self._forests, self._columns, strict=True):
                P[:, columns] = forest.predict(X).reshape(len(X), len(columns))
        return P

    def contributions(self, X: Floats, column: int) -> Floats:
        """What each feature adds to a column's probability, by TreeSHAP; the last column is its mean."""
        for forest, columns in zip(self._forests, self._columns, strict=True):
            if column in columns:
                return contributions(list(forest_trees(forest.estimators_, columns.index(column))), X)
        return np.zeros((len(X), X.shape[1] + 1), np.float32)

    def save(self, folder: Path) -> None:
        """Writes one skops file a forest and which columns it scores."""
        for i, forest in enumerate(self._forests):
            skops.io.dump(forest, folder / f"forest_{i}.skops")
        (folder / _LAYOUT).write_text(json.dumps({"width": self._width, "columns": self._columns}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote; a file with any other type in it is refused by skops."""
        model = cls({}, seed=0)
        layout = json.loads((folder / _LAYOUT).read_text())
        model._width, model._columns = layout["width"], layout["columns"]
        model._forests = [
            skops.io.load(folder / f"forest_{i}.skops", trusted=_TRUSTED) for i in range(len(model._columns))
        ]
        return model

    def log(self, mlflow: Any, *, registered_model_name: str, pip_requirements: list[str]) -> str | None:
        """Logs the forest over most columns with skops; the Predictor beside it holds all of them."""
        info = mlflow.sklearn.log_model(
            max(self._forests, key=lambda forest: forest.n_outputs_),
            name="model",
            serialization_format="skops",
            skops_trusted_types=_TRUSTED,
            registered_model_name=registered_model_name,
            pip_requirements=pip_requirements,
        )
        return str(info.registered_model_version)

    def _grow(self, X: Floats, Y: Floats, weights: Floats, progress: Any) -> RandomForestRegressor:
        h = self.hyperparameters
        forest = RandomForestRegressor(
            **h.model_dump(exclude={"n_estimators", "max_samples"}),
            max_samples=_drawn(h.max_samples, weights),
            n_estimators=0,
            warm_start=True,
            random_state=self._seed,
        )
        for trees in range(_TREES_A_STEP, h.n_estimators + _TREES_A_STEP, _TREES_A_STEP):
            forest.set_params(n_estimators=min(trees, h.n_estimators))
            forest.fit(X, Y if Y.shape[1] > 1 else Y[:, 0], sample_weight=weights)
            progress(min(trees / h.n_estimators, 1.0))
        forest.set_params(n_jobs=1, warm_start=False)
        return forest


def _drawn(share: float, weights: Floats) -> float | int:
    """What a tree draws: the share of all rows by weight, as a number where it is so small that scikit-learn
    asks for one.
    """
    drawn = int(share * float(weights.sum()))
    return share if drawn >= max(_FEW_DRAWN, len(weights) ** (1 / 3)) else max(drawn, 1)


def _columns_by_mask(mask: NDArray[np.bool_]) -> list[tuple[list[int], NDArray[np.intp]]]:
    """Columns that are known in the same rows, and those rows; what is known nowhere is left out."""
    groups: dict[bytes, list[int]] = {}
    for column in np.flatnonzero(mask.any(axis=0)).tolist():
        groups.setdefault(np.packbits(mask[:, column]).tobytes(), []).append(column)
    return [(columns, np.flatnonzero(mask[:, columns[0]])) for columns in groups.values()]
