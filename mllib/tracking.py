"""MLflow: what a run was, what it scored, and which version is champion. Nothing else imports MLflow.

Serving reads Predictor folders from `CANDLELOOP_HOME`; MLflow holds a copy as the run's artifact. Its
import takes seconds, so it happens inside the functions, in the process that trains.
"""

import json
import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mllib.amounts import count
from mllib.deployment import Deployment
from mllib.errors import InvalidConfig, NotReady
from mllib.extras import to_install
from mllib.inference import Predictor
from mllib.ports import port_of

_REQUIRED = ("numpy", "xgboost-cpu", "scikit-learn", "skops")
_CHAMPION = "champion"
_CONNECT_TIMEOUT_S = 5
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}


@dataclass(frozen=True, slots=True)
class Logged:
    """Where MLflow keeps a run: its id there, and the version of the registered model."""

    mlflow_run_id: str
    mlflow_version: str | None


def tracking_uri(home: Path) -> str:
    """`MLFLOW_TRACKING_URI`, else SQLite inside the home folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{home.resolve() / 'mlflow' / 'mlflow.db'}"


def run_url(home: Path, mlflow_run_id: str) -> str | None:
    """Where MLflow's server, as `candleloop up` starts it, shows a run; MLflow is not imported for it.

    None where the store is a server of MLflow elsewhere, or the home's own and does not know the run.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI")
    if given:
        page = f"http://127.0.0.1:{port_of('mlflow')}/#/runs/{mlflow_run_id}"
        return page if _is_database(given) else None
    store = home.resolve() / "mlflow" / "mlflow.db"
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            query = "SELECT experiment_id FROM runs WHERE run_uuid = ?"
            found = database.execute(query, (mlflow_run_id,)).fetchone()
    except sqlite3.Error:
        return None
    return found and f"http://127.0.0.1:{port_of('mlflow')}/#/experiments/{found[0]}/runs/{mlflow_run_id}"


def server_environment(home: Path) -> dict[str, str]:
    """What MLflow's server application has to find in its environment to serve this home's store.

    `mlflow server` sets these itself before it starts uvicorn on the same application, but imports MLflow
    twice for it: measured, 13.6 s to the first answer instead of 6.8.
    """
    return {
        "_MLFLOW_SERVER_FILE_STORE": tracking_uri(home),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": artifact_root(home),
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        **_QUIET,
    }


def artifact_folder(home: Path) -> Path:
    """Where MLflow keeps artifacts on one machine."""
    return home.resolve() / "mlflow" / "artifacts"


def artifact_root(home: Path) -> str:
    """Where new experiments keep artifacts, as a URL: `MLFLOW_DEFAULT_ARTIFACT_ROOT`, else the deployment's
    storage, else the home folder.
    """
    given, storage = os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT"), Deployment.from_environment().storage
    return given or (f"{storage}/mlflow" if storage else artifact_folder(home).as_uri())


def log_run(
    home: Path,
    predictor: Predictor,
    folder: Path,
    *,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
    artifacts: Mapping[str, Path],
) -> Logged:
    """Logs a trained Predictor with parameters, metrics and artifacts, and registers its model.

    `artifacts` maps folders of the run to files, or to folders whose content goes there; the Predictor's
    folder is logged as `predictor`.
    """
    info = predictor.info
    with _mlflow(home) as mlflow:
        _use_experiment(mlflow, home, info.experiment_name)
        with mlflow.start_run(run_name=info.run_id, tags={"candleloop.run_id": info.run_id, **tags}) as run:
            mlflow.log_params({k: v if isinstance(v, str) else json.dumps(v) for k, v in params.items()})
            mlflow.log_metrics(flat_metrics(predictor.metrics) | calibration_errors(predictor.metrics))
            mlflow.log_dict(predictor.metrics, "metrics.json")
            mlflow.log_artifacts(str(folder), "predictor")
            for name, path in artifacts.items():
                (mlflow.log_artifacts if path.is_dir() else mlflow.log_artifact)(str(path), name)
            registered = predictor.model.log(
                mlflow,
                registered_model_name=info.model_name,
                pip_requirements=[f"{name}=={version(name)}" for name in _REQUIRED],
            )
    return Logged(run.info.run_id, registered)


