"""What MLflow is told, and what its server is started with."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mllib.errors import InvalidConfig, NotReady
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import open_workspace
from mllib.tracking import (
    artifact_root,
    calibration_errors,
    end_tuning,
    flat_metrics,
    log_trial,
    move_champion,
    run_url,
    server_environment,
    start_tuning,
    tracking_uri,
)
from tests.naive import sample
from tests.pipeline.conftest import small_config, store_candles
from tests.postgres import PASSWORD, Server
from tests.processes import free_port
from tests.sql import rows_of


@pytest.mark.filterwarnings("ignore")  # importing MLflow's server warns about its own insides
def test_mlflow_still_reads_the_variables_that_its_server_is_started_with(tmp_path: Path) -> None:
    from mlflow import server
    from mlflow.environment_variables import _MLFLOW_SGI_NAME, MLFLOW_SERVER_ENABLE_JOB_EXECUTION

    known = {
        server.BACKEND_STORE_URI_ENV_VAR,
        server.ARTIFACT_ROOT_ENV_VAR,
        _MLFLOW_SGI_NAME.name,
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION.name,
        "MLFLOW_DISABLE_TELEMETRY",
        "DO_NOT_TRACK",
        "GIT_PYTHON_REFRESH",
    }
    assert server_environment(tmp_path).keys() == known


def test_the_store_lies_in_the_home_unless_the_environment_names_a_server(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert tracking_uri(tmp_path) == "http://127.0.0.1:5000"


def test_artifacts_go_to_the_storage_of_the_deployment_unless_another_root_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert artifact_root(tmp_path) == f"file://{tmp_path}/mlflow/artifacts"
    monkeypatch.setenv("CANDLELOOP_STORAGE_URL", "s3://bucket/candleloop")
    assert artifact_root(tmp_path) == "s3://bucket/candleloop/mlflow"
    assert server_environment(tmp_path)["_MLFLOW_SERVER_ARTIFACT_ROOT"] == "s3://bucket/candleloop/mlflow"
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "s3://other")
    assert artifact_root(tmp_path) == "s3://other"


def test_the_database_of_candleloop_is_not_given_to_mlflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_URI", "CANDLELOOP_DATABASE_URL"):
        monkeypatch.setenv(name, f"postgresql://app:{PASSWORD}@127.0.0.1/x")
    with pytest.raises(InvalidConfig, match=r"expected one of MLflow's own.*createdb mlflow") as failure:
        move_champion(tmp_path, "candleloop", "none")
    assert PASSWORD not in str(failure.value)


@pytest.mark.filterwarnings("ignore")  # MLflow warns about its own insides
def test_a_server_that_is_away_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://app:{PASSWORD}@127.0.0.1:{free_port()}/x")
    with pytest.raises(NotReady, match=r"MLflow at postgresql://app:\*\*\*@127") as failure:
        move_champion(tmp_path, "candleloop", "none")
    assert PASSWORD not in str(failure.value)


@pytest.mark.needs("postgres")
@pytest.mark.filterwarnings("ignore")  # MLflow warns about its own insides
def test_a_run_is_logged_to_postgresql_with_its_artifacts_and_its_champion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: Server
) -> None:
    with postgres.blank_database() as uri, open_workspace(tmp_path, config=small_config()) as ws:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        store_candles(ws, sample("EURUSD_1h")[:1_000])
        asked = request_training(
            ws,
            pairs=["EURUSD"],
            config=resolve_config(
                ws.config, layers=["talib"], overrides={"stages.training.gate.enabled": False}
            ),
        )
        run = execute_run(ws, asked.run_id)
        assert (run.status, run.error) == ("ready", None)
        mlflow_run_id = str(run.mlflow_run_id)
        move_champion(tmp_path, run.registered_model_name, mlflow_run_id)
        parent = start_tuning(tmp_path, "search", "xgboost")
        trial = {"number": 0, "state": "COMPLETE", "score": 0.5, "hyperparameters": {"max_depth": 3}}
        log_trial(tmp_path, parent, trial, seconds=1.0)
        end_tuning(tmp_path, parent)
        assert rows_of(uri, "SELECT alias FROM registered_model_aliases") == [("champion",)]
        names = {name for (name,) in rows_of(uri, "SELECT name FROM runs WHERE status = 'FINISHED'")}
        assert names == {run.run_id, "tune xgboost", "trial 1"}
        assert (run_url(tmp_path, mlflow_run_id) or "").endswith(f"/#/runs/{mlflow_run_id}")
        logged = tmp_path / "mlflow" / "artifacts" / mlflow_run_id / "artifacts"
        assert {"metrics.json", "predictor"} <= {path.name for path in logged.iterdir()}
        assert not (tmp_path / "mlflow" / "mlflow.db").exists()


def test_metrics_without_spans_are_plotted_all_the_same() -> None:
    assert flat_metrics({"accuracy": 0.5, "confusion": {}}) == {"accuracy": 0.5}


def test_calibration_is_plotted_where_it_is_known() -> None:
    test = {"before": {"pooled": {"ece": 0.2}}, "after": {"pooled": None}}
    assert calibration_errors({"calibration": {"test": test}}) == {"calibration_error_before": 0.2}
    assert calibration_errors({}) == {}


@pytest.mark.filterwarnings("ignore")  # MLflow warns about its own insides
def test_a_store_that_was_never_finished_is_set_aside_and_one_with_runs_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "mlflow"
    folder.mkdir()
    store = folder / "mlflow.db"
    with closing(sqlite3.connect(store)) as half_made:
        half_made.execute("CREATE TABLE trace_info (request_id TEXT)")
    move_champion(tmp_path, "candleloop", "none")
    assert (folder / "mlflow.unfinished.db").exists()
    with closing(sqlite3.connect(store)) as whole:
        assert whole.execute("SELECT count(*) FROM runs").fetchone() == (0,)
        whole.execute("INSERT INTO runs (run_uuid) VALUES ('kept')")
        whole.commit()
    (folder / "store.finished").unlink()
    move_champion(tmp_path, "candleloop", "none")
    with closing(sqlite3.connect(store)) as kept:
        assert kept.execute("SELECT run_uuid FROM runs").fetchall() == [("kept",)]
