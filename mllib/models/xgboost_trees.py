"""XGBoost with vector leaves: one set of trees for all target columns.

A custom objective gives every cell its own weight, zero where it is not known, so that labels reviewed in
different places share one model. Probabilities are sigmoids of margins; the prior log-odds of each
column are added outside the trees.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mllib.cluster import Cluster
from mllib.errors import NotReady
from mllib.features import Column
from mllib.lean_imports import without
from mllib.models.contributions import contributions, vector_leaf_trees
from mllib.models.prior import cell_weights, log_odds_of, prior_log_odds
from mllib.progress import Progress
from mllib.rows import Rows, Targets

with without("sklearn"):
    import xgboost

_FOREST = "model.ubj"
_PRIOR = "prior.json"
_GROWN_AT_MOST = 2

Floats = NDArray[np.float32]


class Hyperparameters(BaseModel):
    """XGBoost's own names; `early_stopping_rounds` counts rounds without gain on validation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n_estimators: int = Field(
        default=150,
        ge=1,
        le=5_000,
        title="Rounds",
        description="Rounds of boosting at most; 600 on folds, unless set.",
        json_schema_extra={"essential": 5},
    )
    learning_rate: float = Field(
        default=0.15, gt=0, le=1, description="How much a round may change; 0.05 on folds, unless set."
    )
    max_depth: int = Field(default=4, ge=1, le=16, description="Splits from a tree's root to a leaf.")
    min_child_weight: float = Field(default=4.0, ge=0, description="Least weight of examples in a leaf.")
    reg_lambda: float = Field(default=2.0, ge=0, description="Draws what leaves say towards nothing (L2).")
    subsample: float = Field(default=0.8, gt=0, le=1, description="Share of the rows that a tree sees.")
    colsample_bytree: float = Field(
        default=0.3, gt=0, le=1, description="Share of the inputs that a tree sees."
    )
    max_bin: int = Field(default=64, ge=8, le=1_024, description="Steps into which an input is cut.")
    early_stopping_rounds: int = Field(
        default=20, ge=1, description="Rounds without gain after which it stops; 50 on folds, unless set."
    )
    n_jobs: int = Field(default=2, ge=1, title="Threads", description="Processor threads.")


