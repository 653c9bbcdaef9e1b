"""The files in which what a model says of whole series is kept: whole or not at all, and not too many.

Nothing here is needed: a file that is missing, damaged or of another version is computed anew.
"""

import fcntl
import io
import logging
import os
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_FILES = 200
MOST_BYTES = 2**30
_FORMAT = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class KeptSweep:
    """Spans and coverage of a whole series, under the names that labels had in training.

    `candles` and `model` name the versions that they come from. Of each span `label int32 (n,)` is an index
    into `labels str (k,)`, `bounds int64 (n, 2)` are the opens of its first and last candle (Unix s),
    `confidence float64 (n,)` lies in [0, 1], and `bars int64 (n,)` counts its candles.
    `coverage float32 (n_bars, k)`: the probability that a bar lies in a span of each label.
    """

    candles: str
    model: str
    labels: NDArray[np.str_]
    label: NDArray[np.int32]
    bounds: NDArray[np.int64]
    confidence: NDArray[np.float64]
    bars: NDArray[np.int64]
    coverage: NDArray[np.float32]


def read_kept(path: Path) -> KeptSweep | None:
    """The content of a file, or None where there is none that can be used."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            if int(saved["format"]) != _FORMAT:
                return None
            found: dict[str, Any] = {field.name: saved[field.name] for field in fields(KeptSweep)}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error) as exc:
        log.warning("sweep in %s: found it damaged (%s); it is computed anew", path, exc)
        return None
    with suppress(OSError):
        now = time.time_ns()  # finer than the clock that the file system takes by itself
        os.utime(path, ns=(now, now))
    return KeptSweep(**found | {name: str(found[name]) for name in ("candles", "model")})


def keep(sweep: KeptSweep, path: Path) -> None:
    """Writes a file in place of an older one, and removes those not used for longest where there are many.

    A disk that refuses is told in the log alone: the sweep can be computed again.
    """
    content = io.BytesIO()
    np.savez(content, format=np.int64(_FORMAT), **{f.name: getattr(sweep, f.name) for f in fields(sweep)})
    temporary = path.with_name(f".{path.stem}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.getbuffer())
        temporary.replace(path)
        _remove_oldest(path)
    except OSError as exc:
        log.warning("sweep not kept in %s: %s", path, exc.strerror or exc)
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Whether nobody else, no other thread and no other process, computes the sweep of this file now.

    Where the folder cannot be written to everybody is alone.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.stem}.lock").open("a")
    except OSError:
        yield True
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _remove_oldest(written: Path) -> None:
    """Removes files of all runs until no more than `MOST_FILES` and `MOST_BYTES` are left."""
    found = {path: path.stat() for path in written.parent.parent.glob("*/*.npz") if path != written}
    size, count = written.stat().st_size, 1
    for path in sorted(found, key=lambda path: -found[path].st_mtime_ns):
        size, count = size + found[path].st_size, count + 1
        if count > MOST_FILES or size > MOST_BYTES:
            path.unlink(missing_ok=True)
            path.with_name(f".{path.stem}.lock").unlink(missing_ok=True)
            with suppress(OSError):  # another series of the run is still there
                path.parent.rmdir()
