"""CSV, Parquet and JSON files of any common header, read into the frame that the gate judges.

Nothing is sorted, filled or corrected here. Whatever had to be decided is said in the notes. Rows
are counted from 1 below the header.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
_UNITS = ((1e11, "seconds", 1), (1e14, "milliseconds", 10**3), (1e17, "microseconds", 10**6))
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_COMPACT_DAY = r"(19|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_NUMBER = r"^-?[0-8]?\d{1,18}(\.\d*)?([eE]\+?\d{1,2})?$"
_ZONE = r"(Z|\d[+-]\d{2}:?\d{2}|:\d{2}(\.\d+)?[+-]\d{2})$"
_ISO_REWRITES = (
    (r"\s*(UTC|GMT)$", "Z"),
    (r"^(\d{4})[./](\d{2})[./](\d{2})", r"\1-\2-\3"),
    (r"^(\d{2})\.(\d{2})\.(\d{4})", r"\3-\2-\1"),
)


@dataclass(frozen=True, slots=True, eq=False)
class RawCandles:
    """What a file holds, unjudged: `time` int64 (Unix s UTC), `open high low close` float64 and,
    where the file has one, `volume` float64, in the file's order; `notes` for a person.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]


def read_candle_file(path: Path) -> RawCandles:
    """The candles of a CSV (`.csv`, `.txt`, also `.gz`), Parquet or JSON file and what was assumed.

    Delimiter, header names, and unit and form of the times are recognised. Times without a zone
    are UTC. Columns that are not needed are left out.

    Raises:
        InvalidCandles: if the file cannot be read or decoded, is cut off or empty, lacks a column,
            or holds a cell that is no number or time; row and column are named.
    """
    notes: list[str] = []
    table = _table(path, notes)
    columns, table = _join_date_and_time(_recognise(table.column_names, path.name), table)
    if table.num_rows == 0:
        raise InvalidCandles(f"{path.name}: found no rows, expected at least one candle. Check the export.")
    values: dict[str, NDArray[Any]] = {"time": _times(table.column(columns["time"]), path.name, notes)}
    if decimal_comma := _has_decimal_comma(table, columns):
        notes.append("Prices are written with a decimal comma.")
    for name in (name for name in COLUMNS[1:] if name in columns):
        values[name] = _numbers(table.column(columns[name]), name, path.name, decimal_comma)
    left_out = [name for at, name in enumerate(table.column_names) if at not in columns.values() and name]
    if left_out:
        notes.append(f"Left out: {', '.join(left_out)}.")
    return RawCandles(pd.DataFrame(values), tuple(notes))


def _table(path: Path, notes: list[str]) -> "pa.Table":
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq"):
        return parquet_table(path)
    return json_table(path, notes) if suffix == ".json" else _text_table(path, notes)


def kind_of(path: Path) -> Literal["csv.gz", "csv", "json", "parquet"]:
    """What a file is by how it begins; the ending under which `read_candle_file` reads it."""
    with path.open("rb") as file:
        head = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"\x1f\x8b"):
        return "csv.gz"
    return "json" if head[:1] in (b"{", b"[") else "csv"


def _text_table(path: Path, notes: list[str]) -> "pa.Table":
    text = read_text(path, notes)
    if text and text[-1] not in "\r\n":
        notes.append("The last line has no line end; the file may have been cut off there.")
    lines = text[:_HEAD].splitlines(keepends=True)
    filled = [at for at, line in enumerate(lines) if line.strip()]
    if not filled:
        raise unreadable(path, "an empty file", "a header and candles")
    at, delimiter = _header(lines, filled)
    if above := filled.index(at):
        notes.append(f"Left out above the header: {above} line{'s' if above > 1 else ''}.")
    names = [name.strip() for name in next(csv.reader([lines[at]], delimiter=delimiter))]
    _recognise(names, path.name)
    return _parse_rows(text[sum(map(len, lines[: at + 1])) :], names, delimiter, path)


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
            raise unreadable(path, found, f"{row.expected_columns}, as in the header") from exc
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


def _has_decimal_comma(table: "pa.Table", columns: dict[str, int]) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    prices = [table.column(columns[name]) for name in PRICE_COLUMNS]
    if not all(pa.types.is_string(price.type) for price in prices):
        return False
    comma = any(pc.any(pc.match_substring_regex(price, r"^\s*\d+,\d+\s*$")).as_py() for price in prices)
    point = any(pc.any(pc.match_substring(price, ".")).as_py() for price in prices)
    repeated = any(pc.any(pc.match_substring_regex(price, r",.*,")).as_py() for price in prices)
    return comma and not point and not repeated


