"""Candles written as JSON: a list of them, or an object that holds one under `candles`."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mllib.source_files import read_text, unreadable

if TYPE_CHECKING:
    import pyarrow as pa

_PRICES = ("open", "high", "low", "close")


class _Candle(msgspec.Struct, gc=False):
    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float | None = None


class _Candles(msgspec.Struct):
    candles: list[_Candle]


def json_table(path: Path, notes: list[str]) -> "pa.Table":
    """A JSON file's candles as a table with `time open high low close` and, where there is one, `volume`.

    Raises:
        InvalidCandles: if it cannot be read, is no JSON, or holds something else; the place is named.
    """
    import pyarrow as pa

    text = read_text(path, notes)
    try:
        if text.lstrip()[:1] == "[":
            rows = msgspec.json.decode(text, type=list[_Candle])
        else:
            rows = msgspec.json.decode(text, type=_Candles).candles
    except msgspec.ValidationError as exc:
        said, _, place = str(exc).partition(" - at ")
        expected = "candles as {time, open, high, low, close, volume?}"
        raise unreadable(path, f"{said[0].lower()}{said[1:]} at {place.strip('`') or '$'}", expected) from exc
    except (msgspec.DecodeError, RecursionError) as exc:
        raise unreadable(path, f"{exc}", "JSON") from exc
    columns = {"time": pa.array([row.time for row in rows], pa.int64())}
    columns |= {name: pa.array([getattr(row, name) for row in rows], pa.float64()) for name in _PRICES}
    if any(row.volume is not None for row in rows):
        columns["volume"] = pa.array([row.volume for row in rows], pa.float64())
    return pa.table(columns)
