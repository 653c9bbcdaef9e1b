"""Where a process without a database reads stored candles: what a worker of a cluster is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from mllib.candle_archive import CandleArchive, FolderFiles, ObjectFiles
from mllib.object_storage import ObjectStorage


@dataclass(frozen=True)
class CandleSource:
    """A home folder, and the URL of the storage where candles are not in it; both as the worker sees them."""

    home: Path
    storage: str | None = field(default=None, repr=False)  # may hold a password

    @cached_property
    def archive(self) -> CandleArchive:
        """The stored candles, to be read; opened once in a process."""
        if self.storage is None:
            return CandleArchive(FolderFiles(self.home / "candles"))
        copies = self.home if self.home.is_dir() else Path(gettempdir()) / "candleloop"
        return CandleArchive(ObjectFiles(ObjectStorage(self.storage, copies / "cache"), _nobody_writes))

    def __getstate__(self) -> dict[str, Any]:
        return {"home": self.home, "storage": self.storage}


@contextmanager
def _nobody_writes(name: str) -> Iterator[None]:
    raise AssertionError(f"{name}: a worker reads candles and writes none")
    yield
