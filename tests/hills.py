"""A pattern of people that can be learned from little: hills on a random walk."""

import numpy as np

from mllib.candles import Candles
from mllib.spans import ReviewedRange, Span
from mllib.training import LabelledSeries
from tests.naive import walk

EVERYWHERE = ReviewedRange(0, 2**40, frozenset({"hill"}))


def hills_of(n: int = 2_400, *, walks: float = 0.002) -> LabelledSeries:
    """A random walk with steep hills of 13 to 19 bars, and a label on each."""
    rng = np.random.default_rng(0)
    bars, tops = np.arange(n), range(40, n - 40, 48)
    height = np.zeros(n)
    spans = []
    time = walk(n, seed=1).time
    for i, top in enumerate(tops):
        half = 6 + i % 4
        height += 0.05 * np.clip(1 - np.abs(bars - top) / half, 0, None)
        spans.append(Span("hill", int(time[top - half]), int(time[top + half])))
    close = 100 * np.exp(height + np.cumsum(rng.normal(0, walks, n)) + rng.normal(0, 0.001, n))
    open_ = np.concatenate([close[:1], close[:-1]])
    candles = Candles(
        "HILLS", "1h", time, open_, np.maximum(open_, close) + 0.05, np.minimum(open_, close) - 0.05, close
    )
    return LabelledSeries(candles, spans, [EVERYWHERE])
