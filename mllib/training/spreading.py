"""One model of TA-Lib's labels over any number of series, whose rows no machine holds: workers have them.

Encoder, class weights and prior come from counts, which workers add up chunk by chunk; the trees grow where
the rows are. Stopping, calibration, cuts and the test are those of `fitting`, on the held-out rows, here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mllib.calibration import Calibration
from mllib.candle_source import CandleSource
from mllib.candles import Candles
from mllib.encoders import Encoder, EncodingConfig, Example, encoder_class
from mllib.features import ContextConfig
from mllib.patterns import PatternSpans, detect, label_of
from mllib.rows import Rows, Targets
from mllib.spans import ReviewedRange, Span
from mllib.splits import Intervals, Split
from mllib.timeframes import SECONDS
from mllib.training.material import LabelledSeries, as_if_newest, class_weights

CHUNK_BARS = 50_000
"""So many bars are described at a time: what a worker needs beyond the rows that it keeps is bounded."""

Floats = NDArray[np.float32]
Counts = NDArray[np.int64]
Found = Mapping[str, PatternSpans]


class Chunk(NamedTuple):
    """Bars `first:end` of a stored series."""

    number: int
    pair: str
    timeframe: str
    first: int
    end: int


@dataclass(frozen=True)
class Labels:
    """TA-Lib's labels of stored series; a process keeps those of the series that it read last."""

    source: CandleSource
    functions: tuple[str, ...]
    split: Split
    encoder: Encoder
    positive_weights: Floats = field(default_factory=lambda: np.ones(1, np.float32))
    """What a positive of each target column weighs."""
    seed: int = 0
    _last: dict[tuple[str, str], tuple[Candles, Found]] = field(default_factory=dict, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": {}}

    @property
    def names(self) -> frozenset[str]:
        """Every label that the functions may give."""
        return frozenset(label_of(f, bullish=side) for f in self.functions for side in (True, False))

    def read(self, pair: str, timeframe: str) -> tuple[Candles, Found]:
        """The candles of a series, and what is found on all of them."""
        if (pair, timeframe) not in self._last:
            self._last.clear()
            candles = self.source.archive.read(pair, timeframe)
            self._last[pair, timeframe] = candles, detect(candles, self.functions)
        return self._last[pair, timeframe]

    def series(self, pair: str, timeframe: str, first: int, end: int) -> LabelledSeries:
        """The bars `first:end` with the spans that share one with them, reviewed everywhere."""
        candles, found = self.read(pair, timeframe)
        spans = [span for one in found.values() for span in _within(one, first, end)]
        part = candles[first:end]
        return LabelledSeries(part, spans, [ReviewedRange(int(part.time[0]), int(part.time[-1]), self.names)])


def _within(found: PatternSpans, first: int, end: int) -> Iterator[Span]:
    starts, ends = found.start_bar < end, found.end_bar >= first
    chosen = np.flatnonzero(starts & ends)
    arrays = found.start_bar[chosen], found.end_bar[chosen], found.value[chosen]
    for span in PatternSpans(found.function, found.time, *arrays):
        yield Span(span.label, span.start_time, span.end_time)


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What is known of training rows: how many there are, and for each target column how many cells are
    known and true; `evidence` is the encoder's, by label.
    """

    rows: int
    known: Counts
    positive: Counts
    evidence: Mapping[str, tuple[int, int]]

    def __add__(self, other: "Tally") -> "Tally":
        evidence = {
            label: (a + other.evidence[label][0], b + other.evidence[label][1])
            for label, (a, b) in self.evidence.items()
        }
        rows = self.rows + other.rows
        return Tally(rows, self.known + other.known, self.positive + other.positive, evidence)

    @property
    def positive_weights(self) -> Floats:
        """What balances the classes."""
        return class_weights(self.positive, self.known - self.positive)

    def undone(self, weights: Floats) -> Calibration:
        """What takes these weights of positives back."""
        both = (self.positive > 0) & (self.known > self.positive)
        return Calibration(tuple(np.where(both, np.log(weights), 0.0).tolist()), (1.0,) * len(weights))

    def totals(self, weights: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The weight of all positives and of all negatives of each column."""
        negative = (self.known - self.positive).astype(np.float64)
        return (self.positive * weights).astype(np.float64), negative


def chunks(sizes: Mapping[tuple[str, str], int]) -> list[Chunk]:
    """The chunks of series of so many bars."""
    cut = [
        (pair, timeframe, first, min(first + CHUNK_BARS, bars))
        for (pair, timeframe), bars in sizes.items()
        for first in range(0, bars, CHUNK_BARS)
    ]
    return [Chunk(number, *one) for number, one in enumerate(cut)]


def lengths(labels: Labels, chunk: Chunk) -> dict[str, list[int]]:
    """For each label the bars of its spans that begin in a chunk and lie in the training block."""
    candles, found = labels.read(chunk.pair, chunk.timeframe)
    bar_s = SECONDS[candles.timeframe]
    counted: dict[str, list[int]] = {}
    for function, spans in found.items():
        begun = (spans.start_bar >= chunk.first) & (spans.start_bar < chunk.end)
        starts, ends = (candles.time[bars[begun]] for bars in (spans.start_bar, spans.end_bar))
        lasting = Intervals(starts, starts, ends + bar_s, np.full(len(starts), bar_s, np.int64))
        learned = labels.split.holds("train", lasting)
        bars, up = (spans.end_bar - spans.start_bar + 1)[begun][learned], spans.value[begun][learned] > 0
        for side in (True, False):
            if (up == side).any():
                counted[label_of(function, bullish=side)] = bars[up == side].tolist()
    return counted


def learned_encoder(
    name: str, found: Sequence[Mapping[str, list[int]]], context: ContextConfig, encoding: EncodingConfig
) -> Encoder:
    """An encoder for labels whose spans have these lengths in bars."""
    empty = np.empty(0)
    nowhere = Candles("NONE", "1h", np.empty(0, np.int64), empty, empty, empty, empty)
    by_label: dict[str, list[int]] = {}
    for one in found:
        for label, bars in one.items():
            by_label.setdefault(label, []).extend(bars)
    examples = {
        label: [Example(nowhere, np.stack([np.zeros(len(bars), np.int64), np.array(bars, np.int64)], axis=1))]
        for label, bars in by_label.items()
    }
    return encoder_class(name).learn(context, examples, encoding)


def tally(labels: Labels, chunk: Chunk) -> Tally:
    """What is known of a chunk's training rows; their features are not computed."""
    one, inside, train = _surroundings(labels, chunk)
    rows = _bare_rows(one.candles)
    targets = labels.encoder.label(rows, one.candles, one.spans, one.reviewed).take(inside & train)
    true = targets.mask & (targets.Y > 0)
    known, positive = (cells.sum(axis=0, dtype=np.int64) for cells in (targets.mask, true))
    return Tally(len(targets.Y), known, positive, labels.encoder.evidence(targets))


def material(labels: Labels, chunk: Chunk) -> tuple[Floats, Floats]:
    """Features `float32 (n, f)` of a chunk's training rows, and what is known `float32 (n, k)`: the weight of
    a cell, below 0 for a negative, 0 where nothing is known. Some rows are shown as if they were the newest.
    """
    one, inside, train = _surroundings(labels, chunk)
    rows = labels.encoder.propose(one.candles)
    targets = labels.encoder.label(rows, one.candles, one.spans, one.reviewed).take(inside & train)
    chosen = rows.take(np.flatnonzero(inside & train))
    with as_if_newest(chosen, labels.encoder.feature_columns, seed=labels.seed + chunk.number) as shown:
        X = shown.X.copy()  # put back as it was afterwards
    return X, signed(targets, labels.positive_weights)


def signed(targets: Targets, positive_weights: Floats) -> Floats:
    """Targets and weights as one matrix: the weight of a cell, below 0 for a negative, 0 for unknown."""
    weights = np.where(targets.Y > 0, positive_weights, np.float32(-1)) * targets.weights * targets.mask
    known: Floats = weights.astype(np.float32)
    return known


def _surroundings(
    labels: Labels, chunk: Chunk
) -> tuple[LabelledSeries, NDArray[np.bool_], NDArray[np.bool_]]:
    """A chunk with all that its rows read, which of the bars are its own, and which train."""
    before, after = labels.encoder.reach
    candles, _ = labels.read(chunk.pair, chunk.timeframe)
    start, stop = max(chunk.first - before, 0), min(chunk.end + after, len(candles))
    one = labels.series(chunk.pair, chunk.timeframe, start, stop)
    bars = np.arange(start, stop)
    train = labels.split.holds("train", Intervals.of_bars(one.candles, labels.encoder.reach))
    return one, (bars >= chunk.first) & (bars < chunk.end), train


def _bare_rows(candles: Candles) -> Rows:
    """A row a bar, without features."""
    bars, nothing = np.arange(len(candles), dtype=np.int64), np.zeros(len(candles), np.int32)
    X = np.empty((len(candles), 0), np.float32)
    return Rows(X, nothing, bars, bars + 1, candles.time, candles.time, candles.time, nothing)
