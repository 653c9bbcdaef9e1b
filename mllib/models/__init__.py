"""Models by name. A new model is one new file and one line in `_MODELS`.

A model is imported when it is asked for: serving XGBoost never loads scikit-learn's forests.
"""

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from mllib.errors import InvalidConfig
from mllib.features import Column, ContextConfig
from mllib.progress import Progress
from mllib.rows import Rows, Targets

# OpenMP's threads spin while they wait, unless told otherwise before its library is loaded, which is when one
# of this package's modules is. Beside another busy process, two of them on two cores then take up to ten
# times as long as one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_MODELS = {
    "random_forest": ("mllib.models.random_forest", "RandomForest"),
    "xgboost": ("mllib.models.xgboost_trees", "XGBoostTrees"),
    "gru": ("mllib.models.sequences", "Gru"),
    "lstm": ("mllib.models.sequences", "Lstm"),
    "transformer": ("mllib.models.sequences", "Transformer"),
}
MODEL_NAMES = tuple(_MODELS)
SEQUENCE_MODELS = ("gru", "lstm", "transformer")
"""Those that read candles in the order of time, and need PyTorch."""
_SEQUENCE_GROUPS = ("sequence",)


class Scorer(Protocol):
    """What scores rows for all target columns at once."""

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities `float32 (n, k)` of the target columns for `X float32 (n, f)`."""

    def contributions(self, X: NDArray[np.float32], column: int) -> NDArray[np.float32]:
        """What each feature adds to a column's uncalibrated score: `float32 (n, f + 1)`, the mean last."""

    def save(self, folder: Path) -> None:
        """Writes the model into an existing folder, without pickle."""

    def log(self, mlflow: Any, *, registered_model_name: str, pip_requirements: list[str]) -> str | None:
        """Logs the bare estimator to MLflow's active run and registers it; its registered version."""


class Model(Scorer, Protocol):
    """A scorer that can be fitted."""

    name: ClassVar[str]
    patient: ClassVar[Mapping[str, Any]]
    """Hyperparameters to begin with where examples are few and the fit may take longer."""
    hyperparameters: BaseModel

    def __init__(self, hyperparameters: Mapping[str, Any], *, seed: int) -> None: ...

    def fit(
        self,
        rows: Rows,
        targets: Targets,
        validation: tuple[Rows, Targets] | None,
        *,
        columns: Sequence[Column] = (),
        progress: Progress,
    ) -> None:
        """Learns from the known cells; `validation` decides when to stop, `columns` say what `X` holds.

        Raises:
            InvalidConfig: the model cannot read such columns.
        """

    @property
    def rounds(self) -> int:
        """How many rounds or trees the fit took."""

    def of_rounds(self, rounds: int) -> Self:
        """An unfitted model that takes so many, but no more than this one may."""

    def weights_used(self, targets: Targets) -> NDArray[np.float32]:
        """The weight `float32 (n, k)` that `fit` gives each known cell of its targets."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote."""


def model_class(name: str) -> type[Model]:
    """The model of that name.

    Raises:
        InvalidConfig: where there is none.
    """
    if name not in _MODELS:
        raise InvalidConfig(
            f"stages.training.model_type: found {name!r}, expected one of {', '.join(_MODELS)}. "
            "Choose one of these models."
        )
    module, attribute = _MODELS[name]
    found: type[Model] = getattr(import_module(module), attribute)
    return found


def inputs_of(name: str, context: ContextConfig) -> ContextConfig:
    """The context with the groups of features that a model of that name reads besides."""
    groups = _SEQUENCE_GROUPS if name in SEQUENCE_MODELS else ()
    return context.model_copy(update={"groups": tuple(dict.fromkeys((*context.groups, *groups)))})


def hyperparameters_class(name: str) -> type[BaseModel]:
    """What a model's hyperparameters are checked by; raises InvalidConfig for an unknown model."""
    found: type[BaseModel] = import_module(model_class(name).__module__).Hyperparameters
    return found


def create_model(name: str, hyperparameters: Mapping[str, Any], *, seed: int) -> Model:
    """An unfitted model.

    Raises:
        InvalidConfig: for an unknown model or hyperparameter, with its YAML path.
    """
    try:
        return model_class(name)(hyperparameters, seed=seed)
    except ValidationError as exc:
        first = exc.errors()[0]
        path = ".".join(["stages.training.hyperparameters", *map(str, first["loc"])])
        wrong = f"{first['msg'][0].lower()}{first['msg'][1:]}"
        if first["type"] == "extra_forbidden":
            known = hyperparameters_class(name).model_fields
            wrong = f"an unknown key, expected one of {', '.join(known)}"
        raise InvalidConfig(
            f"found {first['input']!r} for {name}: {wrong}. Correct the value or remove the key.", path=path
        ) from exc
