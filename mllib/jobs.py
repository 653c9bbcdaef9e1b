"""The job queue and the worker that trains. The ledger is the truth; the queue only wakes the worker."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from huey import SqliteHuey

from mllib.errors import CandleloopError, Conflict
from mllib.pipeline.runs import clear_abandoned, execute_run, owner
from mllib.pipeline.workspace import Workspace
from mllib.store import Run

_TASK = "train"
_BEAT_EVERY_S = 2.0
WORKER_SILENT_S = 10.0
"""A worker whose heart has not beaten for so long is taken for stopped."""

log = logging.getLogger(__name__)


def queue_of(home: Path) -> SqliteHuey:
    """The queue of a home folder."""
    return SqliteHuey("candleloop", filename=str(home / "jobs.db"), fsync=True)


def enqueue_run(ws: Workspace, run: Run) -> None:
    """Hands a queued run to the worker."""
    _train_task(queue_of(ws.home), None)(run.run_id)


def run_worker(ws: Workspace) -> None:
    """Trains queued runs one at a time until SIGTERM or SIGINT."""
    queue = queue_of(ws.home)
    task = _train_task(queue, ws)
    stop = threading.Event()

    def take_up() -> None:
        for run in clear_abandoned(ws):
            log.error("run %s: %s", run.run_id, run.error)
        for run in ws.store.runs.queued():
            task(run.run_id)

    queue.on_startup()(take_up)
    heart = threading.Thread(target=_beat, args=(ws, stop), name="worker heart", daemon=True)
    heart.start()
    try:
        queue.create_consumer(workers=1, initial_delay=0.1, max_delay=0.5, periodic=False).run()
    finally:
        stop.set()
        _give_up(ws)


def worker_is_alive(ws: Workspace, *, now: float) -> bool:
    """Whether any worker's heart has beaten lately."""
    return any(now - beat.beat_at < WORKER_SILENT_S for beat in ws.store.workers.list())


def _train_task(queue: SqliteHuey, ws: Workspace | None) -> Callable[[str], object]:
    def train(run_id: str) -> None:
        if ws is None:
            raise RuntimeError("only a worker carries out runs")
        try:
            execute_run(ws, run_id)
        except Conflict as exc:
            log.info("run %s left alone: %s", run_id, exc)
        except CandleloopError as exc:
            log.error("run %s failed: %s", run_id, exc)

    task: Callable[[str], object] = queue.task(name=_TASK)(train)
    return task


def _beat(ws: Workspace, stop: threading.Event) -> None:
    while True:
        try:
            ws.store.workers.beat("worker", os.getpid(), socket.gethostname())
            clear_abandoned(ws)
        except CandleloopError as exc:
            log.warning("worker heartbeat not written: %s", exc)
        if stop.wait(_BEAT_EVERY_S):
            return


def _give_up(ws: Workspace) -> None:
    """Fails the run that this worker leaves unfinished when it is told to stop."""
    active = ws.store.runs.active()
    if active is not None and active.status == "running" and active.owner == owner():
        ws.store.runs.fail(active.run_id, "The worker was stopped while training. Start the run again.")
