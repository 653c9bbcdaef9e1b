"""Use cases before an import of candles: what a file holds, what the gate says, what would change."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mllib.candle_files import FileRows, RawCandles, read_candle_file, read_rows
from mllib.candle_gate import GateReport, refusals, unchecked_candles
from mllib.candle_merging import Comparison
from mllib.candles import Candles
from mllib.errors import InvalidCandles
from mllib.market_gaps import MarketGap, market_gaps
from mllib.pipeline.data import Adjust, judge_candles
from mllib.pipeline.workspace import Workspace
from mllib.price_adjustment import PriceSplit
from mllib.progress import Progress, quiet
from mllib.series_guess import guess_pair, guess_timeframe
from mllib.timeframes import parse_timeframe
from mllib.upload_folders import upload_folder

_ROWS_AROUND = 3


@dataclass(frozen=True, slots=True, eq=False)
class SourceFile:
    """A file of candles as it was read: its candles, or why it cannot be read (`refusal`).

    `head` holds its first rows, `around` those around the one that cannot be read; `pair` and `timeframe`
    are guessed from its name and its candles.
    """

    name: str
    size_bytes: int
    head: FileRows
    raw: RawCandles | None
    refusal: InvalidCandles | None
    around: FileRows | None
    pair: str | None
    timeframe: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ImportPreview:
    """What an import would do: nothing where there are `refusals`, of which each names its row.

    `gaps` are those in which an open market's candles are missing. The report is about the candles after they
    were `adjusted`; its own splits are those that were not adjusted for.
    """

    refusals: tuple[InvalidCandles, ...]
    report: GateReport | None = None
    candles: Candles | None = None
    adjusted: tuple[PriceSplit, ...] = ()
    gaps: tuple[MarketGap, ...] = ()
    comparison: Comparison | None = None


def read_upload(ws: Workspace, name: str, content: bytes, *, progress: Progress | None = None) -> SourceFile:
    """What `read_source` says of a file of that name; on the disk it is there only while it is read.

    Raises:
        InvalidCandles: not even its first rows can be read.
        NotReady: the disk refuses.
    """
    with upload_folder(ws.home) as folder:
        file = folder / Path(name).name
        file.write_bytes(content)
        return read_source(file, progress=progress)


def read_source(file: Path, *, progress: Progress | None = None) -> SourceFile:
    """A file as it is before anyone has said what it is; one that cannot be read says why.

    Raises:
        InvalidCandles: not even its first rows can be read.
    """
    told = progress or quiet
    told(0.1, "looking at its first rows")
    name, size, head = file.name, file.stat().st_size, read_rows(file)
    told(0.2, "reading all rows")
    try:
        raw = read_candle_file(file)
    except InvalidCandles as exc:
        first = None if exc.row is None else exc.row - _ROWS_AROUND
        around = None if first is None else read_rows(file, first, count=2 * _ROWS_AROUND + 1)
        return SourceFile(name, size, head, None, exc, around, guess_pair(name), None)
    timeframe = guess_timeframe(raw.frame["time"].to_numpy(np.int64), name)
    return SourceFile(name, size, head, raw, None, None, guess_pair(name), timeframe)


def rows_near(raw: RawCandles, row: int) -> pd.DataFrame:
    """The candles around one (counted from 1): `row`, `time` as datetime64 in UTC, prices, `volume`."""
    first = max(row - _ROWS_AROUND, 1)
    frame = raw.frame.iloc[first - 1 : row + _ROWS_AROUND].copy()
    frame["time"] = pd.to_datetime(frame["time"], unit="s", errors="coerce")
    frame.insert(0, "row", np.arange(first, first + len(frame)))
    return frame


def preview_import(
    ws: Workspace,
    raw: RawCandles,
    *,
    pair: str,
    timeframe: str,
    adjust: Adjust = "none",
    splits: Sequence[PriceSplit] = (),
) -> ImportPreview:
    """What an import of these candles under that name would do; nothing is stored.

    Raises:
        InvalidCandles: the pair or the timeframe cannot name a series.
    """
    found = refusals(unchecked_candles(raw.frame, pair=pair, timeframe=parse_timeframe(timeframe)))
    if found:
        return ImportPreview(tuple(found))
    try:
        judged = judge_candles(raw, pair=pair, timeframe=timeframe, adjust=adjust, splits=splits)
    except InvalidCandles as exc:
        return ImportPreview((exc,))
    candles, report = judged.candles, judged.report
    gaps = tuple(market_gaps(candles, report.gaps))
    try:
        comparison = ws.candles.compare(candles, splits=judged.adjusted)
    except InvalidCandles as exc:
        return ImportPreview((exc,), report, candles, judged.adjusted, gaps)
    return ImportPreview((), report, candles, judged.adjusted, gaps, comparison)
