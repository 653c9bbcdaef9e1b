"""Engines of SQLAlchemy, each with how long its database may take to answer."""

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import NoSuchModuleError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from mllib.errors import InvalidConfig
from mllib.extras import to_install
from mllib.store.failures import BUSY_TIMEOUT_S, place

if TYPE_CHECKING:
    import psycopg

WRITE_LOCK = 0x63616E646C65
"""PostgreSQL's advisory lock of whoever writes; "candle", or any number that nobody else locks."""
_CONNECT_TIMEOUT_S = 5
_STATEMENT_TIMEOUT_S = 60
_MIGRATION_WAITS_S = 60
_TRIED_AGAIN_S = 0.5
_HALF_OPEN = {
    "connect_timeout": _CONNECT_TIMEOUT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""libpq's words for finding out, in seconds, that the machine at the other end is gone."""
_SERVER_KEEPALIVES = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""The same for the server, which would hold the locks of a machine that is gone for two hours."""


class by_code_point(FunctionElement[str]):  # noqa: N801  # used as a function of SQL
    """A text column to sort by: the same order on every server, whatever language it is set up in."""

    name = "by_code_point"
    inherit_cache = True


@compiles(by_code_point)
def _as_it_is(element: by_code_point, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(by_code_point, "postgresql")
def _in_c(element: by_code_point, compiler: SQLCompiler, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)}) COLLATE "C"'


@dataclass(slots=True)
class Patience:
    """For how long a server that is away is tried again before that is said; it may be set at any time."""

    seconds: float = 0.0


def build_engine(url: URL, *, for_migration: bool = False, patience: Patience | None = None) -> Engine:
    """An engine whose connections wait for locks and, on SQLite, write through to the disk.

    For a migration, foreign keys are off (SQLite rebuilds tables by dropping them), nothing is pooled,
    statements may take as long as they like, and a missing file is made.

    Raises:
        InvalidConfig: no driver is there for such a database.
    """
    pool: dict[str, Any] = {"poolclass": NullPool} if for_migration else {}
    if url.get_backend_name() == "postgresql":
        engine = _postgresql(url, for_migration=for_migration, pool=pool)
        if patience is not None:
            event.listen(engine, "do_connect", _trying_again(patience))
        return engine
    return _sqlite(url, for_migration=for_migration, pool=pool)


def _postgresql(url: URL, *, for_migration: bool, pool: dict[str, Any]) -> Engine:
    arguments = {name: value for name, value in _HALF_OPEN.items() if name not in url.query}
    try:
        engine = create_engine(url, pool_pre_ping=not for_migration, connect_args=arguments, **pool)
    except (ModuleNotFoundError, NoSuchModuleError) as exc:
        raise InvalidConfig(
            f"Database {place(url)}: found no driver of it ({exc}), expected psycopg. "
            f"Run `{to_install('servers')}`."
        ) from exc
    _check_options(url)
    wait_s = _MIGRATION_WAITS_S if for_migration else BUSY_TIMEOUT_S
    longest_s = 0 if for_migration else _STATEMENT_TIMEOUT_S  # 0 is without end
    settings = _SERVER_KEEPALIVES | {
        "lock_timeout": f"{wait_s:g}s",
        "statement_timeout": f"{longest_s}s",
        # One that stops in the middle of a transaction would keep everybody else from writing.
        "idle_in_transaction_session_timeout": f"{longest_s}s",
        "timezone": "UTC",
    }
    one_query = "SELECT " + ", ".join(f"set_config('{name}', '{to}', false)" for name, to in settings.items())

    def prepare(connection: "psycopg.Connection[Any]", _record: object) -> None:
        connection.autocommit = True
        connection.execute(one_query.encode())
        connection.autocommit = False

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _take_write_lock)
    return engine


def _check_options(url: URL) -> None:
    import psycopg

    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    if unknown := sorted(url.query.keys() - known):
        raise InvalidConfig(
            f"Database {place(url)}: found the option {unknown[0]!r}, expected one that PostgreSQL's client "
            "knows, such as sslmode. Correct it."
        )


def _trying_again(patience: Patience) -> Callable[..., Any]:
    def connect(dialect: Any, _record: object, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        give_up_at = time.monotonic() + patience.seconds
        while True:
            try:
                return dialect.connect(*arguments, **keywords)
            except dialect.loaded_dbapi.OperationalError:
                if time.monotonic() >= give_up_at:
                    raise
                time.sleep(_TRIED_AGAIN_S)

    return connect


def _take_write_lock(connection: Connection) -> None:
    """Where the option `alone` is set, waits until nobody else writes, and keeps it so until the end.

    At READ COMMITTED each later statement sees what the one before had committed.
    """
    if connection.get_execution_options().get("alone"):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")


def _sqlite(url: URL, *, for_migration: bool, pool: dict[str, Any]) -> Engine:
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


def _begin(connection: Connection) -> None:
    """BEGIN that takes SQLite's write lock where the option `alone` is set; none at all for pragmas."""
    options = connection.get_execution_options()
    if not options.get("no_begin"):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("alone") else "BEGIN DEFERRED")


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
