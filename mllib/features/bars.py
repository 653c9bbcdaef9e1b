"""What every feature starts from: prices, bodies, wicks and the local scale of one series."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mllib.candles import Candles
from mllib.features.windows import Floats, rolling_mean, shift

SCALE_BARS = 14
"""The local scale is the mean true range of so many bars, t included."""

_SMALLEST_SCALE = 1e-7
"""Of the price: keeps candles without any range from dividing by zero."""


@dataclass(frozen=True, eq=False)
class Bars:
    """Arrays `float64 (n_bars,)` derived from the candles, in price units."""

    candles: Candles

    @property
    def close(self) -> Floats:
        return self.candles.close

    @cached_property
    def body(self) -> Floats:
        """Close minus open, signed."""
        return self.candles.close - self.candles.open

    @cached_property
    def body_high(self) -> Floats:
        return np.maximum(self.candles.open, self.candles.close)

    @cached_property
    def body_low(self) -> Floats:
        return np.minimum(self.candles.open, self.candles.close)

    @cached_property
    def upper_wick(self) -> Floats:
        return self.candles.high - self.body_high

    @cached_property
    def lower_wick(self) -> Floats:
        return self.body_low - self.candles.low

    @cached_property
    def range(self) -> Floats:
        return self.candles.high - self.candles.low

    @cached_property
    def previous_close(self) -> Floats:
        return shift(self.candles.close, 1)

    @cached_property
    def smallest(self) -> Floats:
        """The smallest difference that counts at this price."""
        return _SMALLEST_SCALE * self.candles.close

    @cached_property
    def scale(self) -> Floats:
        """Mean true range of the last `SCALE_BARS` bars: an average true range of finite memory."""
        high = np.fmax(self.candles.high, self.previous_close)
        low = np.fmin(self.candles.low, self.previous_close)
        return np.fmax(rolling_mean(high - low, SCALE_BARS), self.smallest)
