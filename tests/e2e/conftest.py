"""The whole house as real processes: `candleloop up` in a home of its own, on free ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICES = ("API", "CONSOLE", "MLFLOW")


def wait_until(condition: Callable[[], Any], *, timeout_s: float, what: str) -> Any:
    """The first truthy answer of `condition`; connection errors count as not yet."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            if answer := condition():
                return answer
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {timeout_s:.0f} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class House:
    """One `candleloop up` and how to reach it."""

    home: Path
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in SERVICES})
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        ports = {f"CANDLELOOP_{name}_PORT": str(port) for name, port in self.ports.items()}
        return {
            **os.environ,
            **ports,
            "CANDLELOOP_HOME": str(self.home),
            "CANDLELOOP_CONFIG": str(self.home / "pipeline.yaml"),
        }

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.ports['API']}"

    def configure(self) -> None:
        """The default configuration, on the smallest sample and with few trees."""
        config = yaml.safe_load((ROOT / "config" / "pipeline.yaml").read_text())
        config["pipeline"]["pair"] = "EURUSD"
        config["stages"]["training"] |= {"hyperparameters": {"n_estimators": 12}, "validation_folds": 0}
        (self.home / "pipeline.yaml").write_text(yaml.safe_dump(config))

    def start(self) -> None:
        command = [sys.executable, "-m", "mllib.cli", "up"]
        with (self.home / "up.log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        wait_until(self._announced, timeout_s=150, what="candleloop up is ready")

    def _announced(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home / "up.log").read_text()
        return "Ctrl-C ends everything" in (self.home / "up.log").read_text()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)

    def run(self, *arguments: str) -> str:
        """Standard output of a `candleloop` command in this house."""
        command = [sys.executable, "-m", "mllib.cli", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running house with the samples and a first champion."""
    house = House(tmp_path_factory.mktemp("house"))
    house.configure()
    house.start()
    yield house
    house.stop()
