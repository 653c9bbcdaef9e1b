"""The candles around a bar one by one, for models that read them in the order of time."""

from collections.abc import Iterator

from mllib.features.bars import SCALE_BARS, Bars
from mllib.features.registry import Block, Column, ContextConfig, feature_group
from mllib.features.windows import shift

SEQUENCE_BARS = 32
"""So many candles before and after t at most; what lies further away, `windows` and `path` tell."""

PRICES = ("open", "high", "low", "close")


@feature_group("sequence")
def sequence(bars: Bars, config: ContextConfig) -> Iterator[Block]:
    """The prices of every candle near t, from the close of t, in units of the local scale."""
    first, last = -min(SEQUENCE_BARS, config.past_bars), min(SEQUENCE_BARS, config.future_bars)
    for lag in range(first, last + 1):
        past, future = max(-lag, SCALE_BARS), max(lag, 0)
        columns = [Column(f"candle_{price}@{lag:+d}", past, future) for price in PRICES]
        lines = (getattr(bars.candles, price) for price in PRICES)
        yield Block(columns, [(shift(line, -lag) - bars.close) / bars.scale for line in lines])
