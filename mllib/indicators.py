"""The raw indicator columns of the enriched dataset, where people look at them.

TA-Lib's RSI, EMA and others remember the whole series; models never see these columns (`features` has
forms of finite memory). Warm-up bars are NaN. Causal: row t uses bars ≤ t.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mllib.candles import Candles
from mllib.features.bars import Bars
from mllib.lean_imports import without

with without("pandas", "polars"):
    import talib
    from talib import abstract as _abstract

if TYPE_CHECKING:
    import pandas as pd

_talib: Any = talib  # its functions are found by name, which no stub can say
abstract: Any = _abstract
CANDLE_FEATURES = ("body_size", "body_direction", "upper_wick", "lower_wick", "candle_range", "body_to_range")
_TRIAL_BARS = 4


class Indicator(BaseModel):
    """One TA-Lib indicator, such as `{name: RSI, params: {timeperiod: 14}}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    params: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known(self) -> "Indicator":
        groups: dict[str, list[str]] = _talib.get_function_groups()
        if not any(self.name.upper() in groups[group] for group in groups if group != "Pattern Recognition"):
            raise ValueError(
                f"found {self.name!r}, expected a TA-Lib indicator such as RSI, EMA, MACD or BBANDS"
            )
        known = abstract.Function(self.name.upper()).parameters
        unknown = [key for key in self.params if key not in known]
        if unknown:
            expected = ", ".join(known) or "no parameter"
            raise ValueError(f"found parameter {unknown[0]!r} for {self.name}, expected {expected}")
        _check_values(self, known)
        return self


def _check_values(indicator: Indicator, known: dict[str, Any]) -> None:
    for key, value in indicator.params.items():
        if isinstance(known[key], int) and not float(value).is_integer():
            raise ValueError(f"found {key} {value:g} for {indicator.name}, expected a whole number")
    trial = np.linspace(1.0, 2.0, _TRIAL_BARS)
    bars = Candles("TRIAL", "1h", np.arange(_TRIAL_BARS, dtype=np.int64), trial, trial, trial, trial, trial)
    try:
        _indicator_columns(bars, indicator)
    except Exception as exc:  # TA-Lib knows its ranges and raises nothing narrower
        given = ", ".join(f"{key} {value:g}" for key, value in indicator.params.items()) or "no parameter"
        raise ValueError(
            f"found {given} for {indicator.name}, expected what TA-Lib accepts for candles ({exc})"
        ) from exc


def enrich(
    candles: Candles, indicators: Sequence[Indicator], candle_features: Sequence[str] = CANDLE_FEATURES
) -> "pd.DataFrame":
    """Candles with raw indicators: `time open high low close volume?`, then a float64 column each.

    Names are `rsi_14`, `ema_20`, `macd macd_signal macd_hist`, `bbands_upper bbands_middle bbands_lower`;
    `body_size body_direction upper_wick lower_wick candle_range body_to_range` in price units, direction
    1 for up or flat and -1 for down.
    """
    columns = _candle_columns(candles)
    enriched = {name: columns[name] for name in candle_features}
    for indicator in indicators:
        enriched |= _indicator_columns(candles, indicator)
    return candles.to_frame().assign(**enriched)


def _candle_columns(candles: Candles) -> dict[str, Any]:
    bars = Bars(candles)
    span = np.maximum(bars.range, bars.smallest)
    return {
        "body_size": np.abs(bars.body),
        "body_direction": np.where(bars.body >= 0, 1.0, -1.0),
        "upper_wick": bars.upper_wick,
        "lower_wick": bars.lower_wick,
        "candle_range": bars.range,
        "body_to_range": np.abs(bars.body) / span,
    }


def _indicator_columns(candles: Candles, indicator: Indicator) -> dict[str, Any]:
    function, parameters = _with_parameters(indicator)
    inputs = {name: getattr(candles, name) for name in ("open", "high", "low", "close")}
    inputs["volume"] = np.full(len(candles), np.nan) if candles.volume is None else candles.volume
    values = function(inputs, **parameters)
    outputs = values if isinstance(values, list) else [values]
    return dict(zip(indicator_columns(indicator), outputs, strict=True))


def indicator_columns(indicator: Indicator) -> list[str]:
    """The columns that an indicator adds, by the contract's names."""
    function, parameters = _with_parameters(indicator)
    return _column_names(indicator.name.lower(), function.output_names, parameters)


def _with_parameters(indicator: Indicator) -> tuple[Any, dict[str, Any]]:
    function = abstract.Function(indicator.name.upper())
    kinds = {key: type(value) for key, value in function.parameters.items()}
    return function, function.parameters | {k: kinds[k](value) for k, value in indicator.params.items()}


def _column_names(name: str, outputs: list[str], parameters: dict[str, Any]) -> list[str]:
    """The contract's names for an indicator's outputs.

    >>> _column_names("macd", ["macd", "macdsignal", "macdhist"], {"fastperiod": 12})
    ['macd', 'macd_signal', 'macd_hist']
    >>> _column_names("rsi", ["real"], {"timeperiod": 14})
    ['rsi_14']
    """
    if len(outputs) == 1:
        period = parameters.get("timeperiod")
        return [name if period is None else f"{name}_{period}"]
    parts = [output.removeprefix(name).removesuffix("band").strip("_") for output in outputs]
    return [f"{name}_{part}" if part else name for part in parts]
