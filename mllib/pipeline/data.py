"""Use cases about candles: import, check, rename, delete, samples."""

from dataclasses import dataclass
from pathlib import Path

from mllib.candle_archive import MergeReport
from mllib.candle_files import read_candle_file
from mllib.candle_gate import GateReport, check_candles
from mllib.errors import NotFound
from mllib.pipeline.annotations import refresh_layers
from mllib.pipeline.importing import import_annotations
from mllib.pipeline.workspace import Workspace
from mllib.timeframes import parse_timeframe

_SAMPLES = Path(__file__).parents[2] / "data" / "samples"


@dataclass(frozen=True, slots=True)
class CandleImport:
    """What an import read, what the gate says of it, and what changed in the store."""

    notes: tuple[str, ...]
    report: GateReport
    merged: MergeReport | None


def import_candles(ws: Workspace, file: Path, *, pair: str, timeframe: str) -> CandleImport:
    """Reads, checks and merges a file's candles by time; nothing is written unless all of it is right.

    Raises:
        InvalidCandles: naming file or series, place, found, expected.
        NotReady: the disk or the database cannot be written; what was stored stays whole.
    """
    raw = read_candle_file(file)
    candles, report = check_candles(raw.frame, pair=pair, timeframe=parse_timeframe(timeframe))
    merged = ws.candles.merge(candles)
    ws.store.series.ensure(candles.pair, candles.timeframe)
    if merged.added or merged.changed:
        refresh_layers(ws, pair=candles.pair, timeframe=candles.timeframe)
    return CandleImport(raw.notes, report, merged)


def check_file(file: Path, *, pair: str, timeframe: str) -> CandleImport:
    """What `import_candles` would say of a file, without storing anything."""
    raw = read_candle_file(file)
    _, report = check_candles(raw.frame, pair=pair, timeframe=parse_timeframe(timeframe))
    return CandleImport(raw.notes, report, None)


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
