"""Use cases about candles: import, check, rename, delete, samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mllib.candle_archive import MergeReport
from mllib.candle_files import RawCandles, read_candle_file
from mllib.candle_gate import GateReport, check_arrays, check_candles
from mllib.candles import Candles
from mllib.errors import NotFound
from mllib.pipeline.annotations import refresh_layers
from mllib.pipeline.importing import import_annotations
from mllib.pipeline.workspace import Workspace
from mllib.price_adjustment import PriceSplit, adjusted, named_splits
from mllib.timeframes import parse_timeframe

Adjust = Literal["none", "split"]
_SAMPLES = Path(__file__).parents[2] / "data" / "samples"


@dataclass(frozen=True, slots=True)
class CandleImport:
    """What an import read, what the gate says of it, and what changed in the store.

    `adjusted` are the splits that it was adjusted for; the report is about the candles after that.
    """

    notes: tuple[str, ...]
    report: GateReport
    merged: MergeReport | None
    adjusted: tuple[PriceSplit, ...] = ()


def import_candles(
    ws: Workspace,
    file: Path,
    *,
    pair: str,
    timeframe: str,
    adjust: Adjust = "none",
    splits: Sequence[PriceSplit] = (),
) -> CandleImport:
    """Reads, checks and merges a file's candles by time; nothing is written unless all of it is right.

    With `adjust="split"` prices and volume from before each clear split are put into the newest shares.
    `splits` are those that a person names: they are adjusted in any case, and a ratio of 1 exempts a candle.

    Raises:
        InvalidCandles: naming file or series, place, found, expected.
        NotReady: the disk or the database cannot be written; what was stored stays whole.
    """
    read = _read(file, pair, timeframe, adjust, splits)
    candles = read.candles
    # First, so that a database that refuses does so before anything is merged.
    ws.store.talib.outdate(candles.pair, candles.timeframe)
    merged = ws.candles.merge(candles, splits=read.adjusted)
    refresh_layers(ws, pair=candles.pair, timeframe=candles.timeframe)
    return CandleImport(read.raw.notes, read.report, merged, read.adjusted)


def check_file(
    file: Path, *, pair: str, timeframe: str, adjust: Adjust = "none", splits: Sequence[PriceSplit] = ()
) -> CandleImport:
    """What `import_candles` would say of a file, without storing anything."""
    read = _read(file, pair, timeframe, adjust, splits)
    return CandleImport(read.raw.notes, read.report, None, read.adjusted)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    raw: RawCandles
    candles: Candles
    report: GateReport
    adjusted: tuple[PriceSplit, ...]


def _read(file: Path, pair: str, timeframe: str, adjust: Adjust, splits: Sequence[PriceSplit]) -> _Read:
    raw = read_candle_file(file)
    candles, report = check_candles(raw.frame, pair=pair, timeframe=parse_timeframe(timeframe))
    found = {split.time: split.ratio for split in report.splits if split.is_clear and adjust == "split"}
    found |= named_splits(candles, splits)
    applied = tuple(PriceSplit(time, found[time]) for time in sorted(found) if found[time] != 1)
    if applied:
        candles = adjusted(candles, applied)
        report = check_arrays(candles)
    return _Read(raw, candles, report, applied)


def rename_series(ws: Workspace, *, pair: str, timeframe: str, new_pair: str) -> None:
    """Gives a series another symbol; its annotations follow.

    Raises:
        NotFound: there is no such series.
        Conflict: the new symbol is taken.
    """
    timeframe = parse_timeframe(timeframe)
    ws.candles.rename(pair, timeframe, new_pair)
    try:
        ws.store.series.rename(pair, timeframe, new_pair)
    except NotFound:
        ws.store.series.ensure(new_pair, timeframe)
    except BaseException:
        ws.candles.rename(new_pair, timeframe, pair)
        raise


def delete_series(ws: Workspace, *, pair: str, timeframe: str, with_annotations: bool = False) -> None:
    """Deletes stored candles; annotations stay for a later import unless asked otherwise.

    Raises:
        NotFound: there is no such series.
    """
    timeframe = parse_timeframe(timeframe)
    ws.candles.delete(pair, timeframe)
    if with_annotations:
        ws.store.series.delete(pair, timeframe)


def import_samples(ws: Workspace) -> list[str]:
    """Imports the repository's samples that are not stored yet; the names of the new ones."""
    stored = {(series.pair, series.timeframe) for series in ws.candles.list()}
    added = []
    for file in sorted(_SAMPLES.glob("*.parquet")):
        pair, _, timeframe = file.stem.rpartition("_")
        if (pair, timeframe) in stored:
            continue
        import_candles(ws, file, pair=pair, timeframe=timeframe)
        annotations = file.with_name(f"{file.stem}.annotations.json")
        if annotations.is_file():
            import_annotations(ws, annotations, pair=pair, timeframe=timeframe)
        added.append(f"{pair} {timeframe}")
    return added
