"""Folders for files that are on their way in: held while somebody works on them, removed afterwards.

A folder whose process was killed is held by nobody; the next one that is made removes it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mllib.errors import NotReady

_FOLDER = "uploads"


@contextmanager
def upload_folder(home: Path) -> Iterator[Path]:
    """A folder in the home that is gone afterwards; raises NotReady where the disk refuses."""
    folder, held = new_folder(home)
    try:
        yield folder
    except OSError as exc:
        raise refused(exc) from exc
    finally:
        remove(folder, held)


def new_folder(home: Path) -> tuple[Path, int]:
    """A folder, and what holds it while this process lives: both are for `remove`.

    Raises:
        NotReady: the disk refuses.
    """
    root = home / _FOLDER
    try:
        root.mkdir(exist_ok=True)
        alone = os.open(root, os.O_RDONLY)
        try:
            fcntl.flock(alone, fcntl.LOCK_EX)
            _remove_left_behind(root)
            folder = Path(tempfile.mkdtemp(dir=root))
            return folder, _held(folder)
        finally:
            os.close(alone)
    except OSError as exc:
        raise refused(exc) from exc


def remove(folder: Path, held: int) -> None:
    """Removes a folder that is held."""
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)


def refused(exc: OSError) -> NotReady:
    """The refusal of a disk, for a person."""
    return NotReady(
        f"upload: found {exc.strerror or 'a failure'} when writing to the home folder, expected room and "
        "permission to write. Nothing was stored. Free the disk or fix the permission, and send it again."
    )


def _held(folder: Path) -> int:
    """Raises BlockingIOError where another one holds the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _remove_left_behind(root: Path) -> None:
    """Removes what nobody holds: its process was killed."""
    for folder in root.iterdir():
        with suppress(BlockingIOError, FileNotFoundError):
            remove(folder, _held(folder))
