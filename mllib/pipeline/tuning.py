"""Use case: search for hyperparameters. Every trial is scored on walk-forward folds; the test block stays
unseen.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mllib import tracking
from mllib.config import Config
from mllib.errors import InvalidConfig
from mllib.models import create_model
from mllib.pipeline.datasets import build_dataset
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.splits import Split, walk_forward
from mllib.training import Prepared, TrainingConfig, fit, prepare

if TYPE_CHECKING:
    from optuna import Study, Trial

FOLDS = 2
"""The first fold is the smaller one; a trial below the median of the others there is given up."""
_UNDECIDED = 4
"""So many trials are finished before any is given up."""
_HYPERPARAMETERS = "stages.training.hyperparameters"

_NETWORK_SPACE: dict[str, tuple[float, float, bool]] = {
    "learning_rate": (0.0005, 0.01, True),
    "weight_decay": (0.001, 0.1, True),
    "layers": (1, 3, False),
    "dropout": (0.0, 0.5, False),
}
_SPACES: dict[str, dict[str, tuple[float, float, bool]]] = {
    "xgboost": {
        "learning_rate": (0.03, 0.3, True),
        "max_depth": (3, 7, False),
        "min_child_weight": (1.0, 30.0, True),
        "reg_lambda": (0.3, 30.0, True),
        "subsample": (0.5, 1.0, False),
        "colsample_bytree": (0.1, 0.7, False),
    },
    "random_forest": {
        "max_depth": (8, 24, False),
        "min_samples_leaf": (1, 20, True),
        "max_features": (0.03, 0.3, True),
        "max_samples": (0.3, 0.9, False),
    },
    "gru": _NETWORK_SPACE,
    "lstm": _NETWORK_SPACE,
    "transformer": _NETWORK_SPACE,
}
"""Lowest and highest value of each hyperparameter, and whether it counts by its logarithm; ints stay ints."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search has found so far; `overrides` are configuration keys with their best values.

    `trials` are `{number, state, score, hyperparameters}`, `score` None where none was finished.
    """

    study: str
    overrides: dict[str, Any]
    score: float
    trials: list[dict[str, Any]]
    interrupted: bool


def tune(
    ws: Workspace,
    *,
    pairs: Sequence[str],
    timeframe: str | None,
    config: Config,
    trials: int | None,
    time_budget_s: float | None,
    progress: Progress,
) -> Tuned:
    """The best hyperparameters of the configured model on stored series, by mean span F1 over the folds.

    A search over the same data and configuration goes on where the last one ended. The first trial is the
    configuration as it is. An interrupt ends the search and keeps what is there; the running trial ends
    before a spent budget counts.

    Raises:
        InvalidConfig: the model has no space to search.
        NotFound: a series is not stored.
        TrainingFailed: a fold has nothing to learn from.
    """
    training = config.stages.training
    if training.model_type not in _SPACES:
        raise InvalidConfig(
            f"stages.training.model_type: found {training.model_type!r}, expected one of "
            f"{', '.join(_SPACES)} to tune. Choose one of these models."
        )
    progress(0.0, "building the dataset")
    dataset = build_dataset(ws, config, pairs=pairs, timeframe=timeframe)
    progress(0.0, "computing features")
    ingestion = config.stages.annotation_ingestion
    prepared = prepare(
        dataset.series(),
        encoder_name=ingestion.label_encoding,
        context=config.stages.model_inputs,
        encoding=ingestion.encoding,
    )
    splits = walk_forward(prepared.bars, training, folds=FOLDS)
    name = _study_name(config, dataset.version)
    search = _Search(ws, name, training, prepared, splits, progress, trials, time_budget_s)
    return search.go()


@dataclass
class _Search:
    ws: Workspace
    name: str
    training: TrainingConfig
    prepared: Prepared
    splits: Sequence[Split]
    progress: Progress
    trials: int | None
    time_budget_s: float | None

    def go(self) -> Tuned:
        """Tries hyperparameters until the budget is spent."""
        import optuna

        study = self._study()
        self.begun, self.done = time.monotonic(), 0
        experiment = self.training.experiment_name
        self.parent = tracking.start_tuning(self.ws.home, experiment, self.name)
        interrupted = False
        try:
            study.optimize(
                self._score, n_trials=self.trials, timeout=self.time_budget_s, callbacks=[self._log]
            )
        except KeyboardInterrupt:
            interrupted = True
        finally:
            tracking.end_tuning(self.ws.home, self.parent)
        found = [_described(trial) for trial in study.trials]
        complete = optuna.trial.TrialState.COMPLETE
        if not study.get_trials(deepcopy=False, states=(complete,)):
            raise KeyboardInterrupt
        overrides = {f"{_HYPERPARAMETERS}.{key}": value for key, value in study.best_params.items()}
        return Tuned(self.name, overrides, study.best_value, found, interrupted)

    def _study(self) -> "Study":
        """The study of this name in the home, with the configuration as it is for its first trial."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        storage = optuna.storages.RDBStorage(f"sqlite:///{self.ws.home / 'tuning.db'}")
        study = optuna.create_study(
            storage=storage,
            study_name=self.name,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNDECIDED),
        )
        # a search that goes on would otherwise draw what it drew before
        study.sampler = optuna.samplers.TPESampler(seed=self.training.seed + len(study.trials))
        model = create_model(self.training.model_type, self.training.hyperparameters, seed=0)
        present = model.hyperparameters.model_dump()
        study.enqueue_trial(
            {key: present[key] for key in self._space if _inside(present[key], self._space[key])},
            skip_if_exists=True,
        )
        return study

    @property
    def _space(self) -> Mapping[str, tuple[float, float, bool]]:
        return _SPACES[self.training.model_type]

    def _score(self, trial: "Trial") -> float:
        """Mean span F1 over the folds."""
        import optuna

        chosen = {key: _suggested(trial, key, *bounds) for key, bounds in self._space.items()}
        config = self.training.model_copy(
            update={"hyperparameters": {**self.training.hyperparameters, **chosen}}
        )
        scores: list[float] = []
        for fold, split in enumerate(self.splits):
            part = self._part(trial.number, fold)
            fitted = fit(self.prepared, run_id=self.name, config=config, progress=part, split=split)
            scores.append(float(fitted.metrics["span_f1"]["0.5"]["micro"]))
            trial.report(sum(scores) / len(scores), fold)
            if fold + 1 < len(self.splits) and trial.should_prune():
                raise optuna.TrialPruned
        return sum(scores) / len(scores)

    def _part(self, number: int, fold: int) -> Progress:
        def report(done: float, what: str) -> None:
            shares = [(self.done + (fold + done) / len(self.splits)) / self.trials] if self.trials else []
            if self.time_budget_s:
                shares.append((time.monotonic() - self.begun) / self.time_budget_s)
            self.progress(min(max(shares), 0.99), f"trial {number + 1}, fold {fold + 1}: {what}")

        return report

    def _log(self, _study: "Study", trial: Any) -> None:
        self.done += 1
        described = _described(trial)
        tracking.log_trial(self.ws.home, self.parent, described, seconds=trial.duration.total_seconds())


