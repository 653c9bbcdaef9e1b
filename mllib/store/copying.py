"""Whole tables, row by row, into an empty database; what a backup, a restore and a move share.

Tables are taken as the database has them, not as this version declares them, so that an older one is copied
as it is. JSON stays the text that was stored.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Insert,
    MetaData,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.exc import DataError, IntegrityError

from mllib.errors import Conflict, InvalidAnnotations
from mllib.progress import Progress

Batch = Sequence[Sequence[Any]]
"""Rows whose values are in the order of the columns of their source."""
_ROWS_A_BATCH = 2_000
_VERSION_TABLE = "alembic_version"


class Source(Protocol):
    """Where rows come from: `columns` and `counts` are by table."""

    columns: Mapping[str, Sequence[str]]
    counts: Mapping[str, int]

    def batches(self, table: str) -> Iterator[Batch]:
        """The rows of a table, none of which refers to a later one."""


class LiveSource:
    """A database as one transaction sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables = {table.name: table for table in tables_of(connection)}
        self.columns: Mapping[str, Sequence[str]] = {
            name: table.columns.keys() for name, table in self._tables.items()
        }
        self.counts: Mapping[str, int] = count_rows(connection, self._tables.values())

    def batches(self, table: str) -> Iterator[Batch]:
        """The rows of a table, so many at once that they need little memory."""
        query = _in_order(self._tables[table]).execution_options(yield_per=_ROWS_A_BATCH)
        with self._connection.execute(query) as result:
            yield from result.partitions()


def fill(connection: Connection, source: Source, progress: Progress) -> dict[str, int]:
    """Copy every row of a source into the empty tables of a transaction; how many rows each then has.

    Raises:
        Conflict: the source has other tables or columns, or a count differs afterwards.
        InvalidAnnotations: a row that this database cannot keep.
    """
    tables = tables_of(connection)
    _require_same({table.name: set(table.columns.keys()) for table in tables}, source)
    done, total = 0, max(1, sum(source.counts.values()))
    for table in tables:
        statement, columns = _insert(table, connection.dialect.name), source.columns[table.name]
        for batch in source.batches(table.name):
            rows = [dict(zip(columns, row, strict=True)) for row in batch]
            _write(connection, table.name, statement, rows)
            done += len(rows)
            progress(min(1.0, done / total), table.name)
    _set_sequences(connection, tables)
    counts = count_rows(connection, tables)
    for name, count in counts.items():
        if source.counts[name] != count:
            raise Conflict(
                f"Table {name}: found {count} rows after copying, expected {source.counts[name]}. Nothing "
                "was written. Try again; what was copied from is unchanged."
            )
    return counts


def tables_of(connection: Connection) -> list[Table]:
    """Every table with rows of ours, parents before the tables that refer to them."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name != _VERSION_TABLE)
    return list(found.sorted_tables)


def count_rows(connection: Connection, tables: Iterable[Table]) -> dict[str, int]:
    """How many rows each table has."""
    return {table.name: connection.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def require_no_rows(where: str, connection: Connection) -> None:
    """Raise `Conflict` for a database that somebody uses already."""
    counts = count_rows(connection, tables_of(connection))
    if any(counts.values()):
        fullest = max(counts, key=lambda name: counts[name])
        raise Conflict(
            f"Database {where} cannot be filled: found {sum(counts.values())} rows, {counts[fullest]} of "
            f"them in {fullest}, expected none. Make a new one: createdb for PostgreSQL; for a home another "
            "CANDLELOOP_HOME, or move its candleloop.db and the -wal file away first."
        )


def _require_same(found: Mapping[str, set[str]], source: Source) -> None:
    expected = {name: set(columns) for name, columns in source.columns.items()}
    if found != expected:
        names = sorted({*found, *expected})
        other = ", ".join(name for name in names if found.get(name) != expected.get(name))
        raise Conflict(
            f"Tables {other}: found other columns in the target than in the source, expected the same of one "
            "version. Use a target of its own, which no other program has tables in."
        )


def _write(connection: Connection, table: str, statement: Insert, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    try:
        connection.execute(statement, rows)
    except (DataError, IntegrityError) as exc:
        reason = str(exc.orig).splitlines()[0]
        raise InvalidAnnotations(
            f"Table {table}: found a row that the target cannot keep ({reason}), expected none. Nothing was "
            "written. Correct the row where it came from, and try again."
        ) from exc


def _set_sequences(connection: Connection, tables: Iterable[Table]) -> None:
    """Let PostgreSQL go on numbering after the highest number of each table; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for column in (column for table in tables for column in table.primary_key):
        name = connection.scalar(select(func.pg_get_serial_sequence(column.table.name, column.name)))
        if name is not None:
            newest = connection.scalar(select(func.max(column)))
            connection.execute(select(func.setval(name, newest or 1, newest is not None)))


def _in_order(table: Table) -> Select[Any]:
    """The rows by their key; where they refer to others of the table, first those that refer to none."""
    columns, keys = [_read(column) for column in table.columns], table.primary_key.columns.values()
    parent = next((key.parent for key in table.foreign_keys if key.column.table is table), None)
    if parent is None:
        return select(*columns).order_by(*keys)
    key = keys[0]
    chain = select(key.label("link"), literal(0).label("depth")).where(parent.is_(None))
    chain_so_far = chain.cte("chain", recursive=True)
    whole = chain_so_far.union_all(select(key, chain_so_far.c.depth + 1).where(parent == chain_so_far.c.link))
    return select(*columns).join(whole, whole.c.link == key).order_by(whole.c.depth, key)


def _read(column: Column[Any]) -> ColumnElement[Any]:
    return cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column


def _insert(table: Table, dialect: str) -> Insert:
    """An INSERT that takes JSON as text. In SQLite it is text; a cast would look for a number in it."""
    values: dict[str, ColumnElement[Any]] = {}
    for column in table.columns:
        is_json = isinstance(column.type, JSON)
        given = bindparam(column.name, type_=Text() if is_json else column.type)
        values[column.name] = cast(given, column.type) if is_json and dialect == "postgresql" else given
    return insert(table).values(values)
