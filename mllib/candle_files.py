"""CSV, Parquet and JSON files of any common header, read into the frame that the gate judges.

Nothing is sorted, filled or corrected here. Whatever had to be decided is said in the notes. Rows
are counted from 1 below the header.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pandas as pd
from numpy.typing import NDArray

from mllib.amounts import count
from mllib.candle_cells import has_decimal_comma, numbers, times_of
from mllib.candle_json import json_table
from mllib.candles import COLUMNS, PRICE_COLUMNS
from mllib.errors import InvalidCandles
from mllib.source_files import parquet_table, read_text, unreadable

if TYPE_CHECKING:
    import pyarrow as pa

_TIME_NAMES = (
    *("time", "timestamp", "ts", "unix", "unix time", "unix timestamp", "epoch", "open time", "opentime"),
    *("gmt time", "time utc", "utc", "datetime", "date time", "date utc", "date", "index level 0"),
)
_NAMES: dict[str, tuple[str, ...]] = {
    "open": ("open", "o", "open price"),
    "high": ("high", "h", "high price"),
    "low": ("low", "l", "low price"),
    "close": ("close", "c", "close price"),
    "volume": ("volume", "v", "tick volume", "tickvolume", "tickvol", "vol", "real volume"),
}
"""Normalised header names, the most telling first; a `volume ...` of any kind comes after these."""

_DELIMITERS = ",;\t|"
_LINES_ABOVE_HEADER = 5
_HEAD = 1 << 16
"""The header is looked for among so many characters."""
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")


@dataclass(frozen=True, slots=True, eq=False)
class RawCandles:
    """What a file holds, unjudged: `time` int64 (Unix s UTC), `open high low close` float64 and,
    where the file has one, `volume` float64, in the file's order; `notes` for a person.

    `headers` says under which name the file has each column.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileRows:
    """Some rows of a file as they are written, from row `first` on; `meanings` are by header name."""

    names: list[str]
    meanings: dict[str, str]
    first: int
    rows: list[list[str]]


def read_candle_file(path: Path) -> RawCandles:
    """The candles of a CSV (`.csv`, `.txt`, also `.gz`), Parquet or JSON file and what was assumed.

    Delimiter, header names, and unit and form of the times are recognised. Times without a zone
    are UTC. Columns that are not needed are left out.

    Raises:
        InvalidCandles: if the file cannot be read or decoded, is cut off or empty, lacks a column,
            or holds a cell that is no number or time; row and column are named, and `others` are the
            first such cells of further columns.
    """
    notes: list[str] = []
    table = _table(path, notes)
    columns, table = _join_date_and_time(_recognise(table.column_names, path.name), table)
    if table.num_rows == 0:
        raise InvalidCandles(f"{path.name}: found no rows, expected at least one candle. Check the export.")
    values = _values(table, columns, path.name, notes)
    left_out = [name for at, name in enumerate(table.column_names) if at not in columns.values() and name]
    if left_out:
        notes.append(f"Left out: {', '.join(left_out)}.")
    headers = {name: table.column_names[at] for name, at in columns.items()}
    return RawCandles(pd.DataFrame(values), tuple(notes), headers)


def _values(
    table: "pa.Table", columns: dict[str, int], file: str, notes: list[str]
) -> dict[str, NDArray[Any]]:
    """The times and numbers of a table by name; raises for all columns at once."""
    values: dict[str, NDArray[Any]] = {}
    refusals: list[InvalidCandles] = []
    decimal_comma = has_decimal_comma(table, columns)
    for name in (name for name in COLUMNS if name in columns):
        column = table.column(columns[name])
        try:
            if name == "time":
                values[name] = times_of(column, file, notes)
            else:
                values[name] = numbers(column, name, file, decimal_comma)
        except InvalidCandles as exc:
            refusals.append(exc)
    if refusals:
        refusals[0].others = tuple(refusals[1:])
        raise refusals[0]
    if decimal_comma:
        notes.append("Prices are written with a decimal comma.")
    return values


def read_rows(path: Path, first: int = 1, *, count: int = 8) -> FileRows:
    """Rows of a CSV or Parquet file as they are written, also of one that `read_candle_file` refuses.

    A JSON file has no rows of its own: none are given.

    Raises:
        InvalidCandles: if the file cannot be read at all.
    """
    kind, first = _form_of(path), max(first, 1)
    if kind == "json":
        return FileRows([], {}, first, [])
    if kind == "parquet":
        table = parquet_table(path).slice(first - 1, count)
        names = list(table.column_names)
        rows = [["" if cell is None else str(cell) for cell in row.values()] for row in table.to_pylist()]
    else:
        sheet = _sheet(path, [])
        names = sheet.names
        filled = (row for row in csv.reader(io.StringIO(sheet.body), delimiter=sheet.delimiter) if row)
        rows = list(islice(filled, first - 1, first - 1 + count))
    return FileRows(names, {names[at]: meaning for meaning, at in _meanings(names).items()}, first, rows)


def _table(path: Path, notes: list[str]) -> "pa.Table":
    kind = _form_of(path)
    if kind == "parquet":
        return parquet_table(path)
    return json_table(path, notes) if kind == "json" else _text_table(path, notes)


def _form_of(path: Path) -> Literal["text", "json", "parquet"]:
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq"):
        return "parquet"
    return "json" if suffix == ".json" else "text"


