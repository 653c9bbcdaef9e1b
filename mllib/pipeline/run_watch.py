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

from mllib.errors import CandleloopError, Conflict, NotReady
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.store import Fate, Run, taken_over

_BEAT_EVERY_S = 3.0
_REPORT_EVERY_S = 0.5
_ENDED = "Z"
"""The state of a process that has ended and whose parent has not looked yet."""
_NUMBER = re.compile(r"\d+")
"""Rounds and folds count up; the log says what is done and each tenth of the way."""

log = logging.getLogger(__name__)


def clear_abandoned(ws: Workspace) -> list[Run]:
    """Fails the runs whose process is gone or has fallen silent, or has them taken up again; those runs."""
    return ws.store.runs.fail_abandoned(_fate, again=is_taken_up_again(ws))


def is_taken_up_again(ws: Workspace) -> bool:
    """Whether a run that lost its worker is for another one: they share a queue. At home there is but one."""
    return ws.deployment.queue is not None


def owner() -> str:
    """This process as the ledger knows it: `host/start@processes:pid`.

    `start` is when it began, in ticks since the machine did: another process of the same id has another one.
    `processes` is the list of them that this one belongs to: containers of one host name have one each.
    """
    pid = os.getpid()
    return f"{socket.gethostname()}/{_start_of(pid)}@{_processes()}:{pid}"


def _fate(of: str) -> Fate:
    place, _, pid = of.rpartition(":")
    host, _, began = place.partition("/")
    start, _, processes = began.partition("@")
    if host != socket.gethostname() or not pid.isdigit() or (processes and processes != _processes()):
        return "unknown"
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        pass
    state, began = _state_of(int(pid))
    return "gone" if state == _ENDED or (start and start != began) else "alive"


def _start_of(pid: int) -> str:
    """When a process began (ticks since the machine's boot); empty where the system does not say."""
    return _state_of(pid)[1]


def _state_of(pid: int) -> tuple[str, str]:
    """What a process does, as a letter, and when it began; empty where the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", ""
    fields = stat.rpartition(")")[2].split()
    return fields[0], fields[19]


def _processes() -> str:
    """Which PID namespace this process is in; empty where the system has none."""
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return ""


def reporting(ws: Workspace, run: Run, progress: Progress | None) -> Progress:
    """Writes progress to the ledger, at most twice a second and at each step that begins.

    It stops a run that was cancelled, and one that another worker took up because this one was silent.
    """
    reported_at, logged = 0.0, ("", -1)

    def report(done: float, stage: str) -> None:
        nonlocal reported_at, logged
        step = _NUMBER.sub("", stage), int(done * 10)
        begins, logged = step != logged, step
        if begins:
            log.info("%3.0f %% %s", 100 * done, stage)
        if progress is not None:
            progress(done, stage)
        if not begins and time.monotonic() - reported_at < _REPORT_EVERY_S:
            return
        reported_at = time.monotonic()
        try:
            if not ws.store.runs.report(run.run_id, progress=done, stage=stage, owner=run.owner):
                raise _no_longer_ours(ws.store.runs.get(run.run_id), run)
        except NotReady as exc:  # the training need not stop for that; its end has to be written
            log.warning("progress not written: %s", exc)

    return report


def _no_longer_ours(now: Run, run: Run) -> Conflict:
    if now.status in ("queued", "running"):
        return taken_over(now, run.owner or "")
    return Conflict(f"run {run.run_id}: was {now.status} meanwhile. Start another run.")


@contextmanager
def beating(ws: Workspace, run: Run) -> Iterator[None]:
    """Keeps the run's heart beating while its process lives, whatever it is busy with."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT_EVERY_S):
            try:
                ws.store.runs.beat(run.run_id, owner=run.owner)
            except CandleloopError as exc:
                log.warning("run %s: heartbeat not written: %s", run.run_id, exc)

    thread = threading.Thread(target=beat, name=f"heart of {run.run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def interrupted(ws: Workspace, run: Run) -> None:
    """Cancels a run whose process was told to stop from the keyboard."""
    log.warning("interrupted from the keyboard")
    try:
        ws.store.runs.cancel(run.run_id, reason="Interrupted from the keyboard.", owner=run.owner)
    except CandleloopError as exc:
        log.warning("run %s: %s", run.run_id, exc)


def fail(ws: Workspace, run: Run, error: str) -> None:
    """Ends a run as failed; one that has ended already, or is another worker's now, stays as it is."""
    log.error("%s", error)
    try:
        ws.store.runs.fail(run.run_id, error, owner=run.owner)
    except CandleloopError as exc:
        log.warning("run %s: %s", run.run_id, exc)
