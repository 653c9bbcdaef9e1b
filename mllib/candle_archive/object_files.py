"""The files of stored series on a storage that several machines share, read through copies in the home."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from mllib.candle_archive.series_files import FileState
from mllib.object_storage import ObjectStorage, Stat

_FOLDER = "candles"

Hold = Callable[[str], AbstractContextManager[None]]
"""Holds a name alone on all machines, such as `store.locks.hold`."""


class ObjectFiles:
    """Objects below `candles/`. Writers take turns by `hold`; S3 also refuses what was made of older ones."""

    def __init__(self, storage: ObjectStorage, hold: Hold) -> None:
        self.where = f"{storage.url}/{_FOLDER}"
        self._storage, self._hold = storage, hold

    def list(self, folder: str = "") -> list[FileState]:
        """The objects of a folder."""
        below = f"{_FOLDER}/{folder}" if folder else _FOLDER
        return [_state(name, stat) for name, stat in self._storage.list(below)]

    def state(self, name: str) -> FileState:
        """What the storage knows of an object, from one question."""
        return _state(name, self._storage.stat(f"{_FOLDER}/{name}"))

    def end(self, name: str, size: int) -> bytes:
        """At most `size` bytes from the end of an object."""
        return self._storage.read(f"{_FOLDER}/{name}", last=size)

    def local(self, name: str) -> Path:
        """A copy in the home; each version is read from the storage once."""
        return self._storage.local(f"{_FOLDER}/{name}")

    def write(self, name: str, content: memoryview, *, seen: FileState | None) -> None:
        """Puts an object in place of the one that was seen."""
        replaces = "" if seen is None else seen.version
        self._storage.write(f"{_FOLDER}/{name}", bytes(content), replaces=replaces)

    def move(self, name: str, to: str) -> None:
        """Gives an object another name: for a moment it is there under both."""
        self._storage.move(f"{_FOLDER}/{name}", f"{_FOLDER}/{to}")

    def remove(self, name: str) -> None:
        """Removes an object."""
        self._storage.remove(f"{_FOLDER}/{name}")

    def alone(self, name: str) -> AbstractContextManager[None]:
        """Holds a name alone on all machines."""
        return self._hold(f"{self.where}/{name}")


def _state(name: str, stat: Stat) -> FileState:
    return FileState(name, stat.version, stat.size_bytes, stat.changed_at)
