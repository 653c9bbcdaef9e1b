"""Bodies that are files: they go to the disk as they arrive, and are gone when the request is over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from anyio import CancelScope, open_file
from anyio.to_thread import run_sync
from fastapi import Request

from mllib.upload_folders import new_folder, refused, remove

_WRITTEN_AT_ONCE = 2**20


@asynccontextmanager
async def received(request: Request, home: Path, name: str) -> AsyncIterator[Path]:
    """The body as a file of that name in a folder of its own; however this ends, it is removed.

    Raises:
        ClientDisconnect: the client went away before its body was whole.
        NotReady: the disk refuses.
    """
    folder, held = await run_sync(new_folder, home)
    try:
        file = folder / name
        await _write(request, file)
        yield file
    finally:
        with CancelScope(shield=True):
            await run_sync(remove, folder, held)


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
        raise refused(exc) from exc
