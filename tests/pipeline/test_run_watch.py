"""Who is taken for dead: by process and start, not by the time of day."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mllib.config import Config
from mllib.pipeline.run_watch import clear_abandoned, owner
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.processes import wait_until


@pytest.fixture
def ws(tmp_path: Path):
    with open_workspace(tmp_path, config=Config()) as opened:
        yield opened


def running(ws: Workspace, of: str) -> str:
    run = ws.store.runs.enqueue(
        model_type="xgboost", encoder="bio", registered_model_name="candleloop", request={}
    )
    assert ws.store.runs.claim(run.run_id, owner=of) is not None
    return run.run_id


def test_a_run_of_a_living_process_goes_on_when_the_clock_is_set(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, real = running(ws, owner()), time.time
    for jump_s in (3_600, -3_600):
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: real() + jump_s)
        assert clear_abandoned(ws) == []
    assert ws.store.runs.get(run_id).status == "running"


def test_a_run_of_an_ended_process_is_failed_at_once(ws: Workspace) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    run_id = running(ws, f"{socket.gethostname()}/1:{ended.pid}")
    assert [run.run_id for run in clear_abandoned(ws)] == [run_id]


def test_a_process_that_has_ended_without_anybody_looking_is_gone(ws: Workspace) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert ended.stdout is not None
    with ended, ended.stdout:
        ended.stdout.read()  # it has ended once its output has
        run_id = running(ws, f"{socket.gethostname()}/:{ended.pid}")
        found = wait_until(lambda: clear_abandoned(ws), within_s=10, what="the run is found")
    assert [run.run_id for run in found] == [run_id]


def test_another_process_of_the_same_id_is_not_the_owner(ws: Workspace) -> None:
    run_id = running(ws, f"{socket.gethostname()}/1:{os.getpid()}")
    (failed,) = clear_abandoned(ws)
    assert (failed.run_id, f"pid {os.getpid()}" in (failed.error or "")) == (run_id, True)


def test_an_owner_on_another_machine_is_judged_by_its_heart(ws: Workspace) -> None:
    running(ws, "elsewhere/1:1")
    assert clear_abandoned(ws) == []
