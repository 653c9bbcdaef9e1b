"""One engine, and its short transactions. SQLite in WAL mode, or PostgreSQL through the same code."""

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from mllib.errors import NotReady
from mllib.store.failures import BUSY_TIMEOUT_S, file_gone, place, translated

FILE_NAME = "candleloop.db"
FileIdentity = tuple[int, int, bool]
"""Device, inode, and whether it may be written: connections know the file and the rights of their start."""


class Database:
    """Transactions on one database; safe to share between threads, not across a fork.

    SQLite goes on writing to a file that was deleted or moved away, and all of it would be lost. Here the
    file is looked for at each transaction: another one in its place is taken up, and where there is none
    nothing is said to be stored.
    """

    def __init__(self, url: URL) -> None:
        self.url = url
        self.where = place(url)
        self._path = plain_file(url)
        self._file: FileIdentity | None = None
        self._looking = threading.Lock()
        self._engine = build_engine(url)
        self._writing = self._engine.execution_options(sqlite_begin="IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one snapshot and writes nothing."""
        self._find_file()
        with translated(self.where), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that holds SQLite's write lock from its start, so that what it read stays true.

        Raises:
            NotReady: also where the file was taken away meanwhile; what was written may be gone with it.
        """
        file = self._find_file()
        with translated(self.where), Session(self._writing) as session, session.begin():
            yield session
        if self._path is not None and file != identity_of(self._path):
            raise NotReady(file_gone(self.where))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _find_file(self) -> FileIdentity | None:
        """The file that transactions go to; connections to another one, or with other rights, are closed."""
        if self._path is None:
            return None
        file = identity_of(self._path)
        if file is None:
            raise NotReady(file_gone(self.where))
        with self._looking:
            if file != self._file:
                self._engine.dispose()
                self._file = file
        return file


def plain_file(url: URL) -> Path | None:
    """The file of an SQLite URL that names one by its path alone."""
    name = url.database
    is_plain = url.get_backend_name() == "sqlite" and name and name != ":memory:"
    return Path(name) if is_plain and name and not name.startswith("file:") else None


def identity_of(path: Path) -> FileIdentity | None:
    """What tells a file from what was there under its name before, or None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, os.access(path, os.W_OK)


def database_url(url_or_home_path: str | Path) -> URL:
    """The URL as given, or that of `candleloop.db` in a home folder."""
    if isinstance(url_or_home_path, str) and "://" in url_or_home_path:
        return make_url(url_or_home_path)
    return URL.create("sqlite", database=str(Path(url_or_home_path).resolve() / FILE_NAME))


def build_engine(url: URL, *, for_migration: bool = False) -> Engine:
    """An engine whose SQLite connections wait for locks and write through to the disk.

    For a migration, foreign keys are off (SQLite rebuilds tables by dropping them), nothing is pooled, and
    a missing file is made.
    """
    pool: dict[str, Any] = {"poolclass": NullPool} if for_migration else {}
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, **pool)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S}, **pool)

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Python's sqlite3 would begin by itself, deferred and only before writes.
        connection.isolation_level = None
        connection.execute(f"PRAGMA foreign_keys = {'OFF' if for_migration else 'ON'}")
        connection.execute("PRAGMA synchronous = FULL")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin)
    if not for_migration:
        event.listen(engine, "do_connect", _open_as_it_is)
    return engine


def _open_as_it_is(_dialect: object, _record: object, arguments: list[Any], keywords: dict[str, Any]) -> None:
    """Lets SQLite open a file that is there, but not make one: only a migration does that."""
    name = str(arguments[0])
    if not name.startswith("file:") and name != ":memory:":
        _share_mode(Path(name))
        arguments[0], keywords["uri"] = f"file:{quote(name)}?mode=rw", True


def _share_mode(database: Path) -> None:
    """Makes the files beside a database writable where it is.

    SQLite made them read-only if the database was, and leaves them so; it could then never be written again.
    """
    for suffix in ("-wal", "-shm"):
        beside = database.with_name(database.name + suffix)
        if os.access(beside, os.F_OK) and not os.access(beside, os.W_OK) and os.access(database, os.W_OK):
            with suppress(OSError):
                beside.chmod(stat.S_IMODE(database.stat().st_mode))


def _begin(connection: Connection) -> None:
    """BEGIN as the option `sqlite_begin` says: DEFERRED (default), IMMEDIATE, or NONE for pragmas."""
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    if mode != "NONE":
        connection.exec_driver_sql(f"BEGIN {mode}")


def damage_in(session: Session) -> str | None:
    """The first thing that SQLite's own check of the whole file complains about, or None."""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(text("SELECT 1"))
        return None
    said = session.scalar(text("PRAGMA quick_check(1)"))
    return None if said == "ok" else str(said)


def upsert(session: Session, table: type[Any]) -> sqlite.Insert:
    """An INSERT that knows ON CONFLICT; both dialects spell it alike."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)  # type: ignore[return-value]  # same methods, no common type


def now_s() -> int:
    """The present in Unix seconds."""
    return int(time.time())
