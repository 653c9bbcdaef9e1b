"""What keeps the ledger true while a run is under way: its progress, its heart, its end."""

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mllib.errors import CandleloopError, Conflict
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.store import Fate, Run

_BEAT_EVERY_S = 3.0
_REPORT_EVERY_S = 0.5
_NUMBER = re.compile(r"\d+")
"""Rounds and folds count up; the log says what is done and each tenth of the way."""

log = logging.getLogger(__name__)


def clear_abandoned(ws: Workspace) -> list[Run]:
    """Fails the runs whose process is gone or has fallen silent; those runs."""
    return ws.store.runs.fail_abandoned(_fate)


def owner() -> str:
    """This process as the ledger knows it: `host/start:pid`.

    `start` is when it began, in ticks since the machine did: another process of the same id has another one.
    """
    pid = os.getpid()
    return f"{socket.gethostname()}/{_start_of(pid)}:{pid}"


def _fate(of: str) -> Fate:
    place, _, pid = of.rpartition(":")
    host, _, start = place.partition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return "unknown"
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass
    return "gone" if start and start != _start_of(int(pid)) else "alive"


def _start_of(pid: int) -> str:
    """When a process began (ticks since the machine's boot); empty where the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def reporting(ws: Workspace, run_id: str, progress: Progress | None) -> Progress:
    """Writes progress to the ledger, at most twice a second, and stops a run that was cancelled."""
    reported_at, logged = 0.0, ("", -1)

    def report(done: float, stage: str) -> None:
        nonlocal reported_at, logged
        step = _NUMBER.sub("", stage), int(done * 10)
        if step != logged:
            logged = step
            log.info("%3.0f %% %s", 100 * done, stage)
        if progress is not None:
            progress(done, stage)
        if time.monotonic() - reported_at < _REPORT_EVERY_S:
            return
        reported_at = time.monotonic()
        if not ws.store.runs.report(run_id, progress=done, stage=stage):
            raise Conflict(
                f"run {run_id}: was {ws.store.runs.get(run_id).status} meanwhile. Start another run."
            )

    return report


@contextmanager
def beating(ws: Workspace, run_id: str) -> Iterator[None]:
    """Keeps the run's heart beating while its process lives, whatever it is busy with."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT_EVERY_S):
            try:
                ws.store.runs.beat(run_id)
            except CandleloopError as exc:
                log.warning("run %s: heartbeat not written: %s", run_id, exc)

    thread = threading.Thread(target=beat, name=f"heart of {run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def interrupted(ws: Workspace, run_id: str) -> None:
    """Cancels a run whose process was told to stop from the keyboard."""
    log.warning("interrupted from the keyboard")
    try:
        ws.store.runs.cancel(run_id, reason="Interrupted from the keyboard.")
    except CandleloopError as exc:
        log.warning("run %s: %s", run_id, exc)


def fail(ws: Workspace, run_id: str, error: str) -> None:
    """Ends a run as failed; one that has ended already stays as it is."""
    log.error("%s", error)
    try:
        ws.store.runs.fail(run_id, error)
    except CandleloopError as exc:
        log.warning("run %s: %s", run_id, exc)
