"""Bodies that are files: they go to the disk as they arrive, and are gone when the request is over."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from anyio import CancelScope, open_file
from anyio.to_thread import run_sync
from fastapi import Request

from mllib.errors import NotReady

_FOLDER = "uploads"
_WRITTEN_AT_ONCE = 2**20


@asynccontextmanager
async def received(request: Request, home: Path, name: str) -> AsyncIterator[Path]:
    """The body as a file of that name in a folder of its own; however this ends, it is removed.

    Raises:
        ClientDisconnect: the client went away before its body was whole.
        NotReady: the disk refuses.
    """
    folder, held = await run_sync(_new_folder, home / _FOLDER)
    try:
        file = folder / name
        await _write(request, file)
        yield file
    finally:
        with CancelScope(shield=True):
            await run_sync(_remove, folder, held)


async def _write(request: Request, path: Path) -> None:
    try:
        async with await open_file(path, "wb") as file:
            waiting = bytearray()
            async for piece in request.stream():
                waiting += piece
                if len(waiting) >= _WRITTEN_AT_ONCE:
                    await file.write(waiting)
                    waiting = bytearray()
            await file.write(waiting)
    except OSError as exc:
        raise _refused(exc) from exc


def _new_folder(root: Path) -> tuple[Path, int]:
    """A folder, and what holds it while this process lives."""
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
        raise _refused(exc) from exc


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
            _remove(folder, _held(folder))


def _remove(folder: Path, held: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)


def _refused(exc: OSError) -> NotReady:
    return NotReady(
        f"upload: found {exc.strerror or 'a failure'} when writing to the home folder, expected room and "
        "permission to write. Nothing was stored. Free the disk or fix the permission, and send it again."
    )
