"""Encoders to test: every one of the registry, and every way in which its settings change what it judges."""

from functools import lru_cache

import numpy as np

from mllib.candles import Candles
from mllib.encoders import ENCODER_NAMES, Encoder, EncodingConfig, Example, encoder_class
from mllib.features import ContextConfig
from mllib.spans import Span
from tests.naive import sample, walk

CONTEXT = ContextConfig(past_bars=20, future_bars=8, groups=("path",))
LENGTHS = {"doji": [1] * 5, "engulfing": [2] * 5, "flag": [4, 9, 12], "harami": [3] * 5, "wedge": [1, 2]}
"""The lengths in bars of the spans that each label is learned from."""

FLAT = Candles("FLAT", "1h", walk(240, seed=1).time, *(np.full(240, 1.1),) * 4)
SERIES = [
    walk(240, seed=1),
    walk(240, seed=2, timeframe="1d"),
    walk(240, seed=3, timeframe="4h", weekends=False),
    sample("AAPL_1d")[:240],
    sample("EURUSD_1h")[:240],
    FLAT,
]
_OTHER_SETTINGS = {
    "window": {
        "window, fixed": EncodingConfig(proposals="fixed", window_size=12),
        "window, padded": EncodingConfig(context_padding=7),
    },
    "combined": {
        "combined, fixed": EncodingConfig(proposals="fixed", window_size=12),
        "combined, short labels": EncodingConfig(),
    },
}
_OTHER_LENGTHS = {"combined, short labels": {"flag": [4, 4, 5]}}
VARIANTS = {
    variant: (name, settings)
    for name in ENCODER_NAMES
    for variant, settings in {name: EncodingConfig(), **_OTHER_SETTINGS.get(name, {})}.items()
}


@lru_cache
def learned(variant: str) -> Encoder:
    """The encoder of that variant; what it has learned depends on nothing else."""
    name, settings = VARIANTS[variant]
    return encoder_class(name).learn(CONTEXT, examples(variant), settings)


def examples(variant: str) -> dict[str, list[Example]]:
    """Spans of a variant's lengths all over the first series, and the same on the second."""
    found = {}
    of_labels = LENGTHS | _OTHER_LENGTHS.get(variant, {})
    for first, (label, lengths) in enumerate(of_labels.items(), 20):
        starts = np.arange(first, 220, 31)
        where = np.stack([starts, starts + np.resize(lengths, len(starts))], axis=1)
        found[label] = [Example(candles, where) for candles in SERIES[:2]]
    return found


def span(candles: Candles, label: str, start: int, end: int) -> Span:
    """A span over the half-open bars `start:end`."""
    return Span(label, int(candles.time[start]), int(candles.time[end - 1]))
