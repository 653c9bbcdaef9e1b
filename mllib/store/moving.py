"""All rows from one database to another, such as from the home folder's to a server's."""

from dataclasses import dataclass
from pathlib import Path

from mllib.errors import Conflict
from mllib.progress import Progress, quiet
from mllib.store import migrating
from mllib.store.copying import LiveSource, fill
from mllib.store.database import Database, database_url


@dataclass(frozen=True, slots=True)
class Moved:
    """From where to where, and how many rows each table has there and here."""

    source: str
    target: str
    counts: dict[str, tuple[int, int]]


def move(source: str | Path, target: str | Path, *, progress: Progress = quiet) -> Moved:
    """Copy every row into an empty database, all or nothing; nobody can write to the source meanwhile.

    The source stays as it is. Nothing of candles, predictors or datasets, which are files, is touched.

    Raises:
        Conflict: the target is not empty, or is the source.
        NotReady: one of them cannot be used, or there is nothing in the source.
        InvalidAnnotations: a row that the target cannot keep.
    """
    old, new = Database(database_url(source)), Database(database_url(target))
    try:
        if old.where == new.where:
            raise Conflict(
                f"Database {old.where}: found it named as source and as target, expected two. Name another."
            )
        with old.write() as session:
            revision = migrating.require_some(old, session.connection())
            live = LiveSource(session.connection())
            with migrating.filling(new, revision) as connection:
                counts = fill(connection, live, progress)
        return Moved(old.where, new.where, {name: (live.counts[name], n) for name, n in counts.items()})
    finally:
        old.close()
        new.close()
