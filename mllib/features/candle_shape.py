"""Bodies, wicks and neighbours of single candles, and of the candles around them.

Everything is in units of the mean body, wick or range of the candles before, the way TA-Lib's candle
settings judge 'long', 'short', 'doji' and 'near' (averages over the 10 or 5 preceding candles).
Source: TA-Lib `ta_global.c`, default candle settings.
"""

from collections.abc import Iterator

import numpy as np

from mllib.features.bars import Bars
from mllib.features.registry import Block, Column, ContextConfig, feature_group
from mllib.features.windows import Floats, rolling_mean, shift

_MOST = 10.0
"""Ratios of wick to body are cut here: beyond it a body is a line anyhow."""


@feature_group("candle_shape")
def candle_shape(bars: Bars, config: ContextConfig) -> Iterator[Block]:
    """Shape of bar t + lag for each lag of −`shape_bars_before` … `shape_bars_after`.

    The default reaches four bars ahead, so that the start of a five-candle pattern sees all of it.
    """
    measured = {**_own_shape(bars), **_against_previous(bars)}
    reach = np.array([past for past, _ in measured.values()])
    values = np.stack([value for _, value in measured.values()], dtype=np.float32, casting="same_kind")
    for lag in range(-config.shape_bars_before, config.shape_bars_after + 1):
        columns = [
            Column(f"{name}@{lag:+d}", max(int(past) - lag, 0), max(lag, 0))
            for name, past in zip(measured, reach, strict=True)
        ]
        yield Block(columns, shift(values, -lag))


def _own_shape(bars: Bars) -> dict[str, tuple[int, Floats]]:
    body = np.abs(bars.body)
    usual_body = _usual(body, bars, 10)
    usual_range = _usual(bars.range, bars, 10)
    usual_wick = _usual((bars.upper_wick + bars.lower_wick) / 2, bars, 10)
    span = np.maximum(bars.range, bars.smallest)
    thickness = np.maximum(body, bars.smallest)
    return {
        "body_vs_usual_body": (10, bars.body / usual_body),
        "body_vs_usual_range": (10, bars.body / usual_range),
        "body_vs_range": (0, bars.body / span),
        "range_vs_usual": (10, bars.range / usual_range),
        "upper_wick_vs_usual_range": (10, bars.upper_wick / usual_range),
        "lower_wick_vs_usual_range": (10, bars.lower_wick / usual_range),
        "upper_wick_vs_usual_wick": (10, bars.upper_wick / usual_wick),
        "lower_wick_vs_usual_wick": (10, bars.lower_wick / usual_wick),
        "upper_wick_vs_body": (0, np.minimum(bars.upper_wick / thickness, _MOST)),
        "lower_wick_vs_body": (0, np.minimum(bars.lower_wick / thickness, _MOST)),
    }


def _against_previous(bars: Bars) -> dict[str, tuple[int, Floats]]:
    candles = bars.candles
    usual_range = _usual(bars.range, bars, 10)
    usual_near = shift(_usual(bars.range, bars, 5), 1)
    previous_open = shift(candles.open, 1)
    previous_middle = (previous_open + bars.previous_close) / 2
    differences = {
        "close_to_close": candles.close - bars.previous_close,
        "open_to_close": candles.open - bars.previous_close,
        "open_to_open": candles.open - previous_open,
        "close_to_open": candles.close - previous_open,
        "close_to_middle": candles.close - previous_middle,
        "high_to_high": candles.high - shift(candles.high, 1),
        "low_to_low": candles.low - shift(candles.low, 1),
        "body_high_to_high": bars.body_high - shift(bars.body_high, 1),
        "body_low_to_low": bars.body_low - shift(bars.body_low, 1),
        "body_gap_up": bars.body_low - shift(bars.body_high, 1),
        "body_gap_down": bars.body_high - shift(bars.body_low, 1),
    }
    near = {
        "body_low_near_low": bars.body_low - shift(candles.low, 1),
        "body_low_near_high": bars.body_low - shift(candles.high, 1),
    }
    return {name: (10, value / usual_range) for name, value in differences.items()} | {
        name: (6, value / usual_near) for name, value in near.items()
    }


def _usual(x: Floats, bars: Bars, preceding: int) -> Floats:
    """The mean of the `preceding` bars before t."""
    return np.fmax(shift(rolling_mean(x, preceding), 1), bars.smallest)
