"""How far the candles that a model is asked about have moved from those that it was trained on."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.features.windows import Floats, rolling_mean, shift

Counts = NDArray[np.float64]

USUAL_BARS = 20
"""What is usual is the mean of so many bars before."""
WARM_UP_BARS = USUAL_BARS + 1
LEAST_CANDLES = 1_000
"""Fewer say too little: 1,000 in a row out of a training block are as a rule within 0.06 of it."""
HALF_LIFE_CANDLES = 5_000
"""A candle counts half when so many more have been counted."""

_BINS = 10
_SMOOTHING = 0.5
_LEAST_GAP = 0.05
"""Smaller ones are a tick or two, whose share changes with the price though no candle looks different."""
_DECIMALS = 9
"""What is equal stays equal in other units of price, which change the last bits."""
_MOST_BARS = 4 * HALF_LIFE_CANDLES
"""Of one series no more than the newest of these are counted at a time; those before would be forgotten."""
_SERIES_KEPT = 256


def statistics(candles: Candles) -> dict[str, Floats]:
    """What is watched of each bar after the warm-up, `float64 (n_bars - 21,)` each, NaN where not known.

    In usual true ranges: how far the close moved, signed; the true range; and how far the open lies from the
    close before, 0 below a twentieth. In ranges of the bar itself: body and wicks, 0 on a bar without range.
    In usual volumes: the volume, if the candles have one. Units of price and volume cancel out. Causal.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # prices may be as large as floats get
        found = _statistics(candles)
        return {name: np.round(values[WARM_UP_BARS:], _DECIMALS) for name, values in found.items()}


def _statistics(candles: Candles) -> dict[str, Floats]:
    before, height = shift(candles.close, 1), candles.high - candles.low
    true_range = np.maximum(candles.high, before) - np.minimum(candles.low, before)
    usual = _usual(true_range)
    top, bottom = np.maximum(candles.open, candles.close), np.minimum(candles.open, candles.close)
    own = np.where(height > 0, height, np.inf)
    gap = np.abs(candles.open - before) / usual
    gap[gap < _LEAST_GAP] = 0.0
    found = {
        "close_change": (candles.close - before) / usual,
        "range_ratio": true_range / usual,
        "body_share": (top - bottom) / own,
        "upper_wick_share": (candles.high - top) / own,
        "lower_wick_share": (bottom - candles.low) / own,
        "gap_size": gap,
    }
    if candles.volume is not None:
        found["volume_ratio"] = candles.volume / _usual(candles.volume)
    return found


def _usual(x: Floats) -> Floats:
    """The mean of the bars before, NaN where it is zero."""
    mean = shift(rolling_mean(x, USUAL_BARS), 1)
    mean[mean == 0] = np.nan
    return mean


