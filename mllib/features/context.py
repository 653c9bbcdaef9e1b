"""What the price did before and after a bar: windows, and the path it took.

Past windows end at t, future windows start at t + 1; all distances are in units of the local scale.
"""

from collections.abc import Iterator

import numpy as np

from mllib.features.bars import SCALE_BARS, Bars
from mllib.features.registry import Block, Column, ContextConfig, feature_group
from mllib.features.windows import Floats, rolling_max, rolling_min, rolling_sum, shift

WINDOWS = (5, 10, 20, 40, 60)
PATH_BARS = (1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 60)


@feature_group("windows")
def windows(bars: Bars, config: ContextConfig) -> Iterator[Block]:
    """Move, height, position, efficiency and activity over windows before and after t."""
    steps = np.abs(bars.close - bars.previous_close)
    for width in (w for w in WINDOWS if w <= max(config.past_bars, config.future_bars)):
        high, low = rolling_max(bars.candles.high, width), rolling_min(bars.candles.low, width)
        travelled = rolling_sum(steps, width)
        active = rolling_sum(bars.range, width) / width
        move = bars.close - shift(bars.close, width)
        past = _window_shape(bars, width, move, high, low, travelled, active)
        names = ("move", "height", "position", "efficiency", "activity")
        yield Block([Column(f"{name}_past_{width}", max(width, SCALE_BARS), 0) for name in names], past)
        if width <= config.future_bars:
            ahead = (shift(x, -width) for x in (move, high, low, travelled, active))
            future = _window_shape(bars, width, *ahead)
            yield Block([Column(f"{name}_future_{width}", SCALE_BARS, width) for name in names], future)


def _window_shape(
    bars: Bars, width: int, move: Floats, high: Floats, low: Floats, travelled: Floats, active: Floats
) -> list[Floats]:
    expected = bars.scale * np.sqrt(width)
    height = np.maximum(high - low, bars.smallest)
    return [
        move / expected,
        height / expected,
        (bars.close - low) / height,
        move / np.maximum(travelled, bars.smallest),
        active / bars.scale,
    ]


@feature_group("path")
def path(bars: Bars, config: ContextConfig) -> Iterator[Block]:
    """Closes at growing distances from t, and the highs and lows in between."""
    nearer = 0
    for distance in PATH_BARS:
        width = distance - nearer
        high, low = rolling_max(bars.candles.high, width), rolling_min(bars.candles.low, width)
        before = (shift(bars.close, distance), shift(high, nearer + 1), shift(low, nearer + 1))
        yield _path_block(bars, before, f"-{distance}", past=max(distance, SCALE_BARS), future=0)
        if distance <= config.future_bars:
            after = (shift(bars.close, -distance), shift(high, -distance), shift(low, -distance))
            yield _path_block(bars, after, f"+{distance}", past=SCALE_BARS, future=distance)
        nearer = distance


def _path_block(bars: Bars, lines: tuple[Floats, ...], where: str, *, past: int, future: int) -> Block:
    names = ("close", "high", "low")
    values = [(line - bars.close) / bars.scale for line in lines]
    return Block([Column(f"path_{name}@{where}", past, future) for name in names], values)
