"""`candleloop api` as real processes, over a home without a model."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import yaml

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], *, within_s: float, what: str) -> Any:
    """The first truthy answer of `condition`; connection errors count as not yet."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if answer := condition():
                return answer
        except (httpx.HTTPError, OSError):
            pass
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {within_s:g} s")


@dataclass
class Server:
    """One running server and how to reach it."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        """An answer over a connection of its own."""
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=10)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def log(self) -> list[dict[str, Any]]:
        """The lines of the log so far; each has to be JSON."""
        text = (self.home / "server.log").read_text()
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def workers(self) -> list[int]:
        """The processes that have started to serve, the dead ones included, oldest first."""
        return [line["pid"] for line in self.log() if line["message"] == "Application startup complete."]


@contextmanager
def server(
    home: Path, *, workers: int = 1, command: list[str] | None = None, **limits: Any
) -> Iterator[Server]:
    """A server over a home, by default that of `candleloop api`; it answers when this returns."""
    home.mkdir(exist_ok=True)
    (home / "pipeline.yaml").write_text(yaml.safe_dump({"stages": {"inference": {"api": limits}}}))
    port = free_port()
    ours = [sys.executable, "-m", "mllib.cli", "api", "--port", str(port), "--workers", str(workers)]
    environment = {
        **os.environ,
        "CANDLELOOP_HOME": str(home),
        "CANDLELOOP_CONFIG": str(home / "pipeline.yaml"),
    }
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)] if command else ours,
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    running = Server(home, port, process)
    try:
        wait_until(lambda: running.get("/health").status_code == 200, within_s=60, what="the server answers")
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
