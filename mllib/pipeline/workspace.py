"""What every use case works with: the home folder, the configuration, the store and the candles."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mllib.candle_archive import CandleArchive
from mllib.config import Config, load_config
from mllib.errors import NotReady
from mllib.store import Store, open_store


@dataclass(frozen=True, slots=True)
class Workspace:
    """The collaborators of the use cases; share it between threads, open another one after a fork."""

    home: Path
    config: Config
    store: Store
    candles: CandleArchive

    @property
    def predictors(self) -> Path:
        """Where each run's Predictor folder lies."""
        return self.home / "predictors"

    @property
    def datasets(self) -> Path:
        """Where each run's dataset lies."""
        return self.home / "datasets"

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


def open_workspace(home: Path | None = None, *, config: Config | None = None) -> Workspace:
    """The workspace of a home folder, made when it is missing, with the database at this version.

    Raises:
        InvalidConfig: the configuration cannot be used.
        NotReady: the folder cannot be made, or the database cannot be opened.
    """
    folder = home_folder() if home is None else home
    checked = load_config() if config is None else config
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise NotReady(
            f"home folder {folder}: cannot be made ({exc.strerror}). "
            "Set CANDLELOOP_HOME to a folder you may write."
        ) from exc
    return Workspace(folder, checked, open_store(folder), CandleArchive(folder / "candles"))
