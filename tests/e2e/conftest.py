"""The whole house as real processes: `candleloop up` in a home of its own, on free ports."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from mllib.config import load_config
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.e2e.consoles import ROOT, TREES, console, import_sample, window
from tests.processes import free_port, wait_until
from tests.shared import made_once

SERVICES = ("API", "CONSOLE", "MLFLOW", "WEB")


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
        wait_until(self._announced, within_s=150, what="candleloop up is ready")

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


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A running house with the samples and a first champion."""
    house = House(tmp_path_factory.mktemp("house"))
    house.configure()
    house.start()
    yield house
    house.stop()


@pytest.fixture(scope="session")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default configuration with few trees, so that a training takes seconds."""
    values = yaml.safe_load((ROOT / "config" / "pipeline.yaml").read_text())
    values["pipeline"]["pair"] = "EURUSD"
    values["stages"]["training"] |= {"hyperparameters": {"n_estimators": TREES}, "validation_folds": 0}
    values["stages"]["annotation_ingestion"]["talib_patterns"] = ["CDLENGULFING"]
    file = tmp_path_factory.mktemp("config") / "pipeline.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory, config_file: Path) -> Path:
    """A home with a short real series, its annotations, a champion and a run that was not promoted.

    Nobody writes to it: each module works on a copy (`ws`).
    """

    def train(home: Path) -> None:
        with open_workspace(home, config=load_config(config_file)) as opened:
            import_sample(opened, tmp_path_factory.mktemp("files"))
            for overrides in ({}, {"stages.training.auto_promote": False, "stages.training.seed": 1}):
                config = resolve_config(opened.config, overrides=overrides)
                execute_run(opened, request_training(opened, pairs=["EURUSD"], config=config).run_id)

    return made_once(tmp_path_factory, "trained in the console", train)


@pytest.fixture(scope="module")
def ws(
    trained_home: Path, config_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workspace]:
    """A copy of the trained home of this module's own."""
    home = tmp_path_factory.mktemp("copied") / "home"
    shutil.copytree(trained_home, home)
    with open_workspace(home, config=load_config(config_file)) as opened:
        yield opened


@pytest.fixture(scope="module")
def environment(ws: Workspace, config_file: Path) -> dict[str, str]:
    return os.environ | {"CANDLELOOP_HOME": str(ws.home), "CANDLELOOP_CONFIG": str(config_file)}


@pytest.fixture(scope="module")
def address(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running console."""
    port = free_port()
    with console(port, environment, tmp_path_factory.mktemp("log") / "console.log"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def page(browser, address: str):
    with window(browser, address) as opened:
        yield opened
