"""Where the files of stored series are: a folder here, or a storage that several machines share."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote

from mllib.flushing import flush_folder

SUFFIX = ".parquet"
DELETED = "deleted"
"""The folder below that of the series in which deleted ones are kept for a while."""


@dataclass(frozen=True, slots=True)
class FileState:
    """A file without its content; `version` changes whenever it is written."""

    name: str
    version: str
    size_bytes: int
    changed_at: float


class SeriesFiles(Protocol):
    """Files by name, such as `EURUSD_1h.parquet` and `deleted/EURUSD_1h.17`.

    What is not there is a FileNotFoundError. Readers see the old content of a file or the new one, never
    a mixture.
    """

    where: str
    """The folder or address, for messages."""

    def list(self, folder: str = "") -> list[FileState]:
        """The files of a folder."""

    def state(self, name: str) -> FileState:
        """What is known of a file without reading it."""

    def end(self, name: str, size: int) -> bytes:
        """At most `size` bytes from the end of a file."""

    def local(self, name: str) -> Path:
        """The file here, with its present content."""

    def write(self, name: str, content: memoryview, *, seen: FileState | None) -> None:
        """Puts a file in place of the one that was `seen`, so that a crash leaves the old or the new one."""

    def move(self, name: str, to: str) -> None:
        """Gives a file another name."""

    def remove(self, name: str) -> None:
        """Removes a file; one that is not there is none."""

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Holds a name alone among those who write."""


class FolderFiles:
    """Files in a folder of this machine, flushed to the disk."""

    def __init__(self, folder: Path) -> None:
        self.where, self._folder = str(folder), folder

    def list(self, folder: str = "") -> list[FileState]:
        """The files of a folder; those that go meanwhile are left out."""
        found = []
        for path in (self._folder / folder).glob("*"):
            with suppress(FileNotFoundError):
                if path.is_file():
                    found.append(_state(path))
        return found

    def state(self, name: str) -> FileState:
        """What the file system knows of a file."""
        return _state(self._folder / name)

    def end(self, name: str, size: int) -> bytes:
        """At most `size` bytes from the end of a file."""
        with (self._folder / name).open("rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - size, 0))
            return file.read()

    def local(self, name: str) -> Path:
        """The file itself."""
        return self._folder / name

    def write(self, name: str, content: memoryview, *, seen: FileState | None) -> None:
        """Puts a file in place of another one; the lock keeps others from it."""
        path = self._folder / name
        temporary = _temporary(path)
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        flush_folder(self._folder)

    def move(self, name: str, to: str) -> None:
        """Gives a file another name."""
        target = self._folder / to
        target.parent.mkdir(exist_ok=True)
        (self._folder / name).rename(target)
        flush_folder(self._folder)

    def remove(self, name: str) -> None:
        """Removes a file."""
        (self._folder / name).unlink(missing_ok=True)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Holds a name alone; what a killed writer left behind is removed first."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        with path.with_name(f".{path.stem}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _temporary(path).unlink(missing_ok=True)
            yield


def series_stem(pair: str, timeframe: str) -> str:
    """The file name of a series: no timeframe has an underscore, so the last one separates.

    >>> series_stem("BTC/USDT", "1h")
    'BTC%2FUSDT_1h'
    """
    symbol = quote(pair, safe="")
    return f"{'%2E' + symbol[1:] if symbol.startswith('.') else symbol}_{timeframe}"


def series_of(stem: str) -> tuple[str, str]:
    """Pair and timeframe of a file name without its suffix; the timeframe may be none.

    >>> series_of("BTC%2FUSDT_1h")
    ('BTC/USDT', '1h')
    """
    symbol, _, timeframe = stem.rpartition("_")
    return unquote(symbol), timeframe


def _state(path: Path) -> FileState:
    status = path.stat()
    version = f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"
    return FileState(path.name, version, status.st_size, status.st_mtime)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.stem}.tmp")
