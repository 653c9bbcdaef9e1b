"""What keeps the ledger true while a run is under way: its progress, its heart, its end."""

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mllib.errors import CandleloopError, Conflict
from mllib.models import Progress
from mllib.pipeline.workspace import Workspace
from mllib.store import Run

SILENT_FOR_S = 20.0
"""A running run whose heart has not beaten for so long is taken for dead."""

_BEAT_EVERY_S = 3.0
_REPORT_EVERY_S = 0.5

log = logging.getLogger(__name__)


def clear_abandoned(ws: Workspace) -> list[Run]:
    """Fails the runs whose process is gone or has fallen silent; those runs."""
    return ws.store.runs.fail_abandoned(now=time.time(), silent_for_s=SILENT_FOR_S, is_alive=_is_alive)


def owner() -> str:
    """This process as the ledger knows it: `host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_alive(of: str) -> bool:
    host, _, pid = of.rpartition(":")
    if host != socket.gethostname():
        return True  # another machine's processes are judged by their heartbeat alone
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def reporting(ws: Workspace, run_id: str, progress: Progress | None) -> Progress:
    """Writes progress to the ledger, at most twice a second, and stops a run that was cancelled."""
    reported_at = 0.0

    def report(done: float, stage: str) -> None:
        nonlocal reported_at
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
    try:
        ws.store.runs.cancel(run_id, reason="Interrupted from the keyboard.")
    except CandleloopError as exc:
        log.warning("run %s: %s", run_id, exc)


def fail(ws: Workspace, run_id: str, error: str) -> None:
    """Ends a run as failed; one that has ended already stays as it is."""
    try:
        ws.store.runs.fail(run_id, error)
    except CandleloopError as exc:
        log.warning("run %s: %s", run_id, exc)
