"""Several workers as real processes on one queue: a run is carried out once, whatever becomes of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from mllib.deployment import QUEUE, Deployment
from mllib.errors import NotReady
from mllib.jobs import enqueue_run, worker_is_alive
from mllib.pipeline.data import import_candles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.run_log import read_log
from mllib.pipeline.run_watch import clear_abandoned
from mllib.pipeline.runs import STAGES, request_training, resolve_config
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.store import Run
from tests.processes import free_port, wait_until
from tests.redis_server import PASSWORD, RedisServer, redis_server

pytestmark = pytest.mark.needs("redis")
SAMPLE = Path(__file__).parents[1] / "data" / "samples" / "EURUSD_1h.parquet"
SHORT, ENDLESS = {"n_estimators": 2}, {"n_estimators": 5_000, "early_stopping_rounds": 5_000}
LEARNS = STAGES[2][0]
"""What a run has done, as a share, when it begins to learn."""
LEASE_S = 6.0
WORKER = (
    "import socket, sys; socket.gethostname = lambda: sys.argv[1]; "
    f"from mllib.store.runs import SILENT_FOR_S; SILENT_FOR_S['unknown'] = {LEASE_S}; "
    "from mllib.cli.services import worker; worker()"
)
"""`candleloop worker` of a machine of that name, which waits less long for a silent one of another."""


@dataclass
class Worker:
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_file.read_text()


@pytest.fixture(scope="module")
def redis(redis_path: str) -> Iterator[RedisServer]:
    with redis_server(redis_path) as server:
        yield server


@pytest.fixture
def ws(tmp_path: Path, redis: RedisServer) -> Iterator[Workspace]:
    redis.client.flushall()
    with open_workspace(tmp_path / "home", deployment=Deployment(queue=redis.url)) as opened:
        pd.read_parquet(SAMPLE).head(1_500).to_parquet(tmp_path / "candles.parquet")
        import_candles(opened, tmp_path / "candles.parquet", pair="EURUSD", timeframe="1h")
        yield opened


@contextmanager
def worker(ws: Workspace, host: str) -> Iterator[Worker]:
    log_file = ws.home / f"{host}.log"
    environment = {**os.environ, "CANDLELOOP_HOME": str(ws.home), QUEUE: str(ws.deployment.queue)}
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, host], env=environment, stdout=log, stderr=log
        )
    try:
        yield Worker(process, log_file)
    finally:
        process.kill()
        process.wait()


def asked(ws: Workspace, hyperparameters: dict[str, int]) -> str:
    overrides = {"stages.training.hyperparameters": hyperparameters, "stages.training.validation_folds": 0}
    config = resolve_config(ws.config, layers=["talib"], overrides=overrides)
    run = request_training(ws, pairs=["EURUSD"], timeframe="1h", config=config)
    enqueue_run(ws, run)
    return run.run_id


def under_way(ws: Workspace, run_id: str, *, on: str = "", attempt: int = 1) -> Run:
    def found() -> Run | None:
        run = ws.store.runs.get(run_id)
        begun = run.status == "running" and run.attempt == attempt and run.progress > LEARNS
        return run if begun and str(run.owner).startswith(on) else None

    found_run: Run = wait_until(found, within_s=60, what=f"try {attempt} is under way on {on or 'a worker'}")
    return found_run


def ended(ws: Workspace, run_id: str) -> Run:
    def found() -> Run | None:
        run = ws.store.runs.get(run_id)
        return None if run.status in ("queued", "running") else run

    run: Run = wait_until(found, within_s=90, what="the run has ended")
    return run


def stop_in_mid_run(ws: Workspace, worker: Worker) -> None:
    """SIGSTOP at a moment at which it does not hold SQLite's write lock, as on no other machine it could."""
    while True:
        os.kill(worker.pid, signal.SIGSTOP)
        with suppress(NotReady):
            ws.store.workers.forget("nobody")
            return
        os.kill(worker.pid, signal.SIGCONT)


def assert_trained_once(ws: Workspace, run: Run, *, attempt: int) -> None:
    assert (run.status, run.attempt, run.error) == ("ready", attempt, None)
    assert [one.run_id for one in ws.store.runs.list()] == [run.run_id]
    assert [move.run_id for move in ws.store.champions.history("candleloop")] == [run.run_id]
    assert load_run(ws, run).metrics == run.metrics


def test_the_run_of_a_killed_worker_is_taken_up_by_the_other_and_trained_once(ws: Workspace) -> None:
    with worker(ws, "one") as one, worker(ws, "two") as two:
        wait_until(lambda: len(ws.store.workers.list()) == 2, within_s=60, what="two workers")
        run_id = asked(ws, SHORT)
        first = under_way(ws, run_id)
        lost, left = (one, two) if str(first.owner).startswith("one/") else (two, one)
        lost.process.kill()
        run = ended(ws, run_id)
        assert str(run.owner).endswith(f":{left.pid}")
        assert f"(pid {lost.pid} on " in str(run.taken_up)
        assert f"taken up again by {run.owner}: {run.taken_up}" in read_log(ws, run_id)
        assert worker_is_alive(ws, now=time.time())
    assert_trained_once(ws, run, attempt=2)


def test_a_worker_that_was_only_paused_leaves_its_run_to_the_one_that_took_it_up(ws: Workspace) -> None:
    with worker(ws, "one") as one:
        run_id = asked(ws, SHORT)
        under_way(ws, run_id, on="one/")
        stop_in_mid_run(ws, one)
        with worker(ws, "two"):
            under_way(ws, run_id, on="two/", attempt=2)
            os.kill(one.pid, signal.SIGCONT)
            said = f"run {run_id} left alone: Training run {run_id}: found it taken from one/"
            wait_until(lambda: said in one.log, within_s=30, what="the paused worker gives the run up")
            run = ended(ws, run_id)
        assert "it gave no sign of life" in str(run.taken_up)
        assert one.process.poll() is None
    assert_trained_once(ws, run, attempt=2)


def test_a_worker_that_is_told_to_stop_leaves_its_run_and_a_second_loss_fails_it(ws: Workspace) -> None:
    run_id = asked(ws, ENDLESS)
    with worker(ws, "one") as one:
        under_way(ws, run_id)
        one.process.terminate()
        one.process.wait(20)
    assert (ws.store.runs.get(run_id).status, ws.store.workers.list()) == ("queued", [])
    with worker(ws, "one") as again:
        under_way(ws, run_id, attempt=2)
        again.process.kill()
        again.process.wait()
        with worker(ws, "one"):
            failed = ended(ws, run_id)
    assert failed.status == "failed"
    assert "That was the second try; of the first: The worker was stopped" in str(failed.error)
    assert clear_abandoned(ws) == []


def test_a_worker_without_its_redis_trains_what_the_ledger_has_and_takes_it_up_when_it_is_back(
    ws: Workspace, redis_path: str
) -> None:
    away = RedisServer(redis_path, free_port())
    alone = Workspace(ws.home, ws.config, ws.store, ws.candles, Deployment(queue=away.url))
    try:
        with worker(alone, "one") as one:
            under_way(ws, asked(alone, ENDLESS))
            away.start()
            ws.store.runs.cancel(ws.store.runs.list()[0].run_id)
            wait_until(lambda: "answers again" in one.log, within_s=30, what="it says so")
            log = one.log
    finally:
        away.kill()
    assert f"queue redis://127.0.0.1:{away.port}/0: " in log
    assert PASSWORD not in log
    assert "Traceback" not in log
