"""The store: annotations, verdicts, the ledger of training runs, the champions and the API keys.

All in one SQL database.

`open_store` gives a `Store`; each attribute is a repository, each method one short transaction that
returns frozen dataclasses. What the database or the disk cannot do now is a `NotReady`.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from mllib.errors import NotReady
from mllib.store import migrating
from mllib.store.annotation_search import AnnotationFilter, AnnotationPage, StoredAnnotation
from mllib.store.annotations import AddOutcome, AnnotationRepository, Contradiction, LabelCount
from mllib.store.api_keys import SCOPES, ApiKey, ApiKeyRepository, Scope, key_of
from mllib.store.champions import ChampionMove, ChampionRepository, MovedBy
from mllib.store.database import Database, damage_in, database_url
from mllib.store.feedback import Action, Feedback
from mllib.store.freshness import FreshnessRepository
from mllib.store.label_names import LabelNames
from mllib.store.labels import LabelChange, LabelDefinition, LabelRepository
from mllib.store.locks import LockRepository
from mllib.store.revision import Revision, revision_of
from mllib.store.run_rows import Asker, Run, Status, taken_over, told_to_stop
from mllib.store.runs import Fate, RunRepository
from mllib.store.series import Series, SeriesRepository
from mllib.store.talib_layers import TalibLayer, TalibRepository
from mllib.store.verdict_rows import Verdict
from mllib.store.verdicts import VerdictRepository
from mllib.store.workers import WorkerHeartbeat, WorkerRepository

__all__ = [
    "SCOPES",
    "Action",
    "AddOutcome",
    "AnnotationFilter",
    "AnnotationPage",
    "ApiKey",
    "Asker",
    "ChampionMove",
    "Contradiction",
    "Fate",
    "Feedback",
    "LabelChange",
    "LabelCount",
    "LabelDefinition",
    "LabelNames",
    "MovedBy",
    "Run",
    "Scope",
    "Series",
    "Status",
    "Store",
    "StoredAnnotation",
    "TalibLayer",
    "Verdict",
    "WorkerHeartbeat",
    "key_of",
    "open_store",
    "taken_over",
    "told_to_stop",
]


class Store:
    """The repositories of one database. Share it between threads; open another one after a fork."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.series = SeriesRepository(database)
        self.labels = LabelRepository(database)
        self.annotations = AnnotationRepository(database)
        self.talib = TalibRepository(database)
        self.verdicts = VerdictRepository(database)
        self.runs = RunRepository(database)
        self.champions = ChampionRepository(database)
        self.workers = WorkerRepository(database)
        self.api_keys = ApiKeyRepository(database)
        self.freshness = FreshnessRepository(database)
        self.locks = LockRepository(database)

    @property
    def where(self) -> str:
        """The database file or server, for messages."""
        return self._database.where

    def wait_for_server(self, seconds: float) -> None:
        """From now on, tries for so long to reach a server that is away before saying so."""
        self._database.patience.seconds = seconds

    def examine(self) -> None:
        """Reads all of an SQLite file for damage; a server looks after its own.

        Raises:
            NotReady: it is damaged, or does not answer.
        """
        with self._database.read() as session:
            damage = damage_in(session)
        if damage is not None:
            raise NotReady(
                f"Database {self.where}: found damage ({damage}), expected a whole file. Stop candleloop, "
                "move the file away, and put back a backup."
            )

    def revision(self) -> Revision:
        """Another value after each change of what was said, of TA-Lib's layers or of labels."""
        with self._database.read() as session:
            return revision_of(session)

    def close(self) -> None:
        """Close every connection."""
        self.locks.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(url_or_home_path: str | Path, *, migrate: bool = True) -> Store:
    """The store of a home folder (its `candleloop.db`) or of a database URL, at this version's tables.

    The folder has to exist. With `migrate=False` nothing is made or changed.

    Raises:
        NotReady: the database is locked, read-only, missing, corrupted or of another version.
    """
    database = Database(database_url(url_or_home_path))
    try:
        if migrate:
            migrating.migrate(database)
        else:
            migrating.require_head(database)
    except BaseException:
        database.close()
        raise
    return Store(database)
