"""One engine, and its short transactions. SQLite in WAL mode, or PostgreSQL through the same code."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from mllib.store.failures import BUSY_TIMEOUT_S, place, translated

FILE_NAME = "candleloop.db"


class Database:
    """Transactions on one database; safe to share between threads, not across a fork."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.where = place(url)
        self._engine = build_engine(url)
        self._writing = self._engine.execution_options(sqlite_begin="IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one snapshot and writes nothing."""
        with translated(self.where), Session(self._engine) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that holds SQLite's write lock from its start, so that what it read stays true."""
        with translated(self.where), Session(self._writing) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def database_url(url_or_home_path: str | Path) -> URL:
    """The URL as given, or that of `candleloop.db` in a home folder."""
    if isinstance(url_or_home_path, str) and "://" in url_or_home_path:
        return make_url(url_or_home_path)
    return URL.create("sqlite", database=str(Path(url_or_home_path).resolve() / FILE_NAME))


def build_engine(url: URL, *, for_migration: bool = False) -> Engine:
    """An engine whose SQLite connections wait for locks and write through to the disk.

    For a migration, foreign keys are off (SQLite rebuilds tables by dropping them) and nothing is pooled.
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
    return engine


def _begin(connection: Connection) -> None:
    """BEGIN as the option `sqlite_begin` says: DEFERRED (default), IMMEDIATE, or NONE for pragmas."""
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    if mode != "NONE":
        connection.exec_driver_sql(f"BEGIN {mode}")


def upsert(session: Session, table: type[Any]) -> sqlite.Insert:
    """An INSERT that knows ON CONFLICT; both dialects spell it alike."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)  # type: ignore[return-value]  # same methods, no common type


def now_s() -> int:
    """The present in Unix seconds."""
    return int(time.time())
