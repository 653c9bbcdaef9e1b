"""The worker as a real process: it takes up what was queued, and says so when it is told to stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mllib.jobs import enqueue_run, queue_of, worker_is_alive
from mllib.pipeline.data import import_candles
from mllib.pipeline.runs import request_training, resolve_config
from mllib.pipeline.workspace import Workspace, open_workspace

SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "EURUSD_1h.parquet"
ENDLESS = {"n_estimators": 5_000, "early_stopping_rounds": 5_000}


@pytest.fixture
def ws(tmp_path):
    with open_workspace(tmp_path) as opened:
        import_candles(opened, SAMPLE, pair="EURUSD", timeframe="1h")
        yield opened


def queued_run(ws: Workspace, hyperparameters: dict[str, int]):
    overrides = {"stages.training.hyperparameters": hyperparameters, "stages.training.validation_folds": 0}
    config = resolve_config(ws.config, layers=["talib"], overrides=overrides)
    return request_training(ws, pairs=["EURUSD"], timeframe="1h", config=config)


def status_within(ws: Workspace, run_id: str, wanted: str, timeout_s: float) -> str:
    deadline = time.monotonic() + timeout_s
    while ws.store.runs.get(run_id).status != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return ws.store.runs.get(run_id).status


def start_worker(ws: Workspace) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "CANDLELOOP_HOME": str(ws.home)}
    return subprocess.Popen([sys.executable, "-m", "mllib.cli", "worker"], env=environment)


def test_a_worker_takes_up_a_run_that_the_queue_has_lost_and_fails_it_when_it_is_stopped(ws):
    run = queued_run(ws, ENDLESS)
    assert not worker_is_alive(ws, now=time.time())
    worker = start_worker(ws)
    try:
        assert status_within(ws, run.run_id, "running", 30) == "running"
        assert worker_is_alive(ws, now=time.time())
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(15)
    stopped = ws.store.runs.get(run.run_id)
    assert stopped.status == "failed"
    assert "stopped while training" in str(stopped.error)


def test_a_run_handed_over_twice_is_trained_once(ws):
    run = queued_run(ws, {"n_estimators": 2})
    enqueue_run(ws, run)
    enqueue_run(ws, run)
    assert queue_of(ws.home).pending_count() == 2
    worker = start_worker(ws)
    try:
        assert status_within(ws, run.run_id, "ready", 60) == "ready"
    finally:
        worker.terminate()
        worker.wait(15)
    assert ws.store.runs.get(run.run_id).attempt == 1
    assert ws.store.champions.current("candleloop").run_id == run.run_id
