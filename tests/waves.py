"""A sine of hourly candles, for tests that need a series and not what it says."""

import numpy as np

from mllib.candles import Candles

START, STEP = 1_483_308_000, 3_600


def at(bar: int) -> int:
    """When a candle opens, in Unix seconds."""
    return START + STEP * bar


def wave(n: int) -> Candles:
    """The first `n` candles of EURUSD 1h, without volume."""
    close = 100 + np.sin(np.arange(n) / 7.0)
    time = START + STEP * np.arange(n, dtype=np.int64)
    return Candles("EURUSD", "1h", time, close, close + 0.5, close - 0.5, close)
