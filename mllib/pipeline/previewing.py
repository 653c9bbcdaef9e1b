"""Use cases before an import of candles: what a file holds, what the gate says, what would change."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mllib.candle_files import FileRows, RawCandles, read_candle_file, read_rows
from mllib.candle_gate import GateReport, refusals, unchecked_candles
from mllib.candle_merging import Comparison
from mllib.candles import Candles
from mllib.errors import InvalidCandles
from mllib.market_gaps import MarketGap, market_gaps
from mllib.models import Progress
from mllib.pipeline.data import Adjust, judge_candles
from mllib.pipeline.workspace import Workspace
from mllib.price_adjustment import PriceSplit
from mllib.series_guess import guess_pair, guess_timeframe
from mllib.timeframes import parse_timeframe

_ROWS_BEFORE = 3


@dataclass(frozen=True, slots=True, eq=False)
class SourceFile:
    """A file of candles as it was read: its candles, or why it cannot be read (`refusal`).

    `head` holds its first rows; `pair` and `timeframe` are guessed from its name and its candles.
    """

    path: Path
    head: FileRows
    raw: RawCandles | None
    refusal: InvalidCandles | None
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


def read_source(file: Path, *, progress: Progress | None = None) -> SourceFile:
    """A file as it is before anyone has said what it is; one that cannot be read says why.

    Raises:
        InvalidCandles: not even its first rows can be read.
    """
    if progress is not None:
        progress(0.1, "looking at its first rows")
    head = read_rows(file)
    if progress is not None:
        progress(0.2, "reading all rows")
    try:
        raw = read_candle_file(file)
    except InvalidCandles as exc:
        return SourceFile(file, head, None, exc, guess_pair(file.name), None)
    timeframe = guess_timeframe(raw.frame["time"].to_numpy(np.int64), file.name)
    return SourceFile(file, head, raw, None, guess_pair(file.name), timeframe)


def rows_around(source: SourceFile, row: int) -> FileRows:
    """The rows of a file around one of them, as they are written."""
    return read_rows(source.path, row - _ROWS_BEFORE, count=2 * _ROWS_BEFORE + 1)


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
