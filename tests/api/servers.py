"""`candleloop api` as real processes, over a home without a model."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import yaml

from tests.processes import free_port, wait_until

ROOT = Path(__file__).parents[2]


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

    def restart(self) -> None:
        """Ends the server and starts it anew on the same home and port, with a new log."""
        self.stop()
        with (self.home / "server.log").open("wb") as log:
            again = subprocess.Popen(
                self.process.args, cwd=ROOT, env=environment(self.home), stdout=log, stderr=log
            )
        self.process = again
        self.wait()

    def wait(self) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, (self.home / "server.log").read_text()
            return self.get("/health").status_code == 200

        wait_until(answers, within_s=60, what="the server answers")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "CANDLELOOP_HOME": str(home), "CANDLELOOP_CONFIG": str(home / "pipeline.yaml")}


@contextmanager
def server(
    home: Path, *, workers: int = 1, command: list[str] | None = None, **limits: Any
) -> Iterator[Server]:
    """A server over a home, by default that of `candleloop api`; it answers when this returns."""
    home.mkdir(exist_ok=True)
    (home / "pipeline.yaml").write_text(yaml.safe_dump({"stages": {"inference": {"api": limits}}}))
    port = free_port()
    ours = [sys.executable, "-m", "mllib.cli", "api", "--port", str(port), "--workers", str(workers)]
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)] if command else ours,
            cwd=ROOT,
            env=environment(home),
            stdout=log,
            stderr=log,
        )
    running = Server(home, port, process)
    try:
        running.wait()
        yield running
    finally:
        running.stop()
