"""Use case: how much disk the parts of a home take."""

import os
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

_PARTS = {
    "candles": "Candles",
    "cache": "Copies of shared candles",
    "candleloop.db": "Database: annotations, verdicts, runs",
    "predictors": "Models",
    "reports": "Model reports",
    "datasets": "Datasets",
    "dvc-remote": "Pushed datasets",
    "sweeps": "Predictions over whole series",
    "mlflow": "MLflow",
    "tuning.db": "Tuning",
    "jobs.db": "Job queue",
    "logs": "Logs",
    "uploads": "Uploads under way",
    "simulations": "Plots of simulations",
}
_OTHER = "Other files"
_BLOCK = 512
"""Bytes of a block of `st_blocks`, whatever the file system's own blocks are."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """Bytes on disk by part of a home, most first, and what its disk has left."""

    parts: dict[str, int]
    free: int

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(self.parts.values())


def disk_used(home: Path) -> DiskUse:
    """What a home takes on the disk; a file with several names counts once, where it is found first."""
    used: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for entry in sorted(home.iterdir()):
        for status in _files(entry):
            key = status.st_dev, status.st_ino
            if key not in seen:
                seen.add(key)
                used[_part(entry.name)] += status.st_blocks * _BLOCK
    return DiskUse({part: size for part, size in used.most_common() if size}, shutil.disk_usage(home).free)


def _part(name: str) -> str:
    plain = name.removesuffix("-wal").removesuffix("-shm")
    return _PARTS.get(plain, _OTHER)


def _files(entry: Path) -> Iterator[os.stat_result]:
    """The files at or below a path; those that go meanwhile are left out."""
    below = (Path(folder) / name for folder, _, names in os.walk(entry) for name in names)
    for path in chain([entry], below):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            yield status
