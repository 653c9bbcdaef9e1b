"""`candleloop up`, from the lock on its home to the last process ended."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console

from mllib.errors import NotReady
from mllib.ports import check_ports
from mllib.supervision.claim import claimed
from mllib.supervision.configuration import mark_prefix, write_files
from mllib.supervision.guard import STOP_SIGNALS, end_marked
from mllib.supervision.readiness import StartUp
from mllib.supervision.service import Service
from mllib.supervision.supervisord import Supervisord
from mllib.supervision.watch import watch

FAILED_START_S = 10
LEFTOVER_GRACE_S = 10


def run_supervised(
    services: Sequence[Service],
    *,
    home: Path,
    prepare: Callable[[], None] = lambda: None,
    on_ready: Callable[[], None] = lambda: None,
    ready_timeout_s: float = 180.0,
    console: Console | None = None,
) -> int:
    """Returns the exit code after Ctrl-C, SIGTERM or SIGHUP (0), or after a failure that it has printed (1).

    In this order: the home is claimed, leftovers of a crash are ended, the ports are checked, `prepare` runs
    (a signal there ends the process at once), the services start, and `on_ready` runs when all are ready.
    On return every service has ended and its port is free. Call it from the main thread.

    Raises:
        Conflict: another `up` runs on this home, or a port is in use.
        NotReady: the platform is not Linux.
        InvalidConfig: two services want the same port, or a port cannot be opened.
    """
    _check_here()
    console = console or Console(soft_wrap=True, highlight=False, markup=False)
    with claimed(home):
        _end_leftovers(home, console)
        check_ports(services)
        prepare()
        try:
            _run(services, home, on_ready, ready_timeout_s, console)
        except NotReady as error:
            console.print(str(error))
            return 1
    return 0


def _check_here() -> None:
    if sys.platform != "linux":
        raise NotReady(
            f"Supervision failed, this machine: found {sys.platform}, expected Linux. "
            "Start `candleloop api`, `candleloop console` and `candleloop worker` by themselves."
        )
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("run_supervised takes the process's signals: call it from the main thread")


def _end_leftovers(home: Path, console: Console) -> None:
    pids = end_marked(mark_prefix(home), grace_s=LEFTOVER_GRACE_S)
    if pids:
        console.print(
            f"Ended what an earlier run left behind: processes {', '.join(map(str, sorted(pids)))}."
        )


def _run(
    services: Sequence[Service], home: Path, on_ready: Callable[[], None], timeout_s: float, console: Console
) -> None:
    with _stop_requests() as stopped:
        start_up = StartUp(services, home=home, timeout_s=timeout_s)
        files = write_files(services, home=home, startsecs=FAILED_START_S)
        supervisord = Supervisord(files, home=home)
        try:
            if start_up.wait(supervisord, console=console, stopped=stopped):
                on_ready()
                watch(supervisord, home=home, console=console, stopped=stopped)
        finally:
            console.print("Ending everything …")
            supervisord.stop()
    console.print("Everything has ended.")


@contextmanager
def _stop_requests() -> Iterator[Callable[[], bool]]:
    received: list[int] = []

    def note(signum: int, _frame: FrameType | None) -> None:
        received.append(signum)

    before = {signum: signal.signal(signum, note) for signum in STOP_SIGNALS}
    try:
        yield lambda: bool(received)
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
