"""The worker as a real process: it takes up what was queued, and says so when it is told to stop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mllib.jobs import enqueue_run, queue_of, worker_is_alive
from mllib.pipeline.data import import_candles
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import Annotation, JudgedPrediction
from mllib.store import Feedback

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
    wait_for(lambda: ws.store.runs.get(run_id).status == wanted, timeout_s)
    return ws.store.runs.get(run_id).status


def wait_for(is_so: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_so()


def start_worker(ws: Workspace, **environment: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "CANDLELOOP_HOME": str(ws.home), **environment}
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
    assert queue_of(ws).pending_count() == 2
    worker = start_worker(ws)
    try:
        assert status_within(ws, run.run_id, "ready", 60) == "ready"
    finally:
        worker.terminate()
        worker.wait(15)
    assert ws.store.runs.get(run.run_id).attempt == 1
    assert ws.store.champions.current("candleloop").run_id == run.run_id


def test_the_worker_trains_again_by_itself_after_so_many_verdicts(ws, tmp_path):
    first = queued_run(ws, {"n_estimators": 2})
    execute_run(ws, first.run_id)
    start = int(ws.candles.read("EURUSD", "1h").time[10])
    judged = JudgedPrediction(
        label="bullish_engulfing",
        confidence=0.8,
        model_version="1",
        start_time=start,
        end_time=start + 3_600,
    )
    ws.store.verdicts.record(
        Feedback(client_id="one", pair="EURUSD", timeframe="1h", action="confirm", prediction=judged)
    )
    values = ws.config.model_dump(mode="json")
    values["stages"]["training"]["retrain"] = {"after_verdicts": 1}
    (tmp_path / "pipeline.yaml").write_text(json.dumps(values))
    worker = start_worker(ws, CANDLELOOP_CONFIG=str(tmp_path / "pipeline.yaml"))
    try:
        assert wait_for(lambda: len(ws.store.runs.list()) == 2, 30)
        again = ws.store.runs.list()[0]
        assert (again.asked_by, again.request["pairs"]) == ("verdicts", ["EURUSD"])
        assert status_within(ws, again.run_id, "ready", 60) == "ready"
    finally:
        worker.terminate()
        worker.wait(15)
    assert len(ws.store.runs.list()) == 2


def test_after_a_promotion_the_worker_reads_what_people_work_on_before_anybody_asks(ws):
    run = queued_run(ws, {"n_estimators": 2})
    time_ = ws.candles.read("EURUSD", "1h").time.tolist()
    ws.store.annotations.add("EURUSD", "1h", [Annotation("flag", time_[10], time_[20], id="a")])
    execute_run(ws, run.run_id)
    worker = start_worker(ws)
    try:
        assert wait_for(lambda: [*ws.sweeps.glob(f"{run.run_id}/EURUSD_1h.npz")] != [], 30)
    finally:
        worker.terminate()
        worker.wait(15)
