"""`candleloop up api console web worker`: the doors, started by name so that none is imported here."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mllib.errors import InvalidConfig, NotReady
from mllib.ports import PORTS, check_ports, port_of

if TYPE_CHECKING:
    from mllib.supervision import Service

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PAUSE_AFTER_FAILED_BUILD_S = 60


def api(
    port: Annotated[int, typer.Option("--port", envvar="CANDLELOOP_API_PORT", min=1, max=65_535)] = PORTS[
        "api"
    ],
    host: Annotated[
        str, typer.Option("--host", help="Address to bind to; other machines are let in only with a key.")
    ] = "127.0.0.1",
    workers: Annotated[int, typer.Option("--workers", min=1, help="Server processes.")] = 2,
) -> None:
    """Serve the inference API."""
    if host not in _LOOPBACK:
        _check_binding(host)
    _become(["api.server", "--host", host, "--port", str(port), "--workers", str(workers)])


def console(
    port: Annotated[int, typer.Option("--port", envvar="CANDLELOOP_CONSOLE_PORT", min=1, max=65_535)] = PORTS[
        "console"
    ],
    host: Annotated[
        str, typer.Option("--host", help="Address to bind to; from other machines people sign in.")
    ] = "127.0.0.1",
) -> None:
    """Serve the operator console; with CANDLELOOP_OIDC_* people sign in through their provider."""
    provider = _provider_flags()
    if host not in _LOOPBACK and not provider:
        _check_binding(host)
    spec = find_spec("app")
    if spec is None or spec.origin is None:
        raise InvalidConfig(
            "console: found no package `app`, expected it beside `mllib`. Install candleloop again."
        )
    options = {
        "server.address": host,
        "server.port": str(port),
        "server.headless": "true",
        "browser.gatherUsageStats": "false",
        "runner.magicEnabled": "false",
    }
    flags = [flag for key, value in options.items() for flag in (f"--{key}", value)]
    _become(["app.server", "run", str(Path(spec.origin).with_name("main.py")), *flags, *provider])


def _provider_flags() -> list[str]:
    """Where Streamlit finds the provider through which people sign in, if there is one."""
    if not any(name.startswith("CANDLELOOP_OIDC_") and value for name, value in os.environ.items()):
        return []  # without importing the store, which takes a while
    from mllib.pipeline.openid import OpenId, write_streamlit_secrets
    from mllib.pipeline.workspace import usable_home

    openid = OpenId.from_environment()
    return [] if openid is None else ["--secrets.files", str(write_streamlit_secrets(openid, usable_home()))]


def web(
    port: Annotated[int, typer.Option("--port", envvar="CANDLELOOP_WEB_PORT", min=1, max=65_535)] = PORTS[
        "web"
    ],
) -> None:
    """Serve the chart on 127.0.0.1; a checkout's `web/` is installed and built first where it has changed."""
    from mllib.supervision import Service
    from mllib.web_app import build, find_node, web_folder

    folder = web_folder()
    if folder is None:
        raise InvalidConfig("web: found no folder `web`, expected it beside `mllib`. Start it in a checkout.")
    try:
        node = find_node()
    except NotReady as error:
        raise NotReady(
            f"Starting the chart failed, this machine: {error}. Install it and start again."
        ) from error
    check_ports([Service(name="web", command=[], port=port, port_variable="CANDLELOOP_WEB_PORT")])
    try:
        server = build(folder, node)
    except NotReady:
        _pause_if_supervised()
        raise
    own = {
        "HOSTNAME": "127.0.0.1",
        "PORT": str(port),
        "NODE_ENV": "production",
        "NEXT_TELEMETRY_DISABLED": "1",
    }
    os.environ.setdefault("INFERENCE_API_URL", f"http://127.0.0.1:{port_of('api')}")
    os.environ.update(own)
    os.execv(node.path, [node.path, str(server)])


def _pause_if_supervised() -> None:
    """Under `candleloop up` a build that failed is begun again at once; nobody mends it that fast."""
    import time

    from mllib.supervision.guard import MARK_VARIABLE

    if MARK_VARIABLE in os.environ:
        time.sleep(_PAUSE_AFTER_FAILED_BUILD_S)


def worker() -> None:
    """Carry out queued training runs, one at a time; with CANDLELOOP_QUEUE_URL beside other workers."""
    from mllib.jobs import run_worker
    from mllib.logs import log_as_json
    from mllib.pipeline.workspace import open_workspace

    log_as_json()
    with open_workspace() as ws:
        run_worker(ws)


def up() -> None:
    """Prepare everything and run API, console, chart, MLflow and the worker until Ctrl-C."""
    from mllib.pipeline.workspace import usable_home
    from mllib.supervision import run_supervised

    home = usable_home()
    os.environ["CANDLELOOP_HOME"] = str(home)
    raise typer.Exit(
        run_supervised(_services(home), home=home, prepare=_prepare, on_ready=lambda: _announce(home))
    )


