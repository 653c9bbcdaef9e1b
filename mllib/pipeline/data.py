"""Use cases about candles: import, check, rename, delete, samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mllib.candle_files import RawCandles, read_candle_file
from mllib.candle_gate import GateReport, check_arrays, check_candles
from mllib.candle_merging import MergeReport
from mllib.candles import Candles
from mllib.errors import NotFound
from mllib.pipeline.annotations import refresh_layers
from mllib.pipeline.importing import import_annotations
from mllib.pipeline.workspace import Workspace
from mllib.price_adjustment import PriceSplit, adjusted, named_splits
from mllib.progress import Progress, quiet
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
    raw = read_candle_file(file)
    return store_candles(ws, raw, pair=pair, timeframe=timeframe, adjust=adjust, splits=splits)


def store_candles(
    ws: Workspace,
    raw: RawCandles,
    *,
    pair: str,
    timeframe: str,
    adjust: Adjust = "none",
    splits: Sequence[PriceSplit] = (),
    progress: Progress | None = None,
) -> CandleImport:
    """What `import_candles` does with a file's candles, once it was read."""
    told = progress or quiet
    told(0.1, "checking")
    judged = judge_candles(raw, pair=pair, timeframe=timeframe, adjust=adjust, splits=splits)
    candles = judged.candles
    # First, so that a database that refuses does so before anything is merged.
    ws.store.talib.outdate(candles.pair, candles.timeframe)
    told(0.3, "writing")
    merged = ws.candles.merge(candles, splits=judged.adjusted)
    told(0.7, "finding TA-Lib's patterns again")
    refresh_layers(ws, pair=candles.pair, timeframe=candles.timeframe)
    return CandleImport(raw.notes, judged.report, merged, judged.adjusted)


def check_file(
    file: Path, *, pair: str, timeframe: str, adjust: Adjust = "none", splits: Sequence[PriceSplit] = ()
) -> CandleImport:
    """What `import_candles` would say of a file, without storing anything."""
    raw = read_candle_file(file)
    judged = judge_candles(raw, pair=pair, timeframe=timeframe, adjust=adjust, splits=splits)
    return CandleImport(raw.notes, judged.report, None, judged.adjusted)


@dataclass(frozen=True, slots=True, eq=False)
class JudgedCandles:
    """Candles as they would be stored, the gate's report on them, and the splits they were adjusted for."""

    candles: Candles
    report: GateReport
    adjusted: tuple[PriceSplit, ...]


def judge_candles(
    raw: RawCandles, *, pair: str, timeframe: str, adjust: Adjust, splits: Sequence[PriceSplit]
) -> JudgedCandles:
    """What the gate makes of a file's candles; raises InvalidCandles as `check_candles` does."""
    candles, report = check_candles(raw.frame, pair=pair, timeframe=parse_timeframe(timeframe))
    found = {split.time: split.ratio for split in report.splits if split.is_clear and adjust == "split"}
    found |= named_splits(candles, splits)
    applied = tuple(PriceSplit(time, found[time]) for time in sorted(found) if found[time] != 1)
    if applied:
        candles = adjusted(candles, applied)
        report = check_arrays(candles)
    return JudgedCandles(candles, report, applied)


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


def delete_series(ws: Workspace, *, pair: str, timeframe: str, with_annotations: bool = False) -> str:
    """Deletes stored candles; the name with which `undo_delete` brings them back.

    Annotations stay for a later import unless asked otherwise; then they are gone for good.

    Raises:
        NotFound: there is no such series.
        NotReady: the disk or the database cannot be written; then nothing is deleted.
    """
    timeframe = parse_timeframe(timeframe)
    deleted = ws.candles.delete(pair, timeframe)
    if not with_annotations:
        return deleted
    try:
        ws.store.series.delete(pair, timeframe)
    except NotFound:  # nothing was ever said of it
        return deleted
    except BaseException:
        ws.candles.bring_back(deleted)
        raise
    return deleted


def undo_delete(ws: Workspace, deleted: str) -> tuple[str, str]:
    """Pair and timeframe of the candles that `delete_series` deleted, which are stored again.

    Raises:
        NotFound: they are not kept any more; only the series deleted last are.
        Conflict: candles were stored under that name since.
    """
    pair, timeframe = ws.candles.bring_back(deleted)
    ws.store.series.ensure(pair, timeframe)
    return pair, timeframe


def import_samples(ws: Workspace, *, progress: Progress | None = None) -> list[str]:
    """Imports the repository's samples that are not stored yet; the names of the new ones."""
    stored = {(series.pair, series.timeframe) for series in ws.candles.list()}
    added, files = [], sorted(_SAMPLES.glob("*.parquet"))
    for at, file in enumerate(files):
        pair, _, timeframe = file.stem.rpartition("_")
        (progress or quiet)(at / len(files), f"{pair} {timeframe}")
        if (pair, timeframe) in stored:
            continue
        import_candles(ws, file, pair=pair, timeframe=timeframe)
        annotations = file.with_name(f"{file.stem}.annotations.json")
        if annotations.is_file():
            import_annotations(ws, annotations, pair=pair, timeframe=timeframe)
        added.append(f"{pair} {timeframe}")
    return added
