"""MLflow's server as a process of its own: who may use it, under which names, and where its artifacts go.

`candleloop up` starts MLflow for this machine alone (`mllib.tracking.server_environment`). Here other
machines reach it: everybody needs a name and a password, and artifacts travel through the server, so that
those who train need no access to where they lie.
"""

import configparser
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mllib.errors import InvalidConfig, NotReady
from mllib.extras import to_install
from mllib.tracking import artifact_root, server_environment, tracking_uri

PASSWORD = "MLFLOW_AUTH_ADMIN_PASSWORD"
"""The administrator's password; MLflow heeds it only when it first makes that user."""
_USER = "MLFLOW_AUTH_ADMIN_USERNAME"
_SECRET = "MLFLOW_FLASK_SERVER_SECRET_KEY"
_HOSTS = "MLFLOW_SERVER_ALLOWED_HOSTS"
_SHORTEST_PASSWORD = 12
_KNOWN_TO_ALL = "password1234"
"""What older versions of MLflow shipped."""
_OPEN_APP = ("mlflow.server.fastapi_app:app",)
_CLOSED_APP = ("--factory", "mlflow.server.auth:create_app")


@dataclass(frozen=True, slots=True)
class MlflowServer:
    """What uvicorn is to serve, and what has to be in its environment, which holds secrets."""

    app: tuple[str, ...]
    environment: Mapping[str, str]


def mlflow_server(home: Path, *, beyond_this_machine: bool, allowed_hosts: str | None = None) -> MlflowServer:
    """The server of this home's runs, or of those in `MLFLOW_TRACKING_URI`'s database.

    Beyond this machine, or with `MLFLOW_AUTH_ADMIN_PASSWORD`, nobody is let in without a password. Users are
    kept in the database of the runs, and artifacts where `mllib.tracking` has them. `allowed_hosts` are the
    names, by comma, under which the server answers besides localhost.

    Raises:
        InvalidConfig: the password is missing, or could be guessed; or the runs are said to be in a server.
        NotReady: MLflow's part that asks for passwords is not installed.
    """
    if tracking_uri(home).startswith("http"):
        raise InvalidConfig(
            "MLFLOW_TRACKING_URI: found the address of a server, expected that of the database behind it, "
            "which this server is for. Set it to postgresql://…, or unset it."
        )
    environment = server_environment(home) | {
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifact_root(home),
    }
    if allowed_hosts:
        environment[_HOSTS] = f"localhost,localhost:*,127.0.0.1,127.0.0.1:*,{allowed_hosts}"
    if not beyond_this_machine and not os.environ.get(PASSWORD):
        return MlflowServer(_OPEN_APP, environment)
    _check_password()
    if find_spec("flask_wtf") is None:
        raise NotReady(
            "MLflow's server: found no package flask-wtf, expected it, as MLflow asks for passwords with it. "
            f"Run `{to_install('servers')}`."
        )
    return MlflowServer(_CLOSED_APP, environment | _authentication(home))


def _check_password() -> None:
    password = os.environ.get(PASSWORD, "")
    if len(password) >= _SHORTEST_PASSWORD and password != _KNOWN_TO_ALL:
        return
    found = f"{len(password)} characters" if password else "none"
    raise InvalidConfig(
        f"{PASSWORD}: found {'one that is known to all' if password == _KNOWN_TO_ALL else found}, expected "
        f"a password of {_SHORTEST_PASSWORD} characters or more, without which nobody may reach MLflow from "
        "another machine. Set it, or bind to 127.0.0.1."
    )


def _authentication(home: Path) -> dict[str, str]:
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(_write_configuration(home)),
        _USER: os.environ.get(_USER) or "admin",
        # Signs the forms of MLflow's pages; a new one asks whoever has such a form open to load it again.
        _SECRET: os.environ.get(_SECRET) or secrets.token_hex(32),
    }


def _write_configuration(home: Path) -> Path:
    """Writes where MLflow finds its users, for this user alone, as the database's URL may hold a password."""
    folder = home.resolve() / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    users = tracking_uri(home)
    if not users.startswith("postgresql"):
        (folder / "users.db").touch(mode=0o600)
        users = f"sqlite:///{folder / 'users.db'}"
    written = configparser.ConfigParser(interpolation=None)
    written["mlflow"] = {
        "default_permission": "READ",
        # MLflow reads the file with interpolation, in which a % stands for itself only when doubled.
        "database_uri": users.replace("%", "%%"),
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
    }
    file = folder / "authentication.ini"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        os.fchmod(out.fileno(), 0o600)
        written.write(out)
    return file
