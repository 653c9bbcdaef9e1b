"""What MLflow's server is started with, and when it is not."""

import configparser
from pathlib import Path

import pytest

from mllib.errors import InvalidConfig
from mllib.mlflow_server import PASSWORD, MlflowServer, mlflow_server


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        PASSWORD,
        "MLFLOW_TRACKING_URI",
        "MLFLOW_DEFAULT_ARTIFACT_ROOT",
        "MLFLOW_FLASK_SERVER_SECRET_KEY",
    ):
        monkeypatch.delenv(name, raising=False)


def closed(home: Path) -> MlflowServer:
    return mlflow_server(home, beyond_this_machine=True, allowed_hosts="mlflow:5000")


def users_of(server: MlflowServer) -> str:
    read = configparser.ConfigParser()  # as MLflow reads it
    read.read(server.environment["MLFLOW_AUTH_CONFIG_PATH"])
    return read["mlflow"]["database_uri"]


def test_on_this_machine_alone_nobody_is_asked_for_a_password(tmp_path: Path) -> None:
    server = mlflow_server(tmp_path, beyond_this_machine=False)
    assert server.app == ("mlflow.server.fastapi_app:app",)
    assert "MLFLOW_AUTH_CONFIG_PATH" not in server.environment


@pytest.mark.parametrize(
    ("password", "found"),
    [(None, "none"), ("", "none"), ("short", "5 characters"), ("password1234", "one that is known to all")],
)
def test_beyond_this_machine_a_password_is_asked_for_that_cannot_be_guessed(
    password, found, tmp_path: Path, monkeypatch
) -> None:
    if password is not None:
        monkeypatch.setenv(PASSWORD, password)
    with pytest.raises(InvalidConfig, match=f"{PASSWORD}: found {found}, expected"):
        closed(tmp_path)


def test_with_a_password_everybody_is_asked_for_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(PASSWORD, "a long password")
    for server in (closed(tmp_path), mlflow_server(tmp_path, beyond_this_machine=False)):
        assert server.app == ("--factory", "mlflow.server.auth:create_app")
        assert len(server.environment["MLFLOW_FLASK_SERVER_SECRET_KEY"]) == 64
        assert users_of(server) == f"sqlite:///{tmp_path}/mlflow/users.db"
    assert closed(tmp_path).environment["MLFLOW_SERVER_ALLOWED_HOSTS"].endswith(",mlflow:5000")
    for name in ("users.db", "authentication.ini"):
        assert (tmp_path / "mlflow" / name).stat().st_mode & 0o777 == 0o600


def test_users_are_kept_in_the_database_of_the_runs(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(PASSWORD, "a long password")
    url = "postgresql://app:p%40ss@db/mlflow"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    assert users_of(closed(tmp_path)) == url
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    with pytest.raises(InvalidConfig, match="found the address of a server"):
        closed(tmp_path)


@pytest.mark.parametrize(
    ("storage", "kept_in"), [("", "file://{home}/mlflow/artifacts"), ("s3://a/b", "s3://a/b/mlflow")]
)
def test_artifacts_travel_through_the_server(storage, kept_in, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(PASSWORD, "a long password")
    monkeypatch.setenv("CANDLELOOP_STORAGE_URL", storage)
    environment = closed(tmp_path).environment
    assert environment["_MLFLOW_SERVER_ARTIFACT_ROOT"] == "mlflow-artifacts:/"
    assert environment["_MLFLOW_SERVER_ARTIFACT_DESTINATION"] == kept_in.format(home=tmp_path)


@pytest.mark.filterwarnings("ignore")  # importing MLflow's server warns about its own insides
def test_mlflow_still_reads_the_variables_that_its_server_is_started_with(
    tmp_path: Path, monkeypatch
) -> None:
    from mlflow import environment_variables, server
    from mlflow.server import constants

    monkeypatch.setenv(PASSWORD, "a long password")
    read = {value for value in vars(constants).values() if isinstance(value, str)}
    read |= {one.name for one in vars(environment_variables).values() if hasattr(one, "name")}
    read |= {server.ARTIFACT_ROOT_ENV_VAR, "DO_NOT_TRACK", "GIT_PYTHON_REFRESH"}
    assert closed(tmp_path).environment.keys() <= read