@dataclass(frozen=True, slots=True)
class Bins:
    """The bins of one statistic: up to and with each of the rising `edges`, and beyond the last.

    `counts` holds how many training candles lie in each; there is one more of them than edges.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, values: Floats) -> "Bins":
        """Bins of about equal mass; values that many candles share, such as no gap, make for fewer."""
        quantiles = np.quantile(values, np.arange(1, _BINS) / _BINS, method="inverted_cdf")
        edges = np.unique(quantiles)
        bins = cls(tuple(edges.tolist()), ())
        return cls(bins.edges, tuple(bins.counted(values).astype(int).tolist()))

    def counted(self, values: Floats) -> Counts:
        """How many of the values lie in each bin; NaN in none: `float64 (n_bins,)`."""
        known = values[~np.isnan(values)]
        at = np.searchsorted(self.edges, known, side="left")
        return np.bincount(at, minlength=len(self.edges) + 1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class InputProfile:
    """How the statistics of the training candles are spread."""

    bins: Mapping[str, Bins]

    @classmethod
    def learn(cls, candles: Iterable[Candles]) -> "InputProfile":
        """The profile of all these candles together; statistics that none of them has are left out."""
        parts: dict[str, list[Floats]] = {}
        for one in candles:
            for name, values in statistics(one).items():
                parts.setdefault(name, []).append(values[~np.isnan(values)])
        joined = {name: np.concatenate(values) for name, values in parts.items()}
        return cls({name: Bins.of(values) for name, values in joined.items() if len(values)})

    def counted(self, candles: Candles) -> dict[str, Counts]:
        """How many of the candles lie in each bin of each statistic that both have, the warm-up left out."""
        found = statistics(candles)
        return {name: bins.counted(found[name]) for name, bins in self.bins.items() if name in found}

    def psi(self, counts: Mapping[str, Counts], *, least: float = LEAST_CANDLES) -> dict[str, float]:
        """The population stability index of each statistic with at least `least` candles counted.

        `Σ (p − q) ln(p / q)` over the bins, with the shares p of the training candles and q of these. Below
        0.1 is little, above 0.25 much. So that an empty bin says something finite, half a candle is added to
        every bin on both sides. Of n candles drawn from the m of training themselves it would still be about
        `(bins − 1) (1/n + 1/m)`, and more where neighbours resemble each other.

        Source: Siddiqi, Credit Risk Scorecards (2006), for formula and bounds; Yurdakul and Naranjo,
        Statistical properties of the population stability index (J. Risk Model Validation, 2020), for what
        chance makes of it.
        """
        return {
            name: _psi(np.array(self.bins[name].counts, np.float64), found)
            for name, found in counts.items()
            if found.sum() >= least
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            name: {"edges": list(bins.edges), "counts": list(bins.counts)} for name, bins in self.bins.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "InputProfile":
        """The inverse of `to_dict`."""
        return cls({name: Bins(tuple(one["edges"]), tuple(one["counts"])) for name, one in values.items()})


def _psi(trained: Counts, found: Counts) -> float:
    p, q = _shares(trained), _shares(found)
    return float(np.sum((p - q) * np.log(p / q)))


def _shares(counts: Counts) -> Counts:
    total = float(counts.sum()) + _SMOOTHING * len(counts)
    return (counts + _SMOOTHING) / total


class RecentInputs:
    """Counts over the candles that a process was asked about last; share it between threads.

    Bars that were counted once are not counted again, however often a chart sends them: of each pair and
    timeframe only what is older or newer than everything counted so far. The newest bar of a request waits
    until another follows, as it may not have closed.
    """

    def __init__(self, profile: InputProfile) -> None:
        self.profile = profile
        self._counts = {name: np.zeros(len(bins.counts)) for name, bins in profile.bins.items()}
        self._counted: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def candles(self) -> float:
        """How many are counted, those long ago as fractions."""
        with self._lock:
            return max((float(counts.sum()) for counts in self._counts.values()), default=0.0)

    def add(self, candles: Candles) -> None:
        """Counts the bars that are new."""
        with self._lock:
            for first, end in self._new(candles):
                self._count(candles[first - WARM_UP_BARS : end], end - first)

    def psi(self) -> dict[str, float]:
        """The index of each statistic, of those with enough candles counted."""
        with self._lock:
            return self.profile.psi(self._counts)

    def _new(self, candles: Candles) -> Sequence[tuple[int, int]]:
        """Half-open ranges of bars to count, which from now on are counted."""
        end = len(candles) - 1
        first = max(WARM_UP_BARS, end - _MOST_BARS)
        if end <= first:
            return ()
        key, time = (candles.pair, candles.timeframe), candles.time
        start_time, end_time = int(time[first]), int(time[end - 1])
        oldest, newest = self._counted.get(key, (end_time + 1, end_time))
        self._counted[key] = min(oldest, start_time), max(newest, end_time)
        self._counted.move_to_end(key)
        if len(self._counted) > _SERIES_KEPT:
            self._counted.popitem(last=False)
        older = min(end, int(np.searchsorted(time, oldest, "left")))
        newer = max(first, int(np.searchsorted(time, newest, "right")))
        return [(start, stop) for start, stop in ((first, older), (newer, end)) if start < stop]

    def _count(self, candles: Candles, bars: int) -> None:
        kept = 0.5 ** (bars / HALF_LIFE_CANDLES)
        for name, found in self.profile.counted(candles).items():
            self._counts[name] *= kept
            self._counts[name] += found
