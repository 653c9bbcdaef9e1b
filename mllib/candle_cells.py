"""Cells of a file's columns as numbers and times; one that is neither is refused with its row.

Rows are counted from 1 below the header.
"""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mllib.candles import PRICE_COLUMNS
from mllib.errors import InvalidCandles

if TYPE_CHECKING:
    import pyarrow as pa

_UNITS = ((1e11, "seconds", 1), (1e14, "milliseconds", 10**3), (1e17, "microseconds", 10**6))
_COMPACT_DAY = r"(19|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_NUMBER = r"^-?[0-8]?\d{1,18}(\.\d*)?([eE]\+?\d{1,2})?$"
_ZONE = r"(Z|\d[+-]\d{2}:?\d{2}|:\d{2}(\.\d+)?[+-]\d{2})$"
_ISO_REWRITES = (
    (r"\s*(UTC|GMT)$", "Z"),
    (r"^(\d{4})[./](\d{2})[./](\d{2})", r"\1-\2-\3"),
    (r"^(\d{2})\.(\d{2})\.(\d{4})", r"\3-\2-\1"),
)


def has_decimal_comma(table: "pa.Table", columns: dict[str, int]) -> bool:
    """Whether the prices of a table are text that writes 1,5 for one and a half."""
    import pyarrow as pa
    import pyarrow.compute as pc

    prices = [table.column(columns[name]) for name in PRICE_COLUMNS]
    if not all(pa.types.is_string(price.type) for price in prices):
        return False
    comma = any(pc.any(pc.match_substring_regex(price, r"^\s*\d+,\d+\s*$")).as_py() for price in prices)
    point = any(pc.any(pc.match_substring(price, ".")).as_py() for price in prices)
    repeated = any(pc.any(pc.match_substring_regex(price, r",.*,")).as_py() for price in prices)
    return comma and not point and not repeated


def numbers(column: "pa.ChunkedArray", name: str, file: str, decimal_comma: bool) -> NDArray[np.float64]:
    """The numbers of a column, `float64 (n_rows,)`; an empty volume is NaN.

    Raises:
        InvalidCandles: naming the first cell that is no number.
    """
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
        "Correct the cell or remove the row.",
        row=row + 1,
    )


def times_of(column: "pa.ChunkedArray", file: str, notes: list[str]) -> NDArray[np.int64]:
    """The times of a column in Unix seconds UTC, `int64 (n_rows,)`; what was assumed goes to the notes.

    Raises:
        InvalidCandles: naming the first cell that is no time of whole seconds.
    """
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
