"""The search for hyperparameters: resumable, kept in MLflow, and blind to the test block."""

from collections.abc import Iterator
from typing import Any

import pytest

from mllib.config import Config
from mllib.errors import InvalidConfig
from mllib.inference import Predictor
from mllib.models import MODEL_NAMES, hyperparameters_class
from mllib.pipeline import tuning
from mllib.pipeline.runs import resolve_config
from mllib.pipeline.tuning import Tuned, tune
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.tracking import _mlflow
from mllib.training import fit
from tests.naive import sample
from tests.pipeline.conftest import small_config, store_candles

BARS = 1_700


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """One home for all tests, which ask different questions by their seeds."""
    config = small_config(annotation_ingestion={"talib_patterns": ["CDLDOJI"]})
    with (
        pytest.MonkeyPatch.context() as patch,
        open_workspace(tmp_path_factory.mktemp("tuning"), config=config) as opened,
    ):
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        store_candles(opened, sample("EURUSD_1h")[:BARS])
        yield opened


def _asked(ws: Workspace, seed: int) -> Config:
    return resolve_config(ws.config, layers=["talib"], overrides={"stages.training.seed": seed})


def _tune(ws: Workspace, trials: int, *, seed: int, **how: Any) -> Tuned:
    asked: dict[str, Any] = {"time_budget_s": None, "progress": lambda *_: None} | how
    return tune(ws, pairs=["EURUSD"], timeframe="1h", config=_asked(ws, seed), trials=trials, **asked)


def test_a_search_goes_on_where_it_ended_and_every_trial_is_kept(ws: Workspace) -> None:
    told: list[tuple[float, str]] = []
    first = _tune(ws, 2, seed=0, progress=lambda *done: told.append(done))
    second = _tune(ws, 1, seed=0)
    assert [one["number"] for one in second.trials] == [0, 1, 2]
    assert second.trials[:2] == first.trials
    assert first.trials[0]["hyperparameters"]["max_depth"] == 4
    assert second.score == max(one["score"] for one in second.trials if one["score"] is not None)
    assert second.score >= first.score > 0
    assert set(second.overrides) == {
        f"stages.training.hyperparameters.{name}" for name in tuning._SPACES["xgboost"]
    }
    assert resolve_config(ws.config, overrides=second.overrides)
    assert max(done for done, _ in told) < 1
    assert any("trial 2, fold 1" in what for _, what in told)
    with _mlflow(ws.home) as mlflow:
        runs = mlflow.search_runs(experiment_names=["candleloop"], output_format="list")
    parents = [run for run in runs if run.info.run_name.startswith("tune ")]
    nested = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert (len(parents), len(nested)) == (2, 3)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in nested} == {run.info.run_id for run in parents}


def test_other_data_or_configuration_is_another_search() -> None:
    one = small_config()
    names = [
        tuning._study_name(one, "v1"),
        tuning._study_name(one, "v2"),
        tuning._study_name(small_config(training={"test_split": 0.3}), "v1"),
        tuning._study_name(small_config(annotation_ingestion={"talib_patterns": ["CDLDOJI"]}), "v1"),
    ]
    assert len(set(names)) == 4
    same = small_config(training={"auto_promote": False, "hyperparameters": {"n_estimators": 5, "n_jobs": 1,
                                                                             "max_depth": 6}})  # fmt: skip
    assert tuning._study_name(same, "v1") == names[0]


def test_the_test_block_is_never_scored(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []
    original = tuning.fit

    def spy(*given: Any, **how: Any) -> Any:
        fitted = original(*given, **how)
        judged.append(fitted.metrics["split"]["moments"][-1])
        seen = [part.end_time for part in fitted.trained_on]
        judged.append(max(seen))
        return fitted

    monkeypatch.setattr(tuning, "fit", spy)
    _tune(ws, 1, seed=1)
    time = sample("EURUSD_1h")[:BARS].time
    assert max(judged) <= time[int(BARS * 0.8)]


def test_an_interrupt_keeps_what_was_found(ws: Workspace) -> None:
    def stop(_done: float, what: str) -> None:
        if what.startswith("trial 2"):
            raise KeyboardInterrupt

    found = _tune(ws, 5, seed=2, progress=stop)
    assert found.interrupted
    assert [one["state"] for one in found.trials] == ["complete", "fail"]
    with pytest.raises(KeyboardInterrupt):
        _tune(ws, 1, seed=3, progress=_interrupt)


def _interrupt(done: float, what: str) -> None:
    if what.startswith("trial"):
        raise KeyboardInterrupt


def test_a_model_without_a_space_is_refused(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "_SPACES", {"random_forest": {}})
    with pytest.raises(InvalidConfig, match="model_type: found 'xgboost', expected one of random_forest"):
        _tune(ws, 1, seed=0)


def test_trials_are_chosen_on_the_validation_block_of_each_split(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[list[int]] = []

    def fitted(*args: Any, **asked: Any) -> Predictor:
        predictor = fit(*args, **asked)
        used.append(predictor.metrics["split"]["folds"])
        return predictor

    monkeypatch.setattr(tuning, "fit", fitted)
    overrides = {"stages.training.seed": 7, "stages.training.validation_folds": 3}
    config = resolve_config(ws.config, layers=["talib"], overrides=overrides)
    tune(
        ws,
        pairs=["EURUSD"],
        timeframe="1h",
        config=config,
        trials=1,
        time_budget_s=None,
        progress=lambda *_: None,
    )
    assert used == [[0], [0]]


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_has_a_space_of_values_that_it_takes(name: str) -> None:
    space = tuning._SPACES[name]
    assert space
    for end in (0, 1):
        hyperparameters_class(name).model_validate({key: bounds[end] for key, bounds in space.items()})
