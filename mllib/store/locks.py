"""Names that one holder has at a time, in every process and, on PostgreSQL, on every machine."""

import fcntl
import hashlib
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from mllib.errors import NotReady
from mllib.store.database import Database
from mllib.store.engines import build_engine
from mllib.store.failures import translated

_FOLDER = "locks"
_RETRY_S = 0.05
_PREFIX = "candleloop:"
_LOCK_NOT_AVAILABLE = "55P03"


class LockRepository:
    """Locks by name. A holder that dies, or whose machine does, lets go of what it held.

    On PostgreSQL an advisory lock of a connection of its own, on SQLite a locked file beside the database.
    Neither can be taken twice, not even by who holds it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine: Engine | None = None

    @contextmanager
    def hold(self, name: str, *, timeout_s: float = 60) -> Iterator[None]:
        """Hold a name alone; whoever else wants it waits up to `timeout_s`.

        Raises:
            NotReady: it was not free in time, the database or the disk cannot be used, or the connection
                that held it broke meanwhile, so that another one may have held it too.
        """
        is_sqlite = self._database.url.get_backend_name() == "sqlite"
        with self._in_file(name, timeout_s) if is_sqlite else self._in_server(name, timeout_s):
            yield

    def close(self) -> None:
        """Let go of the engine; locks that are held stay held."""
        if self._engine is not None:
            self._engine.dispose()

    @contextmanager
    def _in_file(self, name: str, timeout_s: float) -> Iterator[None]:
        path = Path(self._database.where).parent / _FOLDER / _file_name(name)
        try:
            path.parent.mkdir(exist_ok=True)
            file = path.open("ab")
        except OSError as exc:
            raise NotReady(
                f"Lock {path}: found {exc.strerror}, expected a file to hold. "
                "Give this user write access to the folder, or free some space."
            ) from exc
        with file:
            give_up_at = time.monotonic() + timeout_s
            while not _is_locked_now(file):
                if time.monotonic() >= give_up_at:
                    raise _taken(name, timeout_s)
                time.sleep(_RETRY_S)
            yield  # closing the file lets go

    @contextmanager
    def _in_server(self, name: str, timeout_s: float) -> Iterator[None]:
        key = _key(name)
        with translated(self._database.where):
            connection = self._connect()
        try:
            with translated(self._database.where):
                _take(connection, key, name, timeout_s)
            yield
            with translated(self._database.where):
                connection.execute(select(func.pg_advisory_unlock(key)))
        finally:
            connection.close()  # not pooled: this ends the server's session, and what it held with it

    def _connect(self) -> Connection:
        if self._engine is None:
            engine = build_engine(self._database.url, for_migration=True)
            self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        return self._engine.connect()


def _take(connection: Connection, key: int, name: str, timeout_s: float) -> None:
    wait_ms = max(1, round(timeout_s * 1000))  # 0 would wait for ever
    connection.execute(select(func.set_config("statement_timeout", "0", False)))
    connection.execute(select(func.set_config("lock_timeout", str(wait_ms), False)))
    try:
        connection.execute(select(func.pg_advisory_lock(key)))
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise _taken(name, timeout_s) from exc
        raise


def _is_locked_now(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _key(name: str) -> int:
    """The number that PostgreSQL knows a name by: 64 bits of a hash, signed."""
    return int.from_bytes(hashlib.sha256((_PREFIX + name).encode()).digest()[:8], "big", signed=True)


def _file_name(name: str) -> str:
    """A name that every file system takes and that no other name has.

    >>> _file_name("candles BTC/USDT 1h")
    'candles_BTC_USDT_1h-7b2f86ee'
    """
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[:80]
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _taken(name: str, timeout_s: float) -> NotReady:
    return NotReady(
        f"{name} cannot be had alone: found another process at it for {timeout_s:g} s, expected it free. "
        "Try again when that one is done."
    )