class XGBoostTrees:
    """Gradient-boosted vector-leaf trees over all target columns."""

    name: ClassVar[str] = "xgboost"
    patient: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"learning_rate": 0.05, "n_estimators": 600, "early_stopping_rounds": 50}
    )

    def __init__(self, hyperparameters: Mapping[str, Any], *, seed: int) -> None:
        self.hyperparameters = Hyperparameters(**hyperparameters)
        self._seed = seed
        self._booster = xgboost.Booster()
        self._prior: Floats = np.zeros(0, np.float32)

    def fit(
        self,
        rows: Rows,
        targets: Targets,
        validation: tuple[Rows, Targets] | None,
        *,
        columns: Sequence[Column] = (),
        progress: Progress,
    ) -> None:
        """Boosts until validation loss stops falling or `n_estimators` rounds are done."""
        h = self.hyperparameters
        self._prior = prior_log_odds(targets)
        train = self._matrix(rows, targets, like=None)
        watched = [(self._matrix(*validation, like=train), "validation")] if validation else []
        weights = cell_weights(targets)
        booster = xgboost.train(
            self._parameters(),
            train,
            num_boost_round=h.n_estimators,
            evals=watched,
            obj=lambda margin, _: _gradients(margin, targets.Y, weights),
            custom_metric=_loss_metric(validation[1]) if validation else None,
            callbacks=[_Rounds(h.n_estimators, progress), *self._stopping(bool(validation))],
            verbose_eval=False,
        )
        best = getattr(booster, "best_iteration", None)
        self._booster = booster if best is None else booster[: best + 1]
        self._booster.set_param({"nthread": 1})

    def fit_spread(
        self,
        cluster: Cluster,
        X: Any,
        known: Any,
        *,
        totals: tuple[NDArray[np.float64], NDArray[np.float64]],
        validation: tuple[Rows, Targets] | None,
    ) -> None:
        """As `fit`, on rows that lie on a cluster's workers: Dask arrays of their features and of the weight
        of each target cell, below 0 for a negative, 0 where nothing is known.

        `totals` are the weights of all positives and of all negatives, by column. All rounds are grown, and
        those after the best one for `validation`, by the same rule, are taken off again.
        """
        self._prior = log_odds_of(*totals)
        booster = self._grown(cluster, X, known)
        self._booster = booster if validation is None else booster[: self._best_rounds(booster, *validation)]
        self._booster.set_param({"nthread": 1})

    def _grown(self, cluster: Cluster, X: Any, known: Any) -> xgboost.Booster:
        """All rounds; where a worker is lost its rows are computed again, and the trees begin anew."""
        import xgboost.dask

        h = self.hyperparameters
        for attempt in range(_GROWN_AT_MOST):
            try:
                matrix = xgboost.dask.DaskQuantileDMatrix(cluster.client, X, known, max_bin=h.max_bin)
                grown = xgboost.dask.train(
                    cluster.client,
                    self._parameters(),
                    matrix,
                    num_boost_round=h.n_estimators,
                    obj=_SignedGradients(self._prior),
                    verbose_eval=False,
                )
                booster: xgboost.Booster = grown["booster"]
                return booster
            except (ValueError, xgboost.core.XGBoostError) as exc:  # XGBoost's words for a lost worker
                if attempt + 1 == _GROWN_AT_MOST:
                    raise NotReady(
                        f"cluster {cluster.address}: found that trees stopped growing {_GROWN_AT_MOST} times "
                        f"({str(exc).splitlines()[0]}), expected workers to live until they are grown. Give "
                        "them more memory, and train again."
                    ) from exc
        raise AssertionError("the last attempt ends")

    def _best_rounds(self, booster: xgboost.Booster, rows: Rows, targets: Targets) -> int:
        """After how many rounds early stopping would have found the loss to be least."""
        loss, margin = _loss_metric(targets), np.tile(self._prior, (len(rows), 1))
        best, least = 0, np.inf
        for n in range(booster.num_boosted_rounds()):
            step = booster.inplace_predict(
                rows.X, iteration_range=(n, n + 1), predict_type="margin", validate_features=False
            )
            margin += step.reshape(margin.shape)
            _, now = loss(margin, None)
            if now < least:
                best, least = n, now
            elif n - best >= self.hyperparameters.early_stopping_rounds:
                break
        return best + 1

    @property
    def rounds(self) -> int:
        return int(self._booster.num_boosted_rounds())

    def of_rounds(self, rounds: int) -> "XGBoostTrees":
        """An unfitted model of so many trees, but no more than `n_estimators`."""
        most = self.hyperparameters.n_estimators
        given = self.hyperparameters.model_dump() | {"n_estimators": min(rounds, most)}
        return XGBoostTrees(given, seed=self._seed)

    def weights_used(self, targets: Targets) -> Floats:
        """Each cell's own."""
        return targets.weights

    def predict_proba(self, X: Floats) -> Floats:
        """Probabilities `float32 (n, k)`, on one thread: small requests lose to thread start-up."""
        if not len(X):
            return np.zeros((0, len(self._prior)), np.float32)
        margin = self._booster.inplace_predict(X, predict_type="margin", validate_features=False)
        return _sigmoid(margin.reshape(len(X), len(self._prior)) + self._prior)

    def contributions(self, X: Floats, column: int) -> Floats:
        """What each feature adds to a column's log-odds, by TreeSHAP; the last column is their mean."""
        added = contributions(list(vector_leaf_trees(self._booster, column)), X)
        added[:, -1] += self._prior[column]
        return added

    def save(self, folder: Path) -> None:
        """Writes UBJSON trees and the prior's JSON."""
        self._booster.save_model(folder / _FOREST)
        (folder / _PRIOR).write_text(json.dumps([float(p) for p in self._prior]))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote."""
        model = cls({}, seed=0)
        model._booster.load_model(folder / _FOREST)
        model._booster.set_param({"nthread": 1})
        model._prior = np.array(json.loads((folder / _PRIOR).read_text()), np.float32)
        return model

    def log(self, mlflow: Any, *, registered_model_name: str, pip_requirements: list[str]) -> str | None:
        """Logs the booster as UBJSON; its outputs are margins without the prior."""
        info = mlflow.xgboost.log_model(
            self._booster,
            name="model",
            model_format="ubj",
            registered_model_name=registered_model_name,
            pip_requirements=pip_requirements,
            metadata={"prior_log_odds": [float(p) for p in self._prior]},
        )
        return str(info.registered_model_version)

    def _parameters(self) -> dict[str, Any]:
        h = self.hyperparameters.model_dump(exclude={"n_estimators", "early_stopping_rounds", "n_jobs"})
        return h | {
            "tree_method": "hist",
            "multi_strategy": "multi_output_tree",
            "base_score": 0.0,
            "disable_default_eval_metric": True,
            "nthread": self.hyperparameters.n_jobs,
            "seed": self._seed,
        }

    def _matrix(self, rows: Rows, targets: Targets, *, like: xgboost.DMatrix | None) -> xgboost.DMatrix:
        margin = np.tile(self._prior, (len(rows), 1))
        return xgboost.QuantileDMatrix(
            rows.X, targets.Y, base_margin=margin, max_bin=self.hyperparameters.max_bin, ref=like
        )

    def _stopping(self, validated: bool) -> list[xgboost.callback.TrainingCallback]:
        if not validated:
            return []
        rounds = self.hyperparameters.early_stopping_rounds
        return [
            xgboost.callback.EarlyStopping(
                rounds=rounds, metric_name="loss", data_name="validation", maximize=False
            )
        ]


class _Rounds(xgboost.callback.TrainingCallback):
    """Says after each round how far the training is."""

    def __init__(self, rounds: int, progress: Progress) -> None:
        super().__init__()
        self._rounds, self._progress = rounds, progress

    def after_iteration(self, _model: Any, epoch: int, _evals_log: Any) -> bool:
        self._progress((epoch + 1) / self._rounds, f"tree {epoch + 1} of at most {self._rounds}")
        return False


def _gradients(margin: Floats, Y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    p = _sigmoid(margin.reshape(Y.shape))
    hessian: Floats = np.maximum(p * (1 - p), 1e-6) * weights
    return (p - Y) * weights, hessian


class _SignedGradients:
    """The gradients of a part of the rows, on the worker that has it; see `fit_spread`."""

    def __init__(self, prior: Floats) -> None:
        self._prior = prior

    def __call__(self, margin: Floats, matrix: xgboost.DMatrix) -> tuple[Floats, Floats]:
        known = matrix.get_label().reshape(margin.shape)
        return _gradients(margin + self._prior, (known > 0).astype(np.float32), np.abs(known))


def _loss_metric(targets: Targets) -> Any:
    weights = cell_weights(targets)
    total = max(float(weights.sum()), 1.0)

    def loss(margin: Floats, _matrix: xgboost.DMatrix | None) -> tuple[str, float]:
        p = np.clip(_sigmoid(margin.reshape(targets.Y.shape)), 1e-7, 1 - 1e-7)
        cells = np.where(targets.Y > 0, -np.log(p), -np.log1p(-p))
        return "loss", float((cells * weights).sum() / total)

    return loss


def _sigmoid(margin: Floats) -> Floats:
    p: Floats = np.float32(1) / (np.float32(1) + np.exp(-margin))
    return p