def kind_of(path: Path) -> Literal["csv.gz", "csv", "json", "parquet"]:
    """What a file is by how it begins; the ending under which `read_candle_file` reads it."""
    with path.open("rb") as file:
        head = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x1f\x8b"):
        return "csv.gz"
    return "json" if head[:1] in (b"{", b"[") else "csv"


class _Sheet(NamedTuple):
    names: list[str]
    delimiter: str
    body: str


def _text_table(path: Path, notes: list[str]) -> "pa.Table":
    sheet = _sheet(path, notes)
    _recognise(sheet.names, path.name)
    return _parse_rows(sheet.body, sheet.names, sheet.delimiter, path)


def _sheet(path: Path, notes: list[str]) -> _Sheet:
    """A text file taken apart into its header and what lies below."""
    text = read_text(path, notes)
    if text and text[-1] not in "\r\n":
        notes.append("The last line has no line end; the file may have been cut off there.")
    lines = text[:_HEAD].splitlines(keepends=True)
    filled = [at for at, line in enumerate(lines) if line.strip()]
    if not filled:
        raise unreadable(path, "an empty file", "a header and candles")
    at, delimiter = _header(lines, filled)
    if above := filled.index(at):
        notes.append(f"Left out above the header: {count(above, 'line')}.")
    names = [name.strip() for name in next(csv.reader([lines[at]], delimiter=delimiter))]
    return _Sheet(names, delimiter, text[sum(map(len, lines[: at + 1])) :])


def _header(lines: Sequence[str], filled: Sequence[int]) -> tuple[int, str]:
    """The line of the header and its delimiter: the first that names a time and prices, else the first."""
    for at in filled[:_LINES_ABOVE_HEADER]:
        delimiter = max(_DELIMITERS, key=lines[at].count)
        meanings = _meanings(next(csv.reader([lines[at]], delimiter=delimiter)))
        if "time" in meanings and "close" in meanings:
            return at, delimiter
    return filled[0], max(_DELIMITERS, key=lines[filled[0]].count)


def _parse_rows(body: str, names: list[str], delimiter: str, path: Path) -> "pa.Table":
    import pyarrow as pa
    import pyarrow.csv as pc

    unique = [f"{at}" for at in range(len(names))]
    broken: list[Any] = []

    def stop(row: Any) -> str:
        broken.append(row)
        return "error"

    if not body.strip():
        return pa.table([pa.array([], pa.string())] * len(names), names=names)
    try:
        table = pc.read_csv(
            io.BytesIO(body.encode()),
            read_options=pc.ReadOptions(column_names=unique, use_threads=False, block_size=1 << 24),
            parse_options=pc.ParseOptions(delimiter=delimiter, invalid_row_handler=stop),
            convert_options=pc.ConvertOptions(column_types={name: pa.string() for name in unique}),
        )
    except pa.ArrowInvalid as exc:
        if broken:
            row = broken[0]
            found = f"{row.actual_columns} cells in row {row.number} ({row.text[:60]!r})"
            refusal = unreadable(path, found, f"{row.expected_columns}, as in the header")
            refusal.row = row.number
            raise refusal from exc
        raise unreadable(path, f"{exc}", "rows as the header has them") from exc
    return table.rename_columns(names)


def _normalised(name: str) -> str:
    """A header name reduced to lower-case words: `<Open_Time>` and `1. open` lose their decoration.

    >>> _normalised(" <TICKVOL> "), _normalised("1. open"), _normalised("Open_Time")
    ('tickvol', 'open', 'open time')
    """
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip()
    return re.sub(r"^\d+ ", "", words)


def _meanings(names: Sequence[str]) -> dict[str, int]:
    """The position of each column that the gate knows, and of `date` beside a `time`."""
    normalised = [_normalised(name) for name in names]
    found = {}
    for meaning, synonyms in {"time": _TIME_NAMES, **_NAMES}.items():
        if known := next((name for name in synonyms if name in normalised), None):
            found[meaning] = normalised.index(known)
    volumes = [at for at, name in enumerate(normalised) if name.startswith("volume ")]
    if "volume" not in found and volumes:
        found["volume"] = volumes[0]
    if "time" in found and "date" in normalised and normalised[found["time"]] == "time":
        found["date"] = normalised.index("date")
    return found


def _recognise(names: Sequence[str], file: str) -> dict[str, int]:
    found = _meanings(names)
    if missing := [name for name in ("time", *PRICE_COLUMNS) if name not in found]:
        shown = ", ".join(name.strip() for name in names)[:200]
        raise InvalidCandles(
            f"{file}: found the header {shown!r}, expected a column for {', '.join(missing)} as well. "
            "Name the columns time, open, high, low, close and volume in the first line."
        )
    return found


def _join_date_and_time(columns: dict[str, int], table: "pa.Table") -> tuple[dict[str, int], "pa.Table"]:
    """MetaTrader's separate day and clock as one time column; beside a full time, a date is left out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    date = columns.pop("date", None)
    clock = table.column(columns["time"])
    if date is None or table.num_rows == 0 or not pa.types.is_string(clock.type):
        return columns, table
    if not _CLOCK.fullmatch((clock[0].as_py() or "").strip()):
        return columns, table
    joined = pc.binary_join_element_wise(pc.cast(table.column(date), pa.string()), clock, " ")
    table = table.set_column(columns["time"], table.column_names[columns["time"]], joined)
    name = table.column_names[columns["time"]]
    table = table.remove_column(date)
    shifted = {key: at - (at > date) for key, at in columns.items()}
    return {**shifted, "time": table.column_names.index(name)}, table