def examine(home: Path) -> str:
    """In words, where runs are kept; MLflow itself is asked only where that is not the home's own file.

    Raises:
        NotReady: it does not answer.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        store = home.resolve() / "mlflow" / "mlflow.db"
        if not store.exists():
            return f"{store} is made by the first training."
        try:
            with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
                runs = database.execute("SELECT count(*) FROM runs").fetchone()[0]
        except sqlite3.Error as exc:
            raise NotReady(
                f"MLflow's store {store}: found {exc}, expected a whole file. Move it away: runs are in our "
                "own database too, and MLflow begins a new one."
            ) from exc
        return f"{store} is read: {count(runs, 'run')}."
    with _mlflow(home) as mlflow:
        experiments = mlflow.search_experiments()
    return f"The store of MLFLOW_TRACKING_URI answers: {count(len(experiments), 'experiment')}."


def require_answer(home: Path) -> None:
    """Raise `NotReady` where a server that does not answer keeps runs; the home's own file mends itself."""
    if os.environ.get("MLFLOW_TRACKING_URI"):
        examine(home)


def start_tuning(home: Path, experiment_name: str, name: str) -> str:
    """The id of a new MLflow run under which the trials of a search are kept."""
    with _mlflow(home) as mlflow:
        _use_experiment(mlflow, home, experiment_name)
        experiment = mlflow.get_experiment_by_name(experiment_name)
        run = mlflow.MlflowClient().create_run(experiment.experiment_id, run_name=f"tune {name}")
    return str(run.info.run_id)


def log_trial(home: Path, parent: str, trial: Mapping[str, Any], *, seconds: float) -> None:
    """Keeps one trial (`number state score hyperparameters`) as a run nested under its search."""
    with _mlflow(home) as mlflow:
        client = mlflow.MlflowClient()
        tags = {"mlflow.parentRunId": parent, "state": trial["state"]}
        experiment = client.get_run(parent).info.experiment_id
        run = client.create_run(experiment, run_name=f"trial {trial['number'] + 1}", tags=tags)
        for key, value in trial["hyperparameters"].items():
            client.log_param(run.info.run_id, key, value)
        client.log_metric(run.info.run_id, "seconds", seconds)
        if trial["score"] is not None:
            client.log_metric(run.info.run_id, "span_f1_0.5_micro", trial["score"])
        client.set_terminated(run.info.run_id)


def end_tuning(home: Path, parent: str) -> None:
    """Ends the run that `start_tuning` began."""
    with _mlflow(home) as mlflow:
        mlflow.MlflowClient().set_terminated(parent)


def _use_experiment(mlflow: Any, home: Path, name: str) -> None:
    if mlflow.get_experiment_by_name(name) is None:
        # A server of MLflow knows by itself where artifacts go; a database does not.
        where = artifact_root(home) if _is_database(tracking_uri(home)) else None
        mlflow.create_experiment(name, artifact_location=where)
    mlflow.set_experiment(name)


def move_champion(home: Path, registered_model_name: str, mlflow_run_id: str) -> None:
    """Mirrors our champion pointer as MLflow's alias `champion`."""
    with _mlflow(home) as mlflow:
        client = mlflow.MlflowClient()
        versions = client.search_model_versions(
            f"name='{registered_model_name}' and run_id='{mlflow_run_id}'"
        )
        if versions:
            client.set_registered_model_alias(registered_model_name, _CHAMPION, versions[0].version)


def flat_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that MLflow can plot, by dotted name.

    >>> flat_metrics({"accuracy": 0.9, "span_f1": {"0.5": {"micro": 0.4, "per_label": {"bull_flag": 0.5}}}})
    {'accuracy': 0.9, 'span_f1_0.5_micro': 0.4, 'span_f1_0.5.bull_flag': 0.5}
    """
    flat = {name: metrics[name] for name in ("accuracy", "f1_macro", "f1_weighted") if name in metrics}
    for iou, scores in metrics.get("span_f1", {}).items():
        flat |= {f"span_f1_{iou}_{mean}": scores[mean] for mean in ("micro", "macro") if mean in scores}
        flat |= {f"span_f1_{iou}.{label}": f1 for label, f1 in scores["per_label"].items()}
    between = metrics.get("intervals", {}).get("span_f1", {}).get("micro")
    if between is not None:
        flat |= dict(zip(("span_f1_0.5_micro_low", "span_f1_0.5_micro_high"), between, strict=True))
    return flat


def calibration_errors(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The expected calibration error of the test's rows before and after calibration, where it is known."""
    test = metrics.get("calibration", {}).get("test", {})
    pooled = {when: test.get(when, {}).get("pooled") for when in ("before", "after")}
    return {f"calibration_error_{when}": one["ece"] for when, one in pooled.items() if one is not None}


