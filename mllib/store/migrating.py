"""Bring a database to the tables of this version. Alembic is imported only where there is work to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError

from mllib.errors import NotReady
from mllib.store.copying import require_no_rows
from mllib.store.database import Database, database_url, plain_file
from mllib.store.engines import build_engine
from mllib.store.failures import BUSY_TIMEOUT_S, file_gone, missing_folder, translated

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"
SCRIPTS = Path(__file__).parent / "migrations"
_MADE_BY_RUNS = "predictors"
"""A folder beside the database that is filled by runs alone, which the database knows."""
_WRITTEN_BY_ANOTHER = (
    "Install the version of candleloop that last wrote this database, or a newer one; if another program "
    "wrote it, such as MLflow, name a database of candleloop's own."
)


def migrate(database: Database) -> None:
    """Upgrade to `HEAD`; processes that race for a fresh database wait for the first and find it done.

    Raises:
        NotReady: the database cannot be used, is newer than this version, or is gone from a home with models.
    """
    file = plain_file(database.url)
    if file is not None and not file.exists():
        _require_new_home(database, file.parent, file_gone(database.where))
        upgrade(database)
        return
    found = revision_of(database)
    if found is None and file is not None:
        said = file_gone(database.where, found="a database without tables")
        _require_new_home(database, file.parent, said)
    if found != HEAD:
        upgrade(database)


def require_head(database: Database) -> None:
    """Raise `NotReady` unless the database exists and has the tables of this version."""
    file = plain_file(database.url)
    if file is not None and not file.is_file():
        raise NotReady(
            f"Database {database.where} cannot be opened: found no such file, expected one at "
            f"revision {HEAD}. Put it back, or start candleloop, which makes it."
        )
    found = revision_of(database)
    if found != HEAD:
        older = found is None or found < HEAD
        advice = "Start candleloop, which brings it to this version." if older else _WRITTEN_BY_ANOTHER
        raise NotReady(
            f"Database {database.where} cannot be used: found it at revision {found or 'none'}, "
            f"expected {HEAD}. {advice}"
        )


def revision_of(database: Database) -> str | None:
    """The revision that the database says it is at, or None for a fresh one."""
    with database.read() as session:
        return _revision(session.connection())


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the migrations up to `revision`, in one transaction."""
    from alembic import command  # costs 0.2 s, needed once a version

    with _migration(database) as (connection, config):
        if _revision(connection) != HEAD:
            command.upgrade(config, revision)


@contextmanager
def filling(database: Database, revision: str) -> Iterator[Connection]:
    """A transaction on the empty tables of a revision, to be filled; in the end they are those of `HEAD`.

    Raises:
        Conflict: there are rows in it already.
        NotReady: the database cannot be used, or this version does not know the revision.
    """
    from alembic import command

    with _migration(database) as (connection, config):
        found = _revision(connection)
        if found is not None:
            require_no_rows(database.where, connection)
        if found not in (None, revision):
            command.downgrade(config, "base")
        command.upgrade(config, revision)
        yield connection
        command.upgrade(config, "head")


def require_some(database: Database, connection: Connection) -> str:
    """The revision that a database is at; raises `NotReady` for one without tables."""
    found = _revision(connection)
    if found is None:
        raise NotReady(
            f"Database {database.where}: found no tables of candleloop, expected some to copy. Name another."
        )
    return found


def bring_to_head(url_or_home_path: str | Path) -> tuple[str | None, str]:
    """Migrates a database; the revision before (None: it was empty) and after. Raises as `migrate` does."""
    database = Database(database_url(url_or_home_path))
    try:
        file = plain_file(database.url)
        before = None if file is not None and not file.exists() else revision_of(database)
        migrate(database)
        return before, HEAD
    finally:
        database.close()


def downgrade(database: Database, revision: str) -> None:
    """Run the migrations down to `revision` (`base` for an empty database), in one transaction."""
    from alembic import command

    with _migration(database) as (_, config):
        command.downgrade(config, revision)


@contextmanager
def _migration(database: Database) -> Iterator[tuple[Connection, "Config"]]:
    """A connection that alone may write, and the Alembic configuration that uses it."""
    from alembic.util import CommandError

    engine = build_engine(database.url, for_migration=True)
    try:
        with translated(database.where), _alone(engine) as connection:
            yield connection, alembic_config(connection)
    except CommandError as exc:
        raise NotReady(
            f"Database {database.where} cannot be migrated: found {exc}, expected a revision up to {HEAD}. "
            f"{_WRITTEN_BY_ANOTHER}"
        ) from exc
    finally:
        engine.dispose()


def alembic_config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration for the scripts inside this package, without a file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    if engine.dialect.name == "sqlite":
        _switch_to_wal(engine)
    with engine.execution_options(alone=True).connect() as connection, connection.begin():
        yield connection


def _switch_to_wal(engine: Engine) -> None:
    """Set the journal mode, which stays in the file. SQLite does not wait for this lock, so we do."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            with engine.execution_options(no_begin=True).connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except OperationalError as exc:
            if "locked" not in str(exc.orig) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _require_new_home(database: Database, home: Path, refusal: str) -> None:
    """Refuses to begin an empty database where there was one: what it is told would be lost later."""
    if not home.is_dir():
        raise NotReady(missing_folder(database.where))
    models = home / _MADE_BY_RUNS
    if models.is_dir() and any(models.iterdir()):
        raise NotReady(f"{refusal} To begin anew with an empty database, move {models} away first.")
