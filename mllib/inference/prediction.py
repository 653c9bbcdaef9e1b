"""What a Predictor says about candles: spans, and one label a candle."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders.suppression import unsuppressed
from mllib.features.windows import Floats
from mllib.spans import NOTHING, PredictedSpan, Span, positions


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Spans by start, and per bar a label's index into `names` and its confidence in [0, 1].

    `names[0]` is `O`. Where spans overlap, the most confident one gives the label; in no span the
    confidence is that of `O`: one minus the largest probability of any label there.
    """

    candles: Candles
    names: tuple[str, ...]
    spans: list[PredictedSpan]
    label: NDArray[np.int32]
    confidence: Floats
    coverage: Floats
    """`float64 (n_bars, n_labels)`: the probability that a bar lies in a span of each label."""

    def labels(self) -> list[str]:
        """The label of each bar."""
        return [self.names[i] for i in self.label.tolist()]

    def to_dict(self) -> dict[str, Any]:
        """The contract's `pair timeframe spans per_candle candle_count`, as JSON-ready values."""
        bars = zip(self.candles.time.tolist(), self.labels(), self.confidence.tolist(), strict=True)
        return {
            "pair": self.candles.pair,
            "timeframe": self.candles.timeframe,
            "spans": [asdict(span) for span in self.spans],
            "per_candle": [{"time": t, "label": label, "confidence": c} for t, label, c in bars],
            "candle_count": len(self.candles),
        }

    def between(self, first_bar: int, end_bar: int) -> "Prediction":
        """The bars of a half-open range, and every span that shares a bar with it, whole."""
        if (first_bar, end_bar) == (0, len(self.candles)):
            return self
        part = self.candles[first_bar:end_bar]
        touching = [
            s
            for s in self.spans
            if len(part) and s.end_time >= part.time[0] and s.start_time <= part.time[-1]
        ]
        bars = slice(first_bar, end_bar)
        return Prediction(
            part, self.names, touching, self.label[bars], self.confidence[bars], self.coverage[bars]
        )

    @classmethod
    def joined(cls, candles: Candles, pieces: Sequence["Prediction"]) -> "Prediction":
        """The prediction of candles from those of its pieces, in order; a span is taken where it starts."""
        if len(pieces) == 1:
            return pieces[0]
        spans = [
            span
            for piece in pieces
            for span in piece.spans
            if span.start_time >= piece.candles.time[0] and span.start_time <= piece.candles.time[-1]
        ]
        arrays = (
            np.concatenate([getattr(piece, name) for piece in pieces])
            for name in ("label", "confidence", "coverage")
        )
        return cls(candles, pieces[0].names, spans, *arrays)

    def under(self, present: Mapping[str, str]) -> "Prediction":
        """The same under the names that labels have now; a label without one is left out.

        Where two labels have become one, the more confident of spans that speak of the same thing stays.
        """
        if all(present.get(name) == name for name in self.names[1:]):
            return self
        labels = tuple(dict.fromkeys(present[name] for name in self.names[1:] if name in present))
        spans = [replace(span, label=present[span.label]) for span in self.spans if span.label in present]
        coverage = np.zeros((len(self.candles), len(labels)))
        for column, name in enumerate(self.names[1:]):
            if name in present:
                at = labels.index(present[name])
                coverage[:, at] = np.maximum(coverage[:, at], self.coverage[:, column])
        return predicted(self.candles, labels, _told_apart(spans, self.candles), coverage)


def _told_apart(spans: list[PredictedSpan], candles: Candles) -> list[PredictedSpan]:
    """The spans that no more confident one of their label suppresses, in their order."""
    kept: set[int] = set()
    for label in {span.label for span in spans}:
        own = [i for i, span in enumerate(spans) if span.label == label]
        confidence = np.array([spans[i].avg_confidence for i in own], np.float32)
        free = unsuppressed(positions([spans[i] for i in own], candles.time), confidence)
        kept.update(own[i] for i in free.tolist())
    return [span for i, span in enumerate(spans) if i in kept]


def predicted(
    candles: Candles, labels: tuple[str, ...], spans: list[PredictedSpan], coverage: Floats
) -> Prediction:
    """The prediction that spans and label probabilities `coverage (n_bars, n_labels)` amount to."""
    names = (NOTHING, *labels)
    number = {name: i for i, name in enumerate(names)}
    by_confidence = sorted(spans, key=lambda span: span.avg_confidence)
    label = np.zeros(len(candles), np.int32)
    confidence = 1.0 - coverage.max(axis=1, initial=0.0)
    places = positions(by_confidence, candles.time).tolist()
    for span, (start, end) in zip(by_confidence, places, strict=True):
        label[start:end] = number[span.label]
        confidence[start:end] = span.avg_confidence
    return Prediction(candles, names, spans, label, confidence, coverage)


def paint(spans: Sequence[Span], candles: Candles, names: Sequence[str]) -> NDArray[np.int32]:
    """The index into `names` of the label that each bar carries, 0 outside of spans; the last span wins."""
    number = {name: i for i, name in enumerate(names)}
    painted = np.zeros(len(candles), np.int32)
    for span, (start, end) in zip(spans, positions(spans, candles.time).tolist(), strict=True):
        painted[start:end] = number[span.label]
    return painted
