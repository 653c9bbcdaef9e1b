"""Candles as Parquet, and what the end of such a file says of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import COLUMNS, PRICE_COLUMNS, Candles
from mllib.price_adjustment import PriceSplit

if TYPE_CHECKING:
    import pyarrow as pa

FOOTER_BYTES = 64 * 1024
"""So much of a file's end is read at first; its last 8 bytes say how much it takes."""

_SPLITS = b"candleloop.splits"
"""The key in a file's metadata under which the splits are kept that its prices were adjusted for."""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """One stored series; times are the opens of its first and last candle (Unix s).

    `splits` are those that prices and volume were adjusted for at an import.
    """

    pair: str
    timeframe: str
    rows: int
    first_time: int
    last_time: int
    size_bytes: int
    splits: tuple[PriceSplit, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletedSeries:
    """A series that is kept for a while after it was deleted; `name` is for `bring_back`."""

    name: str
    pair: str
    timeframe: str
    deleted_at: float
    size_bytes: int


def to_parquet(candles: Candles, splits: Sequence[PriceSplit]) -> memoryview:
    """The content of a series' file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = COLUMNS if candles.volume is not None else COLUMNS[:-1]
    table = pa.table({name: getattr(candles, name) for name in names})
    if splits:
        table = table.replace_schema_metadata({_SPLITS: json.dumps(splits)})
    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd", write_statistics=True)
    return memoryview(content.getvalue())


def from_parquet(path: Path, pair: str, timeframe: str) -> Candles:
    """The candles of a series' file."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        table = file.read(use_threads=False)
    columns = {name: _array(table.column(name)) for name in ("time", *PRICE_COLUMNS)}
    volume = _array(table.column("volume")) if "volume" in table.column_names else None
    return Candles(pair, timeframe, **columns, volume=volume)


def footer_bytes(end: bytes) -> int:
    """How many bytes of a file's end its metadata takes, by the last eight."""
    return int.from_bytes(end[-8:-4], "little") + 8


def described(end: bytes, pair: str, timeframe: str, *, size_bytes: int) -> SeriesInfo:
    """What the end of a file, with its whole metadata, says of the series."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(pa.BufferReader(end)) as file:
        metadata, column = file.metadata, file.schema_arrow.names.index("time")
        splits = json.loads((file.schema_arrow.metadata or {}).get(_SPLITS, b"[]"))
    ranges = [metadata.row_group(group).column(column).statistics for group in range(metadata.num_row_groups)]
    first, last = min(part.min for part in ranges), max(part.max for part in ranges)
    kept = tuple(PriceSplit(*split) for split in splits)
    return SeriesInfo(pair, timeframe, metadata.num_rows, first, last, size_bytes, kept)


def _array(column: "pa.ChunkedArray") -> NDArray[Any]:
    """The values of a column without nulls; `to_numpy` would import pandas, which costs a second."""
    return np.concatenate([np.from_dlpack(chunk) for chunk in column.chunks])
