"""A real console: its server process, the browser that looks at it, and a short home to look at."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from mllib.pipeline.data import import_candles
from mllib.pipeline.importing import import_annotations
from mllib.pipeline.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
BARS = 1_800
TREES = 8
A_WHILE_MS = 30_000
WORKER = (
    "from mllib.jobs import run_worker; from mllib.pipeline.workspace import open_workspace; "
    "run_worker(open_workspace())"
)


def import_sample(ws: Workspace, files: Path) -> None:
    """Imports the first `BARS` candles of EURUSD with their annotations."""
    candles = pd.read_parquet(SAMPLES / "EURUSD_1h.parquet").head(BARS)
    candles.to_parquet(files / "candles.parquet")
    exported = json.loads((SAMPLES / "EURUSD_1h.annotations.json").read_text())
    last = int(candles["time"].iloc[-1])
    exported["annotations"] = [a for a in exported["annotations"] if a["end_time"] <= last]
    (files / "annotations.json").write_text(json.dumps(exported))
    import_candles(ws, files / "candles.parquet", pair="EURUSD", timeframe="1h")
    import_annotations(ws, files / "annotations.json", pair="EURUSD", timeframe="1h")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait(is_so: Callable[[], Any], what: str, page: Any = None, *, timeout_s: float = 30.0) -> None:
    """Waits for something to be so; a page in hand gets the time that it needs to change."""
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, f"waited {timeout_s:.0f} s for {what}"
        page.wait_for_timeout(100) if page else time.sleep(0.1)


def settle(page: Any) -> None:
    """Waits until no script of the page runs."""
    page.wait_for_timeout(300)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def button(page: Any, name: str) -> Any:
    """The button whose name begins so; `name` is a pattern."""
    return page.get_by_role("button", name=re.compile(f"^{name}"))


class Process:
    """A child that is ended with its block; its output goes to a file that a failure can show."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        self._environment, self._log = environment, log

    def __enter__(self) -> None:
        with self._log.open("wb") as out:
            self._child = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
            )

    def __exit__(self, *_) -> None:
        self._child.terminate()
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
