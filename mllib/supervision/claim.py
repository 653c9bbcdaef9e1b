"""One `candleloop up` a home."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mllib.errors import Conflict


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Holds the home's lock file; the kernel lets go of it when this process ends, however it ends.

    Raises:
        Conflict: another process holds it; `active_id` is its pid.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, home)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, home: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = os.pread(descriptor, 32, 0).decode().strip()
        raise Conflict(
            f"Starting candleloop failed, {home}: found it already running as process {pid or 'unknown'}, "
            "expected nothing running on this home. Stop that one with Ctrl-C, or set CANDLELOOP_HOME and "
            "the ports to run a second one.",
            active_id=pid or None,
        ) from error
