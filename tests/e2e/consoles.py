"""A real console: its server process, the browser that looks at it, and a short home to look at."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from mllib.pipeline.data import import_candles
from mllib.pipeline.importing import import_annotations
from mllib.pipeline.workspace import Workspace
from tests.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
BARS = 1_800
TREES = 8
A_WHILE_MS = 60_000
_HEADER_PX, _ROW_PX = 34, 33
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


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait(is_so: Callable[[], Any], what: str, page: Any = None, *, timeout_s: float = 60) -> None:
    """Waits for something to be so; a page in hand gets the time that it needs to change."""
    pause = time.sleep if page is None else lambda seconds: page.wait_for_timeout(1_000 * seconds)
    wait_until(is_so, within_s=timeout_s, what=what, pause=pause)


_TURN_OF_THE_SERVER = """async () => {
    const asked = performance.now()
    await fetch('/_stcore/health')
    await new Promise(done => setTimeout(done, 300 + 5 * (performance.now() - asked)))
}"""


def settle(page: Any) -> None:
    """Waits until no script of the page runs; one just asked for has begun, however loaded the server is."""
    page.evaluate(_TURN_OF_THE_SERVER)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def button(page: Any, name: str) -> Any:
    """The button whose name begins so; `name` is a pattern."""
    return page.get_by_role("button", name=re.compile(f"^{name}"))


def shown(page: Any, words: str | re.Pattern[str]) -> Any:
    """The first place where a person reads the words; a table repeats its own in cells that are hidden."""
    return page.get_by_text(words).locator("visible=true").first


def tick(page: Any, row: int | str, *, x: int = 17) -> None:
    """Clicks a row of the page's first table, and the page has followed.

    The row is its number from 0, or what one of its cells says.
    """
    table = page.get_by_test_id("stDataFrame").first
    one = f'[aria-rowindex="{row + 2}"]' if isinstance(row, int) else f':has(td:text-is("{row}"))'
    drawn = table.locator(f"tbody tr{one}")
    drawn.wait_for(state="attached")
    settle(page)
    at = int(drawn.get_attribute("aria-rowindex")) - 2
    table.click(position={"x": x, "y": _HEADER_PX + _ROW_PX * at + _ROW_PX // 2})
    settle(page)


def name_oneself(page: Any, name: str) -> None:
    page.get_by_placeholder("Your name").fill(name)
    page.keyboard.press("Enter")


def open_tab(page: Any, part: str) -> None:
    page.get_by_role("tab", name=part).click()


def downloaded(page: Any, name: str, folder: Path) -> Path:
    """The file that the button of that name gives; one that is drawn anew meanwhile would lose the click."""
    settle(page)
    with page.expect_download() as started:
        button(page, name).click()
    file = folder / started.value.suggested_filename
    started.value.save_as(file)
    return file


@contextmanager
def window(browser: Any, address: str) -> Iterator[Any]:
    """A fresh session, 1280 px wide."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, base_url=address, reduced_motion="reduce"
    )
    context.set_default_timeout(A_WHILE_MS)
    try:
        yield context.new_page()
    finally:
        context.close()


class Process:
    """A child that is ended with its block; its output goes to a file that a failure can show."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        self._environment, self._log = environment, log

    def __enter__(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as out:
            self._child = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
            )
        return self._child

    def __exit__(self, *_) -> None:
        self._child.terminate()
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


@contextmanager
def console(
    port: int,
    environment: dict[str, str],
    log: Path,
    *,
    script: str = "app/main.py",
    host: str = "127.0.0.1",
) -> Iterator[subprocess.Popen[bytes]]:
    """A Streamlit server that answers, ended with its block."""
    command = ["streamlit", "run", script, "--server.port", str(port), "--server.address", host]
    with Process(command, environment, log) as server:

        def is_up() -> bool:
            assert server.poll() is None, log.read_text()
            return answers(port)

        wait(is_up, "the console's port", timeout_s=120)
        yield server
