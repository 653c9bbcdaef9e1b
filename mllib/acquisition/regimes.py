"""Market regimes: how much a market moves and where to, as known at each bar."""

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles

WINDOW_BARS = 50
"""Volatility and trend are those of so many bars up to each."""
RENEWED_EVERY_BARS = 250
COMPARED_BARS = 1_000
"""What is calm and what is wild is renewed so often, from so many bars before."""
_THIRD = 0.43
"""A standard normal variable lies below -0.43, between and above 0.43 a third of the time each."""
_FLAT = 1e-9
"""What is left of a volatility of nothing by rounding."""

VOLATILITIES = ("calm", "normal", "wild")
TRENDS = ("falling", "sideways", "rising")
REGIMES = tuple(f"{volatility}, {trend}" for volatility in VOLATILITIES for trend in TRENDS)


def regimes(candles: Candles) -> NDArray[np.int64]:
    """The regime of each bar as an index into `REGIMES`: `int64 (n_bars,)`.

    Bar t reads bars up to t alone. Its volatility is the root mean square of the log returns of 50 bars:
    calm, normal or wild by the thirds of what it was in the 1,000 bars before the last multiple of 250. Its
    trend is the sum of these returns in units of what a random walk of that volatility makes of them: a third
    of a random walk's bars are rising, a third sideways and a third falling. The first 250 bars are normal.
    """
    returns = np.diff(np.log(candles.close), prepend=np.log(candles.close[:1]))
    squares, moves = _windowed(returns**2), _windowed(returns)
    volatility = np.sqrt(np.maximum(squares, 0.0) / WINDOW_BARS)
    drift = np.divide(
        moves, volatility * np.sqrt(WINDOW_BARS), out=np.zeros(len(moves)), where=volatility > _FLAT
    )
    trend = 1 + (drift > _THIRD).astype(np.int64) - (drift < -_THIRD)
    found: NDArray[np.int64] = len(TRENDS) * _thirds(volatility) + trend
    return found


def _windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum over the window that ends at each bar, over fewer bars where the series begins."""
    total = np.concatenate([np.zeros(WINDOW_BARS), np.cumsum(values)])
    windowed: NDArray[np.float64] = total[WINDOW_BARS:] - total[:-WINDOW_BARS]
    return windowed


def _thirds(volatility: NDArray[np.float64]) -> NDArray[np.int64]:
    """0, 1 or 2 for each bar, beside the bars before the last multiple of `RENEWED_EVERY_BARS`."""
    found = np.ones(len(volatility), np.int64)
    for start in range(RENEWED_EVERY_BARS, len(volatility), RENEWED_EVERY_BARS):
        before = volatility[max(start - COMPARED_BARS, 0) : start]
        cuts = np.quantile(before, (1 / 3, 2 / 3))
        block = slice(start, start + RENEWED_EVERY_BARS)
        found[block] = np.searchsorted(cuts, volatility[block], side="right")
    return found
