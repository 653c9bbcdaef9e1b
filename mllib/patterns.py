"""TA-Lib's 61 candlestick functions as spans.

A function fires on the last candle of its pattern; the span covers the candles that the pattern
consists of and ends there. Outputs are above 0 for bullish, below 0 for bearish patterns, mostly
±100; CDLHIKKAKE and CDLHIKKAKEMOD fire once more (±200) when one of the next three candles confirms,
and that span runs from the pattern's first candle to the confirming one.

Source: TA-Lib's CDL functions and the candle counts of their definitions.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.errors import InvalidConfig
from mllib.lean_imports import without
from mllib.spans import PredictedSpan

with without("pandas", "polars"):
    import talib

_NAMES_BY_LENGTH: dict[int, str] = {
    1: """Belt Hold, Closing Marubozu, Doji, Dragonfly Doji, Gravestone Doji, Hammer, Hanging Man,
          High Wave, Inverted Hammer, Long Legged Doji, Long Line, Marubozu, Rickshaw Man, Shooting Star,
          Short Line, Spinning Top, Takuri""",
    2: """Counter Attack, Dark Cloud Cover, Doji Star, Engulfing, Harami, Harami Cross, Homing Pigeon,
          In Neck, Kicking, Kicking By Length, Matching Low, On Neck, Piercing, Separating Lines,
          Thrusting""",
    3: """2 Crows, 3 Black Crows, 3 Inside, 3 Outside, 3 Stars In South, 3 White Soldiers, Abandoned Baby,
          Advance Block, Evening Doji Star, Evening Star, Gap Side Side White, Hikkake, Identical 3 Crows,
          Morning Doji Star, Morning Star, Stalled Pattern, Stick Sandwich, Tasuki Gap, Tristar,
          Unique 3 River, Upside Gap 2 Crows, X Side Gap 3 Methods""",
    4: "3 Line Strike, Conceal Baby Swall, Hikkake Mod",
    5: "Breakaway, Ladder Bottom, Mat Hold, Rise Fall 3 Methods",
}

DISPLAY_NAME: dict[str, str] = {
    f"CDL{name.replace(' ', '').upper()}": name
    for names in _NAMES_BY_LENGTH.values()
    for name in re.split(r",\s+", names)
}
"""The words of each function's name, such as `3 White Soldiers` for CDL3WHITESOLDIERS."""

CANDLE_COUNT: dict[str, int] = {
    function: count
    for count, names in _NAMES_BY_LENGTH.items()
    for function, name in DISPLAY_NAME.items()
    if name in re.split(r",\s+", names)
}
"""How many candles the pattern of each function consists of."""

FUNCTIONS: tuple[str, ...] = tuple(sorted(CANDLE_COUNT))
"""Every CDL function, by name."""

CONFIRMATION_BARS = 3
"""How many candles after the pattern CDLHIKKAKE and CDLHIKKAKEMOD may be confirmed."""

_CONFIRMED = 200


def label_of(function: str, *, bullish: bool) -> str:
    """The label of a function's pattern.

    >>> label_of("CDLENGULFING", bullish=False)
    'bearish_engulfing'
    """
    side = "bullish" if bullish else "bearish"
    return f"{side}_{function.removeprefix('CDL').lower()}"


def function_of(label: str) -> str | None:
    """The function whose pattern a label names, or None for a label that people gave.

    >>> function_of("bearish_engulfing"), function_of("bull_flag")
    ('CDLENGULFING', None)
    """
    side, _, name = label.partition("_")
    function = f"CDL{name.upper()}"
    return function if side in ("bullish", "bearish") and function in CANDLE_COUNT else None


def check_functions(names: Sequence[str]) -> tuple[str, ...]:
    """The functions asked for, in their order and once each; every one of them for an empty list.

    Raises:
        InvalidConfig: naming the functions that TA-Lib does not have.
    """
    unknown = [name for name in names if name not in CANDLE_COUNT]
    if unknown:
        raise InvalidConfig(
            f"patterns: found {', '.join(unknown)}, expected TA-Lib CDL functions such as CDLENGULFING. "
            "GET /patterns/available lists all 61."
        )
    return tuple(dict.fromkeys(names)) or FUNCTIONS


@dataclass(frozen=True, slots=True, eq=False)
class PatternSpans(Sequence[PredictedSpan]):
    """The spans of one function by time, as arrays; a span is made when it is asked for.

    `start_bar`, `end_bar` (the last one, included) and `value`, TA-Lib's output there, are `int (n_spans,)`.
    """

    function: str
    time: NDArray[np.int64]
    start_bar: NDArray[np.intp]
    end_bar: NDArray[np.intp]
    value: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.end_bar)

    @overload
    def __getitem__(self, index: int) -> PredictedSpan: ...

    @overload
    def __getitem__(self, index: slice) -> "PatternSpans": ...

    def __getitem__(self, index: int | slice) -> "PredictedSpan | PatternSpans":
        if isinstance(index, slice):
            arrays = (self.start_bar[index], self.end_bar[index], self.value[index])
            return PatternSpans(self.function, self.time, *arrays)
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return next(iter(self[index : index + 1 or None]))

    def __iter__(self) -> Iterator[PredictedSpan]:
        labels = {up: label_of(self.function, bullish=up) for up in (True, False)}
        for start_time, end_time, value, confidence, count in zip(
            self.time[self.start_bar].tolist(),
            self.time[self.end_bar].tolist(),
            self.value.tolist(),
            np.minimum(np.abs(self.value) / 100, 1.0).tolist(),
            (self.end_bar - self.start_bar + 1).tolist(),
            strict=True,
        ):
            yield PredictedSpan(labels[value > 0], start_time, end_time, confidence, count)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none


def detect(candles: Candles, functions: Sequence[str] = ()) -> dict[str, PatternSpans]:
    """The spans of each function, by time; confidence is `min(|value| / 100, 1)`.

    Causal: a span that ends at bar t uses bars ≤ t only.
    """
    found = {}
    for function in check_functions(functions):
        values = getattr(talib, function)(candles.open, candles.high, candles.low, candles.close)
        found[function] = _spans(function, values, candles)
    return found


def _spans(function: str, values: NDArray[np.int32], candles: Candles) -> PatternSpans:
    ends = np.flatnonzero(values != 0)
    starts = ends - (CANDLE_COUNT[function] - 1)
    if function.startswith("CDLHIKKAKE"):
        confirmed = np.abs(values[ends]) == _CONFIRMED
        starts[confirmed] -= _bars_since_pattern(values, ends[confirmed])
    return PatternSpans(function, candles.time, np.maximum(starts, 0), ends, values[ends])


def _bars_since_pattern(values: NDArray[np.int32], confirmed: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many bars before each confirmation the pattern itself fired (1 to `CONFIRMATION_BARS`)."""
    signs = np.sign(values[confirmed])
    lags = np.full(len(confirmed), CONFIRMATION_BARS, dtype=np.intp)
    for lag in range(CONFIRMATION_BARS, 0, -1):
        fired = values[np.maximum(confirmed - lag, 0)] == signs * 100
        lags[fired] = lag
    return lags