@contextmanager
def _mlflow(home: Path) -> Iterator[Any]:
    """MLflow on this home's store; what it warns about is its own insides, so nobody is told."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.sklearn
        import mlflow.xgboost

        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        queue = logging.getLogger("huey")  # which MLflow takes for its own
        queue.handlers, queue.propagate = [], True
        queue.setLevel(logging.NOTSET)
        given = os.environ.get("MLFLOW_TRACKING_URI")
        _require_own_database(given)
        try:
            if given:
                _require_server(given)
            else:
                _make_local_store(home)
            mlflow.set_tracking_uri(tracking_uri(home))
            if not given:  # MLflow sets it by itself, which would pass for the user's choice from then on
                os.environ.pop("MLFLOW_TRACKING_URI", None)
            yield mlflow
        except NotReady:
            raise
        except Exception as exc:
            place, found = without_password(tracking_uri(home)), _as_one_line(exc, tracking_uri(home))
            raise NotReady(
                f"MLflow at {place}: found {type(exc).__name__} ({found}), expected an answer. "
                "Check MLFLOW_TRACKING_URI, the disk and the server, then try again."
            ) from exc


def _require_server(uri: str) -> None:
    """Asks PostgreSQL for a connection: MLflow would ask again and again for a minute and a half."""
    if not _is_database(uri) or uri.startswith("sqlite"):
        return
    try:
        import psycopg
    except ModuleNotFoundError as exc:
        raise NotReady(
            f"MLflow at {without_password(uri)}: found no driver of PostgreSQL ({exc}), expected psycopg. "
            f"Run `{to_install('servers')}`."
        ) from exc
    kind, _, rest = uri.partition("://")
    psycopg.connect(f"{kind.partition('+')[0]}://{rest}", connect_timeout=_CONNECT_TIMEOUT_S).close()


def without_password(uri: str) -> str:
    """A URI for messages.

    >>> without_password("postgresql://app:secret@db:5432/mlflow")
    'postgresql://app:***@db:5432/mlflow'
    """
    password = _password(uri)
    return uri if not password else uri.replace(f":{password}@", ":***@", 1)


def _password(uri: str) -> str | None:
    """What stands between the user's name and the last @ before the path, as it is written there."""
    authority = uri.partition("://")[2].partition("/")[0]
    return authority.rpartition("@")[0].partition(":")[2] or None


def _as_one_line(exc: Exception, uri: str) -> str:
    text, password = " ".join(str(exc).split()), _password(uri)
    return text.replace(password, "***") if password else text


def _is_database(uri: str) -> bool:
    return uri.partition("://")[0].partition("+")[0] in ("sqlite", "postgresql")


def _require_own_database(given: str | None) -> None:
    """Refuses candleloop's own: both note the version of their tables in a table of the same name."""
    if given and given == Deployment.from_environment().database:
        raise InvalidConfig(
            "MLFLOW_TRACKING_URI: found the database of CANDLELOOP_DATABASE_URL, expected one of MLflow's "
            "own. Create another on the same server (createdb mlflow) and name that."
        )


def _make_local_store(home: Path) -> None:
    """Makes MLflow's SQLite file aside and moves it into place whole.

    MLflow builds its tables step by step and cannot go on from a half-made file, such as an interrupt or
    a full disk leaves. A file that this function has not finished and that holds no run is set aside.
    """
    folder = home.resolve() / "mlflow"
    store, finished, partial = folder / "mlflow.db", folder / "store.finished", folder / "mlflow.partial.db"
    if store.exists() and (finished.exists() or _holds_runs(store)):
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder.mkdir(parents=True, exist_ok=True)
    if store.exists():
        store.replace(folder / "mlflow.unfinished.db")
    partial.unlink(missing_ok=True)
    SqlAlchemyStore(f"sqlite:///{partial}", artifact_folder(home).as_uri()).engine.dispose()
    partial.replace(store)
    finished.touch()


def _holds_runs(store: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            return database.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None
    except sqlite3.Error:
        return False
