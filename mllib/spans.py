"""Spans of candles, the annotations that carry them, and where someone has looked.

Times are Unix seconds UTC of candle opens and spans are closed on both ends here; inside arrays
they become half-open bar positions (`positions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Source = Literal["human", "talib", "model_confirmed", "model_corrected"]
PEOPLE: frozenset[str] = frozenset({"human", "model_confirmed", "model_corrected"})
Origin = Literal["uncertainty", "committee", "disagreement", "label_error", "audit"]
"""Why a place was shown: where a review queue took it from, or the list of differences."""
NOTHING = "O"
"""The label of a verdict that nothing is there."""


@dataclass(frozen=True, slots=True)
class Span:
    """A label over the candles from `start_time` to `end_time`, both included (Unix s, bar opens)."""

    label: str
    start_time: int
    end_time: int


@dataclass(frozen=True, slots=True)
class PredictedSpan(Span):
    """A span that a model proposes, with its mean confidence in [0, 1]."""

    avg_confidence: float
    candle_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPrediction:
    """The prediction that a verdict judged; its bounds are unknown in older exports."""

    label: str
    confidence: float | None = None
    model_version: str | None = None
    start_time: int | None = None
    end_time: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation(Span):
    """One annotation as the annotation tool exports it; `clarity` is its `confidence` of 1 to 5."""

    id: str
    source: Source = "human"
    annotator: str | None = None
    clarity: int | None = None
    outcome: str | None = None
    sub_spans: tuple[Span, ...] | None = None
    notes: str | None = None
    model_prediction: JudgedPrediction | None = None
    created_at: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def in_order(self) -> "Annotation":
        """The same with its start before its end, however they were given."""
        if self.start_time <= self.end_time:
            return self
        return replace(self, start_time=self.end_time, end_time=self.start_time)


CLEAREST = 5


def clarity_weight(span: Span) -> float:
    """How much a span weighs in training: its clarity of 1 to 5 as a share of 5, and 1 where nobody rated it.

    >>> clarity_weight(Annotation("flag", 0, 9, id="a", clarity=2)), clarity_weight(Span("flag", 0, 9))
    (0.4, 1.0)
    """
    clarity = span.clarity if isinstance(span, Annotation) else None
    return 1.0 if clarity is None else clarity / CLEAREST


@dataclass(frozen=True, slots=True)
class ReviewedRange:
    """Bars that someone looked at in full for these labels; only there is silence a negative."""

    start_time: int
    end_time: int
    labels: frozenset[str]


def with_sub_spans(
    spans: Sequence[Annotation], reviewed: Sequence[ReviewedRange]
) -> tuple[list[Annotation], list[ReviewedRange]]:
    """The spans with their sub-spans beside them, as spans of their own labels and of their parent's clarity.

    Whoever looked for a label has looked for the sub-spans that spans of this label have.
    """
    beside: list[Annotation] = []
    parts: dict[str, set[str]] = {}
    for span in spans:
        for sub in span.sub_spans or ():
            part = replace(
                span, label=sub.label, start_time=sub.start_time, end_time=sub.end_time, sub_spans=None
            )
            beside.append(part)
            parts.setdefault(span.label, set()).add(sub.label)
    looked_for = [
        replace(part, labels=part.labels.union(*(parts.get(label, ()) for label in part.labels)))
        for part in reviewed
    ]
    return [*spans, *beside], looked_for


def positions(spans: Sequence[Span], time: NDArray[np.int64]) -> NDArray[np.int64]:
    """Half-open bar positions `int64 (n_spans, 2)` of spans on a strictly rising `time (n_bars,)`.

    A span that reaches beyond the candles keeps the part that lies on them, and one that lies
    beside them entirely becomes an empty range (`start == end`).

    >>> positions([Span("flag", 20, 40)], np.array([10, 20, 30, 40, 50]))
    array([[1, 4]])
    """
    if not spans:
        return np.empty((0, 2), dtype=np.int64)
    starts = np.searchsorted(time, [span.start_time for span in spans], side="left")
    ends = np.searchsorted(time, [span.end_time for span in spans], side="right")
    return np.stack([starts, np.maximum(starts, ends)], axis=1).astype(np.int64)


class SpanIndex:
    """Spans of a series, to be asked again and again which of them lie on a stretch of time."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = spans
        self._starts = np.array([span.start_time for span in spans], np.int64)
        self._ends = np.array([span.end_time for span in spans], np.int64)

    def __len__(self) -> int:
        return len(self.spans)

    def touching(self, start_time: int, end_time: int) -> list[Span]:
        """Those that share a time with a closed range (Unix s), in their order.

        >>> SpanIndex([Span("flag", 0, 20), Span("flag", 30, 40)]).touching(20, 25)
        [Span(label='flag', start_time=0, end_time=20)]
        """
        there = np.flatnonzero((self._ends >= start_time) & (self._starts <= end_time))
        return [self.spans[i] for i in there.tolist()]