def _services(home: Path) -> "list[Service]":
    from mllib.supervision import Service

    ports = {name: port_of(name) for name in PORTS}
    candleloop = [sys.executable, "-m", "mllib.cli"]
    started_at = _now()
    return [
        Service(
            name="api",
            command=[*candleloop, "api", "--port", str(ports["api"])],
            port=ports["api"],
            port_variable="CANDLELOOP_API_PORT",
            ready_url=f"http://127.0.0.1:{ports['api']}/health",
        ),
        Service(
            name="console",
            command=[*candleloop, "console", "--port", str(ports["console"])],
            port=ports["console"],
            port_variable="CANDLELOOP_CONSOLE_PORT",
            ready_url=f"http://127.0.0.1:{ports['console']}/_stcore/health",
        ),
        _mlflow_service(home, ports["mlflow"]),
        Service(
            name="worker",
            command=[*candleloop, "worker"],
            ready=lambda: _worker_beats_since(home, started_at),
        ),
        *_web_services(ports["web"]),
    ]


def _web_services(port: int) -> "list[Service]":
    """The chart, where this is a checkout and Node.js is there; nothing waits for it to be built."""
    from mllib.supervision import Service

    if _why_no_chart() is not None:
        return []
    command = [sys.executable, "-m", "mllib.cli", "web", "--port", str(port)]
    return [
        Service(name="web", command=command, port=port, port_variable="CANDLELOOP_WEB_PORT", awaited=False)
    ]


def _why_no_chart() -> str | None:
    from mllib.web_app import find_node, web_folder

    if web_folder() is None:
        return "found no folder `web`, which only a checkout has, so it is not started."
    try:
        find_node()
    except NotReady as error:
        return f"{error}, so it is not started. Install it and run `make up` again."
    return None


def _mlflow_service(home: Path, port: int) -> "Service":
    from mllib.supervision import Service
    from mllib.tracking import server_environment

    app = "mlflow.server.fastapi_app:app"
    return Service(
        name="mlflow",
        command=[sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)],
        port=port,
        port_variable="CANDLELOOP_MLFLOW_PORT",
        ready_url=f"http://127.0.0.1:{port}/health",
        environment=server_environment(home),
    )


def _prepare() -> None:
    """Database, samples, TA-Lib labels and a first champion: whatever of it is missing."""
    from mllib.cli.output import progress_bar, say
    from mllib.pipeline.first_steps import add_samples, first_champion
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        for name in add_samples(ws):
            say(f"Imported and labelled {name}.")
        with progress_bar("First champion") as progress:
            first_champion(ws, progress=progress)


def _announce(home: Path) -> None:
    from mllib.cli.output import say
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        trained = ws.store.champions.current(ws.config.served_model_name) is not None
    console_url = f"http://127.0.0.1:{port_of('console')}"
    say("")
    say(f"  Console  {console_url}")
    say(f"  {_chart()}")
    say(f"  API      http://127.0.0.1:{port_of('api')}/docs")
    say(f"  MLflow   http://127.0.0.1:{port_of('mlflow')}")
    say(f"  Data     {home}")
    say("")
    next_step = "review: judge what the model sees" if trained else "train: there is no model yet"
    say(f"Open {console_url}/{next_step}. Ctrl-C ends everything.")


def _chart() -> str:
    """The line that says where the chart is or will be, or why it is not."""
    from mllib.web_app import is_built, web_folder

    missing, folder = _why_no_chart(), web_folder()
    if missing is not None or folder is None:
        return f"Chart: {missing}"
    url = f"http://127.0.0.1:{port_of('web')}"
    return f"Chart    {url}" + ("" if is_built(folder) else " (being built, about a minute)")


def _worker_beats_since(home: Path, started_at: float) -> bool:
    """Whether a worker of this machine has beaten; the database may be that of several."""
    from socket import gethostname

    from mllib.deployment import Deployment
    from mllib.store import open_store

    with open_store(Deployment.from_environment().database or home, migrate=False) as store:
        beats = [beat for beat in store.workers.list() if beat.host == gethostname()]
    return any(beat.beat_at > started_at for beat in beats)


def _now() -> float:
    import time

    return time.time()


def _check_binding(host: str) -> None:
    from mllib.pipeline.access import check_binding
    from mllib.pipeline.workspace import open_workspace

    with open_workspace() as ws:
        check_binding(ws, host)


def _become(command: list[str]) -> None:
    """Replaces this process by a Python module's command line, so that signals reach it directly."""
    module, *arguments = command
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


commands = (up, api, console, web, worker)