def _numbers(column: "pa.ChunkedArray", name: str, file: str, decimal_comma: bool) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        if name == "volume":
            column = pc.if_else(pc.equal(column, ""), "nan", column)
        if decimal_comma:
            column = pc.replace_substring(column, ",", ".")
    try:
        return np.array(pc.cast(column, pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as exc:
        raise _bad_cell(column, _first_uncastable(column), name, file, "a number") from exc


def _first_uncastable(column: "pa.ChunkedArray") -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    first, after = 0, len(column)
    while after - first > 1:
        middle = (first + after) // 2
        try:
            pc.cast(column[first:middle], pa.float64(), safe=False)
            first = middle
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            after = middle
    return first


def _bad_cell(column: "pa.ChunkedArray", row: int, name: str, file: str, expected: str) -> InvalidCandles:
    cell = column[row].as_py()
    found = "an empty cell" if cell in ("", None) else repr(cell)
    return InvalidCandles(
        f"{file}: row {row + 1}, column {name}: found {found}, expected {expected}. "
        "Correct the cell or remove the row."
    )


def _times(column: "pa.ChunkedArray", file: str, notes: list[str]) -> NDArray[np.int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count:
        row = int(np.flatnonzero(pc.is_null(column).to_numpy())[0])
        raise _bad_cell(column, row, "time", file, "a time")
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        if pa.types.is_date(kind) or kind.tz is None:
            notes.append("Times carry no zone and were read as UTC.")
        return _whole_seconds(pd.to_datetime(column.to_pandas(), utc=True), column, file)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _epoch(column, file, notes)
    text = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    first = text[0].as_py()
    if _all_match(text, rf"^{_COMPACT_DAY}$") or not re.match(_NUMBER, first):
        return _calendar(text, file, notes)
    strange = np.flatnonzero(~pc.match_substring_regex(text, _NUMBER).to_numpy())
    if len(strange):
        raise _bad_cell(text, int(strange[0]), "time", file, f"a number like {first} in row 1")
    whole = _all_match(text, r"^-?\d+$")
    return _epoch(pc.cast(text, pa.int64() if whole else pa.float64()), file, notes)


def _all_match(text: "pa.ChunkedArray", pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(text, pattern)).as_py())


def _epoch(column: "pa.ChunkedArray", file: str, notes: list[str]) -> NDArray[np.int64]:
    values = column.to_numpy()
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise _bad_cell(column, row, "time", file, "a time")
    middle = float(np.median(np.abs(values)))
    choice = ((unit, factor) for limit, unit, factor in _UNITS if middle < limit)
    unit, factor = next(choice, ("nanoseconds", 10**9))
    notes.append(f"Times were read as Unix {unit}.")
    if (uneven := np.flatnonzero(values % factor != 0)).size:
        raise _bad_cell(column, int(uneven[0]), "time", file, f"whole seconds, in {unit}")
    return np.asarray(values // factor, dtype=np.int64)


def _calendar(text: "pa.ChunkedArray", file: str, notes: list[str]) -> NDArray[np.int64]:
    import pyarrow.compute as pc

    if _all_match(text, r"^\d{2}\.\d{2}\.\d{4}"):
        notes.append("Dates were read as day.month.year.")
    iso = text
    for pattern, replacement in _ISO_REWRITES:
        iso = pc.replace_substring_regex(iso, pattern, replacement)
    if not _all_match(iso, _ZONE):
        notes.append("Times carry no zone and were read as UTC.")
    parsed = pd.to_datetime(iso.to_pandas(), format="ISO8601", utc=True, errors="coerce")
    return _whole_seconds(parsed, text, file)


def _whole_seconds(times: "pd.Series[Any]", column: "pa.ChunkedArray", file: str) -> NDArray[np.int64]:
    moments = times.dt.tz_localize(None)
    if moments.isna().any():
        row = int(np.flatnonzero(moments.isna().to_numpy())[0])
        raise _bad_cell(column, row, "time", file, "a time such as 2024-05-31T13:00:00Z or Unix seconds")
    seconds = moments.astype("datetime64[s]")
    if (uneven := np.flatnonzero((moments != seconds).to_numpy())).size:
        raise _bad_cell(column, int(uneven[0]), "time", file, "a time of whole seconds")
    return np.asarray(seconds.to_numpy().astype(np.int64), dtype=np.int64)
