"""The worker that trains, and what it does besides. There may be several, each on a machine of its own."""

import logging
import math
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mllib.errors import CandleloopError, Conflict
from mllib.jobs.queue import Task, queue_of, task_of
from mllib.pipeline.mirroring import is_mirrored, mirror_champion
from mllib.pipeline.retraining import retrain
from mllib.pipeline.run_watch import clear_abandoned, is_taken_up_again, owner
from mllib.pipeline.runs import execute_run
from mllib.pipeline.sweeping_ahead import sweep_ahead
from mllib.pipeline.workspace import Workspace

_HOUSEKEEPING_EVERY_S = 2.0
_FORGOTTEN_AFTER_S = 6.0
"""A run that is queued for so long while nothing is running has been lost by the queue."""

_MIRROR_AGAIN_AFTER_S = 60.0
_RETRAINING_LOOKED_AT_EVERY_S = 15.0
_AFTER_ALL_OTHERS = -1
_WAITS_FOR_DATABASE_S = 60.0
"""A training is not thrown away because its database is being started again."""

WORKER_SILENT_S = 10.0
"""A worker whose heart has not beaten for so long is taken for stopped."""

log = logging.getLogger(__name__)


def run_worker(ws: Workspace) -> None:
    """Trains queued runs one at a time until SIGTERM or SIGINT.

    Raises:
        InvalidConfig: the queue's address cannot be used.
        NotReady: the queue's client is not installed.
    """
    ws.store.wait_for_server(_WAITS_FOR_DATABASE_S)
    queue = queue_of(ws)
    train = task_of(queue, "train", lambda run_id: _train(ws, run_id))
    mirror = task_of(queue, "mirror", lambda: mirror_champion(ws))
    sweeps = _Sweeps(ws)
    sweep = task_of(queue, "sweep", sweeps.read, priority=_AFTER_ALL_OTHERS)
    stop = threading.Event()
    house = _Housekeeping(ws, train, mirror, partial(sweeps.ask, sweep))
    heart = threading.Thread(target=house.go_on_until, args=(stop,), name="worker heart", daemon=True)
    heart.start()
    try:
        queue.create_consumer(workers=1, initial_delay=0.1, max_delay=0.5, periodic=False).run()
    finally:
        stop.set()
        _give_up(ws)
        heart.join(_HOUSEKEEPING_EVERY_S)
        ws.store.workers.forget(_name())


def worker_is_alive(ws: Workspace, *, now: float) -> bool:
    """Whether any worker's heart has beaten lately; a beat after `now` is from before the clock was set."""
    return any(abs(now - beat.beat_at) < WORKER_SILENT_S for beat in ws.store.workers.list())


def _train(ws: Workspace, run_id: str) -> None:
    try:
        execute_run(ws, run_id)
    except Conflict as exc:
        log.info("run %s left alone: %s", run_id, exc)
    except CandleloopError as exc:
        log.error("run %s failed: %s", run_id, exc)


@dataclass
class _Housekeeping:
    """Beats the worker's heart, and takes care of what nobody else does."""

    ws: Workspace
    train: Task
    mirror: Task
    ask_for_sweeps: Callable[[], None]
    mirror_asked_at: float = -math.inf
    retraining_looked_at: float = -math.inf

    def go_on_until(self, stop: threading.Event) -> None:
        forgotten_after_s = 0.0
        while True:
            try:
                self._once(forgotten_after_s)
            except (CandleloopError, sqlite3.Error) as exc:
                log.warning("housekeeping put off: %s", exc)
            forgotten_after_s = _FORGOTTEN_AFTER_S
            if stop.wait(_HOUSEKEEPING_EVERY_S):
                return

    def _once(self, forgotten_after_s: float) -> None:
        self.ws.store.workers.beat(_name(), os.getpid(), socket.gethostname())
        for run in clear_abandoned(self.ws):
            log.error("run %s: %s", run.run_id, run.error or run.stage)
        for run in self.ws.store.runs.queued():
            waited_s = time.time() - run.created_at
            if (
                waited_s >= forgotten_after_s or waited_s < 0
            ):  # the clock was set back: once too often is harmless
                self.train(run.run_id)
        if time.monotonic() - self.mirror_asked_at > _MIRROR_AGAIN_AFTER_S and not is_mirrored(self.ws):
            self.mirror_asked_at = time.monotonic()
            self.mirror()
        if time.monotonic() - self.retraining_looked_at > _RETRAINING_LOOKED_AT_EVERY_S:
            self.retraining_looked_at = time.monotonic()
            self._retrain()
        self.ask_for_sweeps()

    def _retrain(self) -> None:
        run = retrain(self.ws, time.time())
        if run is not None:
            log.info("run %s: asked for by itself (%s): %s", run.run_id, run.asked_by, run.asked_why)
            self.train(run.run_id)


@dataclass
class _Sweeps:
    """Has series read after a promotion, once for each move of the champion; `read_for` is its number."""

    ws: Workspace
    read_for: int | None = None

    def ask(self, sweep: Task) -> None:
        """Sends the task where the champion is another one and no run is under way."""
        move = self.ws.store.champions.current(self.ws.config.served_model_name)
        if move is not None and move.id != self.read_for and self.ws.store.runs.active() is None:
            self.read_for = move.id
            sweep()

    def read(self) -> None:
        """Reads what the next review queue needs; a run that waits goes first."""
        try:
            if not sweep_ahead(self.ws, give_up=lambda: bool(self.ws.store.runs.queued())):
                self.read_for = None
        except (CandleloopError, OSError) as exc:
            log.warning("series are read when a queue is asked for: %s", exc)


def _name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _give_up(ws: Workspace) -> None:
    """Leaves the run that this worker has not finished to another, or fails it, when it is told to stop."""
    active = ws.store.runs.active()
    if active is not None and active.status == "running" and active.owner == owner():
        ws.store.runs.leave(active.run_id, owner=owner(), again=is_taken_up_again(ws))
