"""Features that users write, named in the configuration as `module.function`.

    def body(candles: Candles) -> dict[str, np.ndarray]:
        return {"share": (candles.close - candles.open) / (candles.high - candles.low)}

    body.past_bars = 0

A function takes `Candles` and returns one float array `(n_bars,)` a column, as a mapping or a DataFrame. Its
attribute `past_bars` says how many bars before its own a value reads (by default as many as the context has),
`future_bars` how many after (by default none). It is called with at least one bar more than both together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import PRICE_COLUMNS, Candles
from mllib.errors import InvalidConfig
from mllib.features.windows import Floats
from mllib.timeframes import iso_utc

KEY = "stages.feature_engineering.custom_features"
_CUTS = 24
_SAME = 1e-5
"""Relative, or of the column's spread: running sums differ by less between a slice and the whole."""
_MADE_UP_BARS = 1_000

Function = Callable[[Candles], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CustomFeature:
    """A user's function and how many bars before and after its own a value reads."""

    name: str
    function: Function
    past_bars: int
    future_bars: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns."""
        return _columns(self.function, self.past_bars + self.future_bars + 1)

    def values(self, candles: Candles) -> Floats:
        """`float64 (n_columns, n_bars)`, NaN where fewer bars are there than it reads.

        Raises:
            InvalidConfig: when it returns other columns than for other candles, or of another length.
        """
        n = len(candles)
        if n <= self.past_bars + self.future_bars:
            return np.full((len(self.columns), n), np.nan)
        found = {str(column): np.asarray(x, np.float64) for column, x in self.function(candles).items()}
        shapes = {column: x.shape for column, x in found.items()}
        if shapes != dict.fromkeys(self.columns, (n,)):
            raise InvalidConfig(
                f"{KEY}: {self.name}: found columns {shapes}, expected {', '.join(self.columns)} of {n} "
                "values each. Return one value a candle, and the same columns whatever the candles."
            )
        return np.stack([found[column] for column in self.columns])


def custom_feature(name: str, *, past_bars: int, future_bars: int) -> CustomFeature:
    """The function of that dotted name, within the bars that the context allows.

    Raises:
        InvalidConfig: when it cannot be imported, or declares that it reads further.
    """
    module, _, attribute = name.rpartition(".")
    try:
        function = getattr(import_module(module), attribute)
    except (ImportError, SyntaxError, AttributeError, ValueError) as exc:
        raise InvalidConfig(
            f"found {name!r}, expected module.function that can be imported ({exc}). Install its "
            "module, or put the module's folder on PYTHONPATH of every process.",
            path=KEY,
        ) from exc
    found = CustomFeature(
        name, function, getattr(function, "past_bars", past_bars), getattr(function, "future_bars", 0)
    )
    for side, allowed in (("past_bars", past_bars), ("future_bars", future_bars)):
        declared = getattr(found, side)
        if not (isinstance(declared, int) and 0 <= declared <= allowed):
            raise InvalidConfig(
                f"{name}: found {side} {declared!r}, expected 0 to {allowed}. Correct the function's "
                f"attribute, or raise stages.feature_engineering.context.{side}.",
                path=KEY,
            )
    return found


def check_causality(feature: CustomFeature, candles: Candles) -> None:
    """Computes a feature again on cut series, these and made-up ones: it must not read further than it says.

    The series is cut at its end, where a value further than `future_bars` from the cut must stay as it is,
    and at its beginning, where that holds beyond `past_bars`.

    Raises:
        InvalidConfig: with the first column and bar that changed.
    """
    for series in (_made_up(max(_MADE_UP_BARS, 3 * (feature.past_bars + feature.future_bars))), candles):
        if len(series) > feature.past_bars + feature.future_bars:
            _check_cuts(feature, series)


def _check_cuts(feature: CustomFeature, candles: Candles) -> None:
    whole, n = feature.values(candles), len(candles)
    spread = np.nanstd(whole, axis=1, where=np.isfinite(whole), keepdims=True)
    shortest = feature.past_bars + feature.future_bars + 1
    for cut in np.unique(np.linspace(0, n - shortest, _CUTS).astype(int)).tolist():
        later = slice(cut + feature.past_bars, n)
        begun_late = feature.values(candles[cut:])[:, feature.past_bars :]
        _require_same(feature, whole, begun_late, spread, candles, later, "past_bars")
        earlier = slice(0, n - cut - feature.future_bars)
        ended_early = feature.values(candles[: n - cut])[:, earlier]
        _require_same(feature, whole, ended_early, spread, candles, earlier, "future_bars")


def _require_same(
    feature: CustomFeature,
    whole: Floats,
    part: Floats,
    spread: Floats,
    candles: Candles,
    bars: slice,
    side: str,
) -> None:
    """`part` is what a cut series gives for the bars whose values must be those of the whole."""
    kept = slice(max(bars.start, feature.past_bars), min(bars.stop, len(candles) - feature.future_bars))
    one, other = whole[:, kept], part[:, kept.start - bars.start : kept.stop - bars.start]
    changed = np.argwhere(~_alike(one, other, spread))
    if len(changed):
        column, bar = changed[0].tolist()
        where = int(candles.time[kept.start + bar])
        raise InvalidConfig(
            f"{KEY}: {feature.name}: found {feature.columns[column]!r} at {candles.name} {iso_utc(where)} "
            f"changed from {one[column, bar]:g} to {other[column, bar]:g} when bars beyond its {side} "
            f"({getattr(feature, side)}) were cut off, expected no change. Set the function's {side} to what "
            "it reads, or read less; recursive indicators such as EMA and RSI read everything before."
        )


def _alike(a: Floats, b: Floats, spread: Floats) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= _SAME * (np.abs(a) + np.nan_to_num(spread))
    same: NDArray[np.bool_] = near | (a == b) | (np.isnan(a) & np.isnan(b))
    return same


@lru_cache
def _columns(function: Function, bars: int) -> tuple[str, ...]:
    return tuple(str(column) for column in function(_made_up(bars)))


def _made_up(n: int) -> Candles:
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, n)))
    open_ = np.concatenate([close[:1], close[:-1]])
    high = np.maximum(open_, close) + rng.exponential(0.3, n)
    low = np.minimum(open_, close) - rng.exponential(0.3, n)
    time = np.arange(n, dtype=np.int64) * 3_600
    prices = dict(zip(PRICE_COLUMNS, (open_, high, low, close), strict=True))
    return Candles("MADE_UP", "1h", time, **prices, volume=rng.integers(1, 1_000, n).astype(np.float64))
