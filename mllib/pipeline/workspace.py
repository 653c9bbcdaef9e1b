"""What every use case works with: the home folder, the configuration, the store and the candles."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mllib.candle_archive import CandleArchive, FolderFiles, ObjectFiles
from mllib.candle_source import CandleSource
from mllib.config import Config, load_config
from mllib.deployment import AT_HOME, Deployment
from mllib.errors import NotReady
from mllib.object_storage import ObjectStorage
from mllib.store import Store, open_store


@dataclass(frozen=True, slots=True)
class Workspace:
    """The collaborators of the use cases; share it between threads, open another one after a fork."""

    home: Path
    config: Config
    store: Store
    candles: CandleArchive
    deployment: Deployment = AT_HOME
    storage: ObjectStorage | None = None
    """Where candles, models and datasets are shared with other machines; None where the home has them."""

    @property
    def predictors(self) -> Path:
        """Where each run's Predictor folder lies."""
        return self.home / "predictors"

    @property
    def datasets(self) -> Path:
        """Where each run's dataset lies."""
        return self.home / "datasets"

    @property
    def dataset_remote(self) -> str:
        """Where datasets are pushed to: `data.remote`, else the shared storage, else a folder of the home."""
        shared = (
            str(self.home.resolve() / "dvc-remote") if self.storage is None else f"{self.storage.url}/dvc"
        )
        return self.config.data.remote or shared

    @property
    def sweeps(self) -> Path:
        """Where what models say of whole series is kept; it may be deleted at any time."""
        return self.home / "sweeps"

    @property
    def candle_source(self) -> CandleSource:
        """Where workers of a cluster read the same candles."""
        return CandleSource(self.home.resolve(), self.deployment.storage)

    def close(self) -> None:
        """Closes the database."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def home_folder() -> Path:
    """`CANDLELOOP_HOME`, else `var` in the current folder."""
    return Path(os.environ.get("CANDLELOOP_HOME") or "var").resolve()


def usable_home(home: Path | None = None) -> Path:
    """The home folder, by default `home_folder`, made when it is missing.

    Raises:
        NotReady: it cannot be made or written to.
    """
    folder = home_folder() if home is None else home
    reason = "it is no folder that may be written to"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError as exc:
        reason = exc.strerror or str(exc)
    raise NotReady(
        f"home folder {folder}: found that {reason}, expected one to write to. "
        "Set CANDLELOOP_HOME to a folder you may write."
    )


def open_workspace(
    home: Path | None = None,
    *,
    config: Config | None = None,
    deployment: Deployment | None = None,
    migrate: bool = True,
) -> Workspace:
    """The workspace of a home folder, made when it is missing, with the database at this version.

    Where the database, the queue and the storage are is read from the environment unless it is given.
    With `migrate=False` a database of another version is refused, and none is made.

    Raises:
        InvalidConfig: the configuration cannot be used.
        NotReady: the folder cannot be made, or the database cannot be opened.
    """
    folder = usable_home(home)
    checked = load_config() if config is None else config
    where = Deployment.from_environment() if deployment is None else deployment
    store = open_store(where.database or folder, migrate=migrate)
    storage = None if where.storage is None else ObjectStorage(where.storage, folder / "cache")
    files = FolderFiles(folder / "candles") if storage is None else ObjectFiles(storage, store.locks.hold)
    return Workspace(folder, checked, store, CandleArchive(files), where, storage)
