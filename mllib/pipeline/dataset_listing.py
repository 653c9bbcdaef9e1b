"""Use cases that look at datasets: which there are, who used them, their columns, which are pushed."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mllib.datasets.builds import Build, list_builds
from mllib.datasets.contents import Files
from mllib.datasets.remote import pushed_versions
from mllib.errors import TrainingFailed
from mllib.pipeline.workspace import Workspace
from mllib.store import Run


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A version with its builds and the runs that trained on it, newest first.

    `size_bytes` is 0 where its files are not `here`.
    """

    version: str
    builds: tuple[Build, ...]
    runs: tuple[Run, ...]
    here: bool
    size_bytes: int

    @property
    def newest(self) -> Build:
        """The build that says what is in it."""
        return self.builds[0]

    @property
    def rows(self) -> int:
        """Candles in all."""
        return sum(self.newest.series.values())

    @property
    def spans(self) -> int:
        """Spans in all."""
        return sum(n for sources in self.newest.spans.values() for n in sources.values())

    @property
    def spans_by_source(self) -> dict[str, int]:
        """Spans of all labels by source."""
        counts: Counter[str] = Counter()
        for sources in self.newest.spans.values():
            counts.update(sources)
        return dict(counts)


@dataclass(frozen=True, slots=True)
class RemoteState:
    """Where datasets are pushed to, whether somebody configured it, and which versions are there."""

    remote: str
    configured: bool
    pushed: frozenset[str]


def list_datasets(ws: Workspace) -> list[DatasetInfo]:
    """Every version that was built or fetched here, the one built last first."""
    builds: dict[str, list[Build]] = {}
    for build in list_builds(ws.datasets):
        builds.setdefault(build.version, []).append(build)
    runs: dict[str, list[Run]] = {}
    for run in ws.store.runs.list():
        if run.data_version is not None:
            runs.setdefault(run.data_version, []).append(run)
    return [_info(ws, version, made, runs.get(version, ())) for version, made in builds.items()]


def _info(ws: Workspace, version: str, builds: Sequence[Build], runs: Sequence[Run]) -> DatasetInfo:
    folder = ws.datasets / version
    here = folder.is_dir()
    size = sum(file.stat().st_size for file in folder.iterdir()) if here else 0
    return DatasetInfo(version, tuple(builds), tuple(runs), here, size)


def columns_of(folder: Path) -> dict[str, list[Mapping[str, Any]]]:
    """What the columns of a dataset in a folder are, by file: `name kind unit meaning causality nullable`.

    Raises:
        TrainingFailed: the documentation cannot be read.
    """
    path, _ = Files.of(folder).documentation
    try:
        documented: dict[str, list[Mapping[str, Any]]] = json.loads(path.read_bytes())
    except (OSError, ValueError) as exc:
        raise TrainingFailed(
            f"{path}: cannot be read ({exc}), expected the columns of a dataset. "
            "Build it again, or restore it."
        ) from exc
    return documented


def remote_state(ws: Workspace) -> RemoteState:
    """Which of the versions known here are on the remote.

    Raises:
        NotReady: the remote cannot be asked.
    """
    remote = ws.dataset_remote
    versions = list(dict.fromkeys(build.version for build in list_builds(ws.datasets)))
    return RemoteState(
        remote, ws.config.data.remote is not None or ws.storage is not None, pushed_versions(remote, versions)
    )
