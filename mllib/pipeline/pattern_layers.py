"""Use cases about TA-Lib's layers of a series: what functions find, and which of it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mllib.candle_source import CandleSource
from mllib.candles import Candles
from mllib.cluster import IN_PROCESS, Engine
from mllib.patterns import DISPLAY_NAME, PatternSpans, check_functions, detect
from mllib.pipeline.annotations import label_series, stale_functions, store_patterns, wanted_functions
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress, quiet
from mllib.timeframes import parse_timeframe


@dataclass(frozen=True, slots=True)
class PatternLayer:
    """A function on one series: how many bullish and bearish spans it finds, and how many are kept.

    `kept` is None where its layer is not stored. `configured` says that training finds it again by itself.
    """

    function: str
    name: str
    bullish: int
    bearish: int
    kept: int | None
    is_current: bool
    configured: bool


def pattern_layers(ws: Workspace, candles: Candles, found: Mapping[str, PatternSpans]) -> list[PatternLayer]:
    """What `detect` found on the candles of a stored series beside what is kept of it, by name."""
    kept = ws.store.talib.layers(candles.pair, candles.timeframe)
    configured = check_functions(ws.config.stages.annotation_ingestion.talib_patterns)
    newest = int(candles.time[-1])
    layers = []
    for function, spans in found.items():
        bullish = int((spans.value > 0).sum())
        layer = kept.get(function)
        layers.append(
            PatternLayer(
                function=function,
                name=DISPLAY_NAME[function],
                bullish=bullish,
                bearish=len(spans) - bullish,
                kept=None if layer is None else layer.span_count,
                is_current=layer is not None and layer.labelled_to_time == newest,
                configured=function in configured,
            )
        )
    return sorted(layers, key=lambda one: one.name)


def keep_patterns(ws: Workspace, functions: Sequence[str], *, pair: str, timeframe: str) -> int:
    """Stores what these functions find; how many spans their layers have then.

    Raises:
        InvalidConfig: a function is none of TA-Lib's.
        NotFound: the series is not stored.
    """
    if not functions:
        return 0
    return sum(label_series(ws, pair=pair, timeframe=timeframe, functions=functions).values())


class _Piece(NamedTuple):
    """A series, and the functions whose layer is to be found again."""

    pair: str
    timeframe: str
    functions: tuple[str, ...]


def label_many(
    ws: Workspace,
    series: Sequence[tuple[str, str]],
    *,
    functions: Sequence[str] | None = None,
    engine: Engine = IN_PROCESS,
    progress: Progress = quiet,
) -> dict[tuple[str, str], dict[str, int]]:
    """As `label_series`, of several series: spans a function, by pair and timeframe.

    The engine reads candles and finds the spans; they are stored here, a series at a time.

    Raises:
        NotFound: a series is not stored; those before it are labelled.
    """
    named = [(pair, parse_timeframe(timeframe)) for pair, timeframe in series]
    if engine is IN_PROCESS:
        found = {}
        for done, (pair, timeframe) in enumerate(named):
            progress(done / len(named), f"{pair} {timeframe}")
            found[pair, timeframe] = label_series(ws, pair=pair, timeframe=timeframe, functions=functions)
        return found
    wanted = wanted_functions(ws, functions)
    newest = {(one.pair, one.timeframe): one.last_time for one in ws.candles.list()}
    pieces = [piece for one in named if (piece := _stale(ws, *one, wanted, newest.get(one))).functions]
    results = engine.map(_detected, pieces, shared=ws.candle_source, progress=progress)
    for piece, spans in zip(pieces, results, strict=True):
        store_patterns(ws, spans, pair=piece.pair, timeframe=piece.timeframe)
    return {one: _counted(ws, *one, wanted) for one in named}


def _stale(ws: Workspace, pair: str, timeframe: str, wanted: Sequence[str], newest: int | None) -> _Piece:
    if newest is None:  # reading says what is stored instead
        newest = int(ws.candles.read(pair, timeframe).time[-1])
    layers = ws.store.talib.layers(pair, timeframe)
    return _Piece(pair, timeframe, stale_functions(layers, wanted, newest=newest))


def _detected(source: CandleSource, piece: _Piece) -> dict[str, PatternSpans]:
    return detect(source.archive.read(piece.pair, piece.timeframe), piece.functions)


def _counted(ws: Workspace, pair: str, timeframe: str, wanted: Sequence[str]) -> dict[str, int]:
    layers = ws.store.talib.layers(pair, timeframe)
    return {function: layers[function].span_count for function in wanted}


def discard_patterns(ws: Workspace, functions: Sequence[str], *, pair: str, timeframe: str) -> int:
    """Drops the layers of these functions; how many spans they had."""
    return ws.store.talib.discard(pair, parse_timeframe(timeframe), functions)
