"""Indicators of finite memory: what RSI, stochastic, averages and volume say of the last bars.

TA-Lib's RSI and EMA remember the whole series, so a slice of it gives other values; these forms look at
their window alone. RSI is Cutler's (simple averages instead of Wilder's smoothing).
"""

from collections.abc import Iterator

import numpy as np

from mllib.features.bars import SCALE_BARS, Bars
from mllib.features.registry import Block, Column, ContextConfig, feature_group
from mllib.features.windows import Floats, rolling_max, rolling_mean, rolling_min, shift

RSI_BARS = 14
AVERAGE_BARS = (10, 20, 50)
VOLUME_BARS = 20


@feature_group("oscillators")
def oscillators(bars: Bars, _config: ContextConfig) -> Iterator[Block]:
    """Cutler's RSI, the stochastic's %K, distances from simple averages, and relative volume."""
    yield Block([Column(f"rsi_{RSI_BARS}", RSI_BARS, 0)], [_rsi(bars)])
    yield Block([Column(f"stochastic_{RSI_BARS}", RSI_BARS, 0)], [_stochastic(bars)])
    for width in AVERAGE_BARS:
        distance = (bars.close - rolling_mean(bars.close, width)) / bars.scale
        yield Block([Column(f"average_distance_{width}", max(width, SCALE_BARS), 0)], [distance])
    yield Block([Column(f"relative_volume_{VOLUME_BARS}", VOLUME_BARS, 0)], [_relative_volume(bars)])


def _rsi(bars: Bars) -> Floats:
    change = bars.close - bars.previous_close
    gain = rolling_mean(np.maximum(change, 0), RSI_BARS)
    loss = rolling_mean(np.maximum(-change, 0), RSI_BARS)
    return (gain - loss) / np.maximum(gain + loss, bars.smallest)


def _stochastic(bars: Bars) -> Floats:
    high, low = rolling_max(bars.candles.high, RSI_BARS), rolling_min(bars.candles.low, RSI_BARS)
    return (bars.close - low) / np.maximum(high - low, bars.smallest)


def _relative_volume(bars: Bars) -> Floats:
    """Volume over the mean of the bars before; NaN where the source has no volume."""
    volume = bars.candles.volume
    if volume is None:
        return np.full(len(bars.candles), np.nan)
    usual = shift(rolling_mean(volume, VOLUME_BARS), 1)
    return np.where(usual > 0, volume / usual, np.nan)
