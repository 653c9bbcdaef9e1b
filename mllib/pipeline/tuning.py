"""Use case: search for hyperparameters. Every trial is scored on walk-forward folds; the test block stays
unseen.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mllib import tracking
from mllib.cluster import IN_PROCESS, Cluster, Engine
from mllib.config import Config
from mllib.errors import InvalidConfig
from mllib.models import create_model
from mllib.pipeline.datasets import build_dataset
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, quiet
from mllib.splits import Split, walk_forward
from mllib.training import LabelledSeries, Prepared, TrainingConfig, fit, prepare

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
    engine: Engine = IN_PROCESS,
) -> Tuned:
    """The best hyperparameters of the configured model on stored series, by mean span F1 over the folds.

    A search over the same data and configuration goes on where the last one ended. The first trial is the
    configuration as it is. An interrupt ends the search and keeps what is there; the running trial ends
    before a spent budget counts. A cluster tries as many at once as it has slots, and draws them together:
    with more than one the search knows less when it draws the later ones, so they are others.

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
    dataset = build_dataset(ws, config, pairs=pairs, timeframe=timeframe, engine=engine)
    progress(0.0, "computing features")
    material = Material(dataset.series(), config)
    name = _study_name(config, dataset.version)
    return _Search(ws, name, training, material, progress, trials, time_budget_s, engine).go()


@dataclass(frozen=True)
class Material:
    """What every trial learns from. Rows are computed once in each process, and never sent."""

    series: Sequence[LabelledSeries]
    config: Config

    @cached_property
    def prepared(self) -> Prepared:
        ingestion = self.config.stages.annotation_ingestion
        return prepare(
            self.series,
            encoder_name=ingestion.label_encoding,
            context=self.config.stages.model_inputs,
            encoding=ingestion.encoding,
        )

    @cached_property
    def splits(self) -> Sequence[Split]:
        return walk_forward(self.prepared.bars, self.config.stages.training, folds=FOLDS)

    def __getstate__(self) -> dict[str, Any]:
        return {"series": self.series, "config": self.config}

    def score(self, chosen: Mapping[str, Any], fold: int, progress: Progress = quiet) -> float:
        """Span F1 on a fold with these hyperparameters."""
        training = self.config.stages.training
        config = training.model_copy(update={"hyperparameters": {**training.hyperparameters, **chosen}})
        fitted = fit(
            self.prepared, run_id="tuning", config=config, progress=progress, split=self.splits[fold]
        )
        return float(fitted.metrics["span_f1"]["0.5"]["micro"])


def _scored(material: Material, piece: tuple[Mapping[str, Any], int]) -> float:
    return material.score(*piece)


@dataclass
class _Search:
    ws: Workspace
    name: str
    training: TrainingConfig
    material: Material
    progress: Progress
    trials: int | None
    time_budget_s: float | None
    engine: Engine

    def go(self) -> Tuned:
        """Tries hyperparameters until the budget is spent."""
        import optuna

        study = self._study()
        self.begun, self.done = time.monotonic(), 0
        experiment = self.training.experiment_name
        self.parent = tracking.start_tuning(self.ws.home, experiment, self.name)
        interrupted = False
        try:
            if isinstance(self.engine, Cluster):
                self._try_together(study, self.engine)
            else:
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

        chosen = self._drawn(trial)
        scores: list[float] = []
        for fold in range(FOLDS):
            scores.append(self.material.score(chosen, fold, self._part(trial.number, fold)))
            trial.report(_mean(scores), fold)
            if fold + 1 < FOLDS and trial.should_prune():
                raise optuna.TrialPruned
        return _mean(scores)

    def _drawn(self, trial: "Trial") -> dict[str, Any]:
        return {key: _suggested(trial, key, *bounds) for key, bounds in self._space.items()}

    def _try_together(self, study: "Study", cluster: Cluster) -> None:
        """Batches of trials, each told in the order in which it was drawn."""
        while not self._spent():
            left = cluster.slots if self.trials is None else self.trials - self.done
            self._try_batch(study, [study.ask() for _ in range(max(min(cluster.slots, left), 1))])

    def _spent(self) -> bool:
        if self.trials is not None and self.done >= self.trials:
            return True
        return self.time_budget_s is not None and time.monotonic() - self.begun >= self.time_budget_s

    def _try_batch(self, study: "Study", asked: "Sequence[Trial]") -> None:
        """Fold after fold of all trials that are not given up."""
        import optuna

        drawn = {trial.number: self._drawn(trial) for trial in asked}
        scores: dict[int, list[float]] = {trial.number: [] for trial in asked}
        going = list(asked)
        try:
            for fold in range(FOLDS):
                self._score_fold(fold, going, drawn, scores, self._batch(asked, fold))
                if fold + 1 < FOLDS:
                    going = [trial for trial in going if not trial.should_prune()]
        except BaseException:
            for trial in asked:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            raise
        for trial in asked:
            if trial in going:
                told = study.tell(trial, _mean(scores[trial.number]))
            else:
                told = study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            self._log(study, told)

    def _score_fold(
        self,
        fold: int,
        going: "Sequence[Trial]",
        drawn: Mapping[int, Mapping[str, Any]],
        scores: Mapping[int, list[float]],
        progress: Progress,
    ) -> None:
        pieces = [(drawn[trial.number], fold) for trial in going]
        found = self.engine.map(_scored, pieces, shared=self.material, progress=progress)
        for trial, score in zip(going, found, strict=True):
            scores[trial.number].append(score)
            trial.report(_mean(scores[trial.number]), fold)

    def _batch(self, asked: "Sequence[Trial]", fold: int) -> Progress:
        first, last = asked[0].number + 1, asked[-1].number + 1

        def report(done: float, what: str) -> None:
            said = f"trials {first} to {last}, fold {fold + 1}: {what}"
            self._tell(len(asked) * (fold + done) / FOLDS, said)

        return report

    def _part(self, number: int, fold: int) -> Progress:
        def report(done: float, what: str) -> None:
            self._tell((fold + done) / FOLDS, f"trial {number + 1}, fold {fold + 1}: {what}")

        return report

    def _tell(self, trials: float, what: str) -> None:
        """How far the search is, where so many trials beyond the finished ones are done."""
        shares = [(self.done + trials) / self.trials] if self.trials else []
        if self.time_budget_s:
            shares.append((time.monotonic() - self.begun) / self.time_budget_s)
        self.progress(min(max(shares), 0.99), what)

    def _log(self, _study: "Study", trial: Any) -> None:
        self.done += 1
        described = _described(trial)
        tracking.log_trial(self.ws.home, self.parent, described, seconds=trial.duration.total_seconds())


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores)


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
