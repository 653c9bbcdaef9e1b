"""`candleloop mlflow prepare healthy`: what a deployment of several containers needs besides the services."""

import os
import sys
from typing import Annotated, Literal

import typer

from mllib.ports import PORTS


def mlflow(
    port: Annotated[int, typer.Option("--port", envvar="CANDLELOOP_MLFLOW_PORT", min=1, max=65_535)] = PORTS[
        "mlflow"
    ],
    host: Annotated[
        str, typer.Option("--host", help="Address to bind to; other machines are let in with a password.")
    ] = "127.0.0.1",
    allowed_hosts: Annotated[
        str,
        typer.Option(
            "--allowed-hosts",
            envvar="MLFLOW_SERVER_ALLOWED_HOSTS",
            help="Names, by comma, under which it answers besides localhost, with their port: mlflow:5000.",
        ),
    ] = "",
) -> None:
    """Serve MLflow; off this machine only with MLFLOW_AUTH_ADMIN_PASSWORD."""
    from mllib.mlflow_server import mlflow_server
    from mllib.pipeline.access import is_loopback
    from mllib.pipeline.workspace import usable_home

    server = mlflow_server(
        usable_home(), beyond_this_machine=not is_loopback(host), allowed_hosts=allowed_hosts
    )
    os.environ.update(server.environment)
    address = ["--host", host, "--port", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "uvicorn", *address, *server.app])


def prepare(
    token: Annotated[
        str | None,
        typer.Option("--token", envvar="INFERENCE_API_KEY", help="The chart's API key, made elsewhere."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Whose key it is.")] = "chart",
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", help="What the key is for; may be given again.")
    ] = None,
) -> None:
    """Make a deployment's bucket and tables where they are missing, and let the chart's key in."""
    from mllib.cli.output import say
    from mllib.pipeline.preparing import prepare_servers

    key = prepare_servers(token or None, name=name, scopes=scopes or ["read"])
    say("Ready." if key is None else f"Ready. Key {key.id} for {key.name}: {', '.join(key.scopes)}.")


def healthy(
    service: Annotated[Literal["api", "console", "mlflow", "worker"], typer.Argument()],
) -> None:
    """Exit with 0 where that service of this machine answers, else with 1; for health checks."""
    from mllib.supervision.health import check_service

    check_service(service)


commands = (mlflow, prepare, healthy)
