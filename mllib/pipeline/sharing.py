"""Use case: what a home has made alone goes to the storage that several machines share."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from mllib.candle_archive import CandleArchive, FolderFiles
from mllib.deployment import STORAGE
from mllib.errors import InvalidConfig, NotFound
from mllib.object_storage import ObjectStorage
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, part, quiet
from mllib.published_folders import exists, publish


@dataclass(frozen=True, slots=True)
class Shared:
    """What was copied, and which series were left out as the storage has others of that name."""

    series: tuple[str, ...]
    models: tuple[str, ...]
    datasets: tuple[str, ...]
    kept: tuple[str, ...]


def share_home(ws: Workspace, *, progress: Progress = quiet) -> Shared:
    """Copies candles, models and datasets of the home to the storage. The home stays as it is.

    What is there already is left as it is there. Whoever ends it in the middle begins it again.

    Raises:
        InvalidConfig: there is no storage but the home.
        NotReady: the storage does not answer, or a file cannot be read.
    """
    from mllib.pipeline.datasets import push_datasets  # pandas, which the doctor can do without

    if ws.storage is None:
        raise InvalidConfig(
            f"{STORAGE}: found it unset, expected where to share this home, such as s3://bucket/folder. "
            "Set it."
        )
    series, kept = _share_candles(ws, part(progress, 0.0, 0.4))
    models = [*_share_models(ws, ws.storage, part(progress, 0.4, 0.7))]
    pushed: list[str] = []
    with suppress(NotFound):  # no dataset was built here
        pushed = push_datasets(ws, progress=part(progress, 0.7, 1.0))
    progress(1.0, "shared")
    return Shared(tuple(series), tuple(models), tuple(pushed), tuple(kept))


def series_at_home(ws: Workspace) -> CandleArchive:
    """The candles of the home itself, wherever the workspace has its own."""
    return CandleArchive(FolderFiles(ws.home / "candles"))


def _share_candles(ws: Workspace, progress: Progress) -> tuple[list[str], list[str]]:
    """The series that were copied, and those of which the storage has other candles."""
    at_home = series_at_home(ws)
    stored = at_home.list()
    copied: list[str] = []
    kept: list[str] = []
    for number, one in enumerate(stored, 1):
        name = f"{one.pair} {one.timeframe}"
        if ws.candles.copy(at_home, one.pair, one.timeframe):
            copied.append(name)
        elif not at_home.same(ws.candles, one.pair, one.timeframe):
            kept.append(name)
        progress(number / len(stored), f"candles of {name}")
    return copied, kept


def _share_models(ws: Workspace, storage: ObjectStorage, progress: Progress) -> Iterator[str]:
    runs = [run for run in ws.store.runs.list(with_metrics=False) if run.predictor_path]
    for number, run in enumerate(runs, 1):
        path = str(run.predictor_path)
        if (ws.home / path).is_dir() and not exists(storage, path):
            publish(storage, ws.home / path, path)
            yield run.run_id
        progress(number / len(runs), f"model of run {run.run_id}")