def _inside(value: Any, bounds: tuple[float, float, bool]) -> bool:
    return isinstance(value, int | float) and bounds[0] <= value <= bounds[1]


def _suggested(trial: "Trial", name: str, low: float, high: float, log: bool) -> float:
    if isinstance(low, int):
        return trial.suggest_int(name, low, int(high), log=log)
    return trial.suggest_float(name, low, high, log=log)


def _described(trial: Any) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "score": trial.value if trial.state.name == "COMPLETE" else None,
        "hyperparameters": dict(trial.params),
    }


def _study_name(config: Config, data_version: str) -> str:
    """One name for one question: the same model, data and configuration, hyperparameters of the space
    apart.
    """
    training = config.stages.training.model_dump(mode="json", exclude={"retrain"})
    space = _SPACES[config.stages.training.model_type]
    fixed = {k: v for k, v in training["hyperparameters"].items() if k not in space}
    asked = [
        {**training, "hyperparameters": fixed, "auto_promote": None, "gate": None},
        config.stages.model_inputs.model_dump(mode="json"),
        config.stages.annotation_ingestion.model_dump(mode="json"),
        FOLDS,
        space,
    ]
    digest = hashlib.sha256(json.dumps([*asked, data_version], sort_keys=True).encode()).hexdigest()[:10]
    model, encoder = config.stages.training.model_type, config.stages.annotation_ingestion.label_encoding
    return f"{model} {encoder} {digest}"
