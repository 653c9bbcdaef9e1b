"""Whether all that candleloop needs is there and well, and what to do where it is not. Nothing is changed."""

import importlib
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from mllib.amounts import count
from mllib.config import Config, default_config_path, load_config
from mllib.deployment import Deployment
from mllib.errors import CandleloopError
from mllib.jobs import waiting_tasks, worker_is_alive
from mllib.pipeline.champion_health import Finding
from mllib.pipeline.model_history import champion_run
from mllib.pipeline.promoting import load_run
from mllib.pipeline.serving import warm
from mllib.pipeline.sharing import series_at_home
from mllib.pipeline.workspace import Workspace, home_folder, open_workspace
from mllib.ports import PORTS, port_of
from mllib.published_folders import exists
from mllib.supervision.health import PATHS

_LITTLE_ROOM, _NO_ROOM = 2 * 10**9, 2 * 10**8
"""Bytes free on the home's disk below which a training may fail, and below which anything may."""

_ANSWERS_WITHIN_S = 3.0
_NAMES = {"api": "API", "console": "Console", "mlflow": "MLflow's server", "web": "Chart"}
_HEALTH = {**PATHS, "api": "/ready", "web": "/"}


def examine(home: Path | None = None) -> Iterator[Finding]:
    """What was looked at, one after another; `ok` is None where something is off that does no harm yet."""
    yield _python()
    try:
        deployment, config = Deployment.from_environment(), load_config()
    except CandleloopError as exc:
        yield Finding("Configuration", False, str(exc))
        return
    yield Finding("Configuration", True, f"{default_config_path()} is read.")
    folder = home_folder() if home is None else home
    if folder.is_dir():
        yield _home(folder)
        yield from _inside(folder, config, deployment)
    else:
        yield Finding("Home", None, f"There is no {folder} yet. Whatever is started makes it.")
        if deployment.database is not None:
            with TemporaryDirectory() as aside:
                yield from _inside(Path(aside), config, deployment)
    yield from _services()


def _python() -> Finding:
    """The engines are in native code: what imports here will run."""
    names = ("numpy", "pandas", "ta-lib", "scikit-learn", "xgboost-cpu")
    try:
        for module in ("numpy", "pandas", "talib", "sklearn", "xgboost"):
            importlib.import_module(module)
        found = ", ".join(f"{name} {version(name)}" for name in ("candleloop", *names))
    except ImportError as exc:
        return Finding(
            "Installation", False, f"found {exc}, expected all packages. Run `make up` or install again."
        )
    return Finding("Installation", True, f"{found}.")


def _home(home: Path) -> Finding:
    free = shutil.disk_usage(home).free
    room = f"{home} has {free / 1e9:.1f} GB free"
    if not os.access(home, os.W_OK):
        return Finding(
            "Home", False, f"{home}: found it read-only, expected one to write to. Give write access."
        )
    if free < _LITTLE_ROOM:
        ok = False if free < _NO_ROOM else None
        return Finding("Home", ok, f"{room}. `candleloop prune --dry-run` says what can go.")
    return Finding("Home", True, f"{room}.")


def _inside(home: Path, config: Config, deployment: Deployment) -> Iterator[Finding]:
    try:
        ws = open_workspace(home, config=config, deployment=deployment, migrate=False)
    except CandleloopError as exc:
        yield Finding("Database", False, str(exc))
        return
    with ws:
        looks: dict[str, Callable[[Workspace], Finding]] = {
            "Database": _database,
            "Storage": _storage,
            "Candles": _candles,
            "Champion": _champion,
            "Runs": _runs,
            "Worker": _worker,
            "Job queue": _queue,
            "MLflow": _mlflow,
        }
        for name, look in looks.items():
            try:
                yield look(ws)
            except CandleloopError as exc:
                yield Finding(name, False, str(exc))


def _database(ws: Workspace) -> Finding:
    store = ws.store
    store.examine()
    said = sum(one.count for one in store.annotations.counts())
    given = len(store.verdicts.list())
    return Finding(
        "Database",
        True,
        f"{store.where} is whole; {count(said, 'annotation')} and {count(given, 'verdict')} count, without "
        "skips and what was taken back.",
    )


def _storage(ws: Workspace) -> Finding:
    if ws.storage is None:
        return Finding("Storage", True, f"Candles and models are in {ws.home}.")
    ws.storage.examine()
    return Finding("Storage", True, f"{ws.storage.where} is read and written.")


def _candles(ws: Workspace) -> Finding:
    damaged: list[str] = []
    series = ws.candles.list(on_damaged=lambda _pair, _timeframe, exc: damaged.append(str(exc)))
    if damaged:
        return Finding("Candles", False, " ".join(damaged))
    if not series and ws.storage is not None and series_at_home(ws).list():
        return Finding("Candles", None, f"None are in {ws.storage.where}, some at home. `candleloop share`")
    if not series:
        return Finding(
            "Candles", None, "None are stored. `candleloop candles import FILE --pair … --timeframe …`"
        )
    rows = sum(one.rows for one in series)
    return Finding("Candles", True, f"{count(len(series), 'series', 'series')} of {count(rows, 'candle')}.")


def _champion(ws: Workspace) -> Finding:
    run = champion_run(ws)
    if run is None:
        return Finding("Champion", None, "No model serves yet. Train one with `candleloop train`.")
    warm(load_run(ws, run))
    if ws.storage is not None and not exists(ws.storage, str(run.predictor_path)):
        return Finding("Champion", None, f"v{run.model_version} is on this machine alone. `candleloop share`")
    return Finding("Champion", True, f"v{run.model_version} (run {run.run_id}) loads and predicts.")


def _runs(ws: Workspace) -> Finding:
    runs = ws.store.runs.list(limit=1, with_metrics=False)
    if runs and runs[0].status == "failed":
        return Finding("Runs", None, f"The last one, {runs[0].run_id}, failed: {runs[0].error}")
    active = ws.store.runs.active()
    if active is not None and active.status == "queued" and not worker_is_alive(ws, now=time.time()):
        return Finding("Runs", False, f"Run {active.run_id} waits for a worker. Start `candleloop worker`.")
    return Finding(
        "Runs", True, "None is stuck." if active is None else f"{active.run_id} is {active.status}."
    )


def _worker(ws: Workspace) -> Finding:
    if worker_is_alive(ws, now=time.time()):
        return Finding("Worker", True, "Its heart beats.")
    return Finding("Worker", None, "None runs. `candleloop up` or `candleloop worker` starts one.")


def _queue(ws: Workspace) -> Finding:
    return Finding("Job queue", True, f"It answers; {count(waiting_tasks(ws), 'task')} waiting.")


def _mlflow(ws: Workspace) -> Finding:
    from mllib import tracking

    return Finding("MLflow", True, tracking.examine(ws.home))


def _services() -> Iterator[Finding]:
    for service in PORTS:
        port, name = port_of(service), _NAMES[service]
        url = f"http://127.0.0.1:{port}{_HEALTH[service]}"
        try:
            with urllib.request.urlopen(url, timeout=_ANSWERS_WITHIN_S):
                yield Finding(name, True, f"Answers on port {port}.")
        except urllib.error.HTTPError as exc:
            yield Finding(name, False, f"Port {port} answers {exc.code}. Look at its log.")
        except OSError:
            yield Finding(name, None, f"Nothing answers on port {port}. `candleloop up` starts it.")
