"""The folder in which the workers of a server keep their counts, so that any of them can tell all of them.

The Prometheus client maps files of each worker into memory there, once `PROMETHEUS_MULTIPROC_DIR` is in the
environment. It looks for that when imported, so nothing here imports it at the top. What is added to it here:
who lives is told by locks, which the kernel lets go of however a process ends; disk space is taken before a
file is mapped, as a full disk would kill whoever writes to the mapping; and the files of workers that have
ended are added up, so that no number of restarts fills the disk.
"""

import fcntl
import logging
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
GAUGES = ("gauge_livesum", "gauge_livemin", "gauge_livemax")
SUMS = ("counter", "histogram")

_RESERVED_BYTES = 256 * 1024
"""What all series of a kind take, and more."""
_ENDED = 0
"""In the place of a process id: all workers that have ended."""

_held: list[int] = []
"""Descriptors whose locks say that this process lives."""

log = logging.getLogger(__name__)


def share() -> None:
    """Lets the processes started after this one count in one new folder below `CANDLELOOP_HOME`.

    The folders of servers that have ended are removed. Where the disk refuses, each worker tells of itself.
    """
    # As `mllib.pipeline.workspace.home_folder`, whose import would hold up the workers by a second.
    home = Path(os.environ.get("CANDLELOOP_HOME") or "var").resolve()
    try:
        os.environ[VARIABLE] = str(_new_folder(home / "metrics"))
    except OSError as exc:
        os.environ.pop(VARIABLE, None)
        log.warning("metrics: %s (%s): each worker tells of itself alone", exc.strerror, home)


def join() -> None:
    """Takes this worker's place in the shared folder, if there is one; else it tells of itself alone."""
    if VARIABLE not in os.environ:
        return
    folder = Path(os.environ[VARIABLE])
    try:
        with alone_in(folder):
            _take_place(folder)
    except OSError as exc:
        del os.environ[VARIABLE]
        log.warning("metrics: %s (%s): this worker tells of itself alone", exc.strerror, folder)
        return
    try:
        with alone_in(folder):
            add_up_ended(folder)
    except (OSError, ValueError, RuntimeError, struct.error) as exc:
        log.warning("metrics: the files of ended workers stay apart (%s)", exc)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keeps others from adding up, or reading, meanwhile."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def drop_gauges_of_ended(folder: Path) -> None:
    """Removes what workers that have ended said of their present."""
    for path in folder.glob("gauge_*.db"):
        if _is_free(folder / f"{SUMS[0]}_{_pid_of(path)}.db"):
            path.unlink(missing_ok=True)


def add_up_ended(folder: Path) -> None:
    """Makes one file of each kind out of those of workers that have ended."""
    drop_gauges_of_ended(folder)
    ended = {_pid_of(path) for path in folder.glob(f"{SUMS[0]}_*.db") if _is_free(path)}
    for kind in SUMS if ended - {_ENDED} else ():
        files = [path for pid in sorted(ended) if (path := _file(folder, kind, pid)).exists()]
        _write_sum(files, folder / "adding-up")
        (folder / "adding-up").rename(_file(folder, kind, _ENDED))
        for path in files:
            if _pid_of(path) != _ENDED:
                path.unlink()


def _new_folder(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    with alone_in(parent):
        for old in parent.iterdir():
            if old.is_dir() and _is_free(old):
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="server-", dir=parent))
        _hold(folder, os.O_RDONLY)
    return folder


def _take_place(folder: Path) -> None:
    """Makes the files of this worker, all or none; one that had the same process id has counted for it."""
    pid = os.getpid()
    try:
        _hold(_file(folder, SUMS[0], pid), os.O_RDWR | os.O_CREAT)
        for kind in GAUGES:
            _file(folder, kind, pid).unlink(missing_ok=True)
        for kind in (*SUMS, *GAUGES):
            _reserve(_file(folder, kind, pid))
    except OSError:
        for kind in (*SUMS, *GAUGES):
            _file(folder, kind, pid).unlink(missing_ok=True)
        raise


def _reserve(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _RESERVED_BYTES)
    finally:
        os.close(descriptor)


def _hold(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    _held.append(descriptor)


def _is_free(path: Path) -> bool:
    """Whether the process that held the lock of a file or folder has ended."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _write_sum(files: list[Path], path: Path) -> None:
    from prometheus_client.mmap_dict import MmapedDict, mmap_key
    from prometheus_client.multiprocess import MultiProcessCollector

    path.unlink(missing_ok=True)
    _reserve(path)
    total = MmapedDict(str(path))
    for metric in MultiProcessCollector.merge([str(one) for one in files], accumulate=False):
        for sample in metric.samples:
            names, values = list(sample.labels), list(sample.labels.values())
            key = mmap_key(metric.name, sample.name, names, values, metric.documentation)
            total.write_value(key, sample.value, 0.0)
    total.close()


def _file(folder: Path, kind: str, pid: int) -> Path:
    return folder / f"{kind}_{pid}.db"


def _pid_of(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])
