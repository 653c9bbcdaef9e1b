"""Bodies that are files: they go to the disk as they arrive, and are gone when the request is over."""

import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from anyio import CancelScope, open_file
from anyio.to_thread import run_sync
from fastapi import Request

from mllib.errors import NotReady

_FOLDER = "uploads"
_WRITTEN_AT_ONCE = 2**20
_LEFT_BEHIND_S = 24 * 3_600
"""What is older was left by a process that was killed."""


@asynccontextmanager
async def received(request: Request, home: Path, name: str) -> AsyncIterator[Path]:
    """The body as a file of that name in a folder of its own; however this ends, it is removed.

    Raises:
        ClientDisconnect: the client went away before its body was whole.
        NotReady: the disk refuses.
    """
    folder = await run_sync(_new_folder, home / _FOLDER)
    try:
        file = folder / name
        await _write(request, file)
        yield file
    finally:
        with CancelScope(shield=True):
            await run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


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


def _new_folder(root: Path) -> Path:
    try:
        root.mkdir(exist_ok=True)
        _remove_old(root)
        return Path(tempfile.mkdtemp(dir=root))
    except OSError as exc:
        raise _refused(exc) from exc


def _remove_old(root: Path) -> None:
    for folder in root.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _LEFT_BEHIND_S:
                shutil.rmtree(folder, ignore_errors=True)


def _refused(exc: OSError) -> NotReady:
    return NotReady(
        f"upload: found {exc.strerror or 'a failure'} when writing to the home folder, expected room and "
        "permission to write. Nothing was stored. Free the disk or fix the permission, and send it again."
    )
