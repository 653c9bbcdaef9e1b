"""Use cases about TA-Lib's layers of a series: what functions find, and which of it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mllib.candles import Candles
from mllib.patterns import DISPLAY_NAME, PatternSpans, check_functions
from mllib.pipeline.annotations import label_series
from mllib.pipeline.workspace import Workspace
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


def discard_patterns(ws: Workspace, functions: Sequence[str], *, pair: str, timeframe: str) -> int:
    """Drops the layers of these functions; how many spans they had."""
    return ws.store.talib.discard(pair, parse_timeframe(timeframe), functions)
