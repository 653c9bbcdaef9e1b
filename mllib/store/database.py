"""One engine, and its short transactions. SQLite in WAL mode, or PostgreSQL through the same code."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from mllib.errors import InvalidConfig, NotReady
from mllib.store.engines import Patience, build_engine
from mllib.store.failures import file_gone, place, translated

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
        self.patience = Patience()
        self._engine = build_engine(url, patience=self.patience)
        self._reading = _snapshots(self._engine)
        self._writing = self._engine.execution_options(alone=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one snapshot and writes nothing."""
        self._find_file()
        with translated(self.where), Session(self._reading) as session, session.begin():
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction beside which nobody else writes from its start on, so that what it read stays true.

        SQLite has its write lock for that, PostgreSQL an advisory lock that every writer takes first. So
        transactions are committed in the order in which they numbered their rows, too: a reader that has
        seen row 7 of a table will not find a row 6 afterwards.

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
        return _checked(url_or_home_path)
    return URL.create("sqlite", database=str(Path(url_or_home_path).resolve() / FILE_NAME))


def _checked(text: str) -> URL:
    """The URL that a text is. What cannot be read is not repeated: it may hold a password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in ("sqlite", "postgresql"):
        found = f"{text.partition('://')[0]}://…"
        raise InvalidConfig(
            f"Database URL: found {found}, which cannot be read as one, expected "
            "postgresql://USER:PASSWORD@HOST:5432/NAME or sqlite:////PATH. Correct it; special characters "
            "of the password are written as %40 for @, %2F for / and so on."
        )
    return url


def _snapshots(engine: Engine) -> Engine:
    """The engine for transactions that see one snapshot, which SQLite's always do."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


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
