"""What MLflow is told, and what its server is started with."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mllib.tracking import calibration_errors, flat_metrics, move_champion, server_environment, tracking_uri


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
