"""Spans as a chart draws them: what they say, their stroke, and how much they are emphasised."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.words import candle_time, label_words
from mllib.spans import Annotation, PredictedSpan, Span

Dash = Literal["solid", "dash", "dot"]
Outline = Literal["orange", "yellow"]
"""Orange: another label than the model's. Yellow: missed by the human."""
_LONGEST_NOTE = 240


@dataclass(frozen=True, slots=True)
class Mark:
    """A span as it is drawn: its tag, and in lines what hovering tells, the first one as a title."""

    span: Span
    tag: str
    hover: str
    selected: bool = False
    faint: bool = False
    outline: Outline | None = None
    id: str | None = None

    @property
    def key(self) -> str:
        """What a click on it tells: its id, or its label and bounds."""
        return self.id or f"{self.span.label}|{self.span.start_time}|{self.span.end_time}"


Marks = Sequence[Mark] | Callable[[int, int], Sequence[Mark]]
"""Marks of a whole series, or what makes those that touch a closed range of times (Unix s)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Spans of one origin, with their stroke and the side on which their tags stand."""

    marks: Marks
    dash: Dash
    width: float = 2.0
    tags: Literal["above", "below", "none"] = "above"
    name: str = ""

    def marks_between(self, start_time: int, end_time: int) -> Sequence[Mark]:
        """The marks that touch a closed range of times (Unix s)."""
        if callable(self.marks):
            return self.marks(start_time, end_time)
        return [m for m in self.marks if m.span.end_time >= start_time and m.span.start_time <= end_time]


def span_mark(
    span: Span,
    *,
    who: str,
    timeframe: str,
    tag: str | None = None,
    key: str | None = None,
    selected: bool = False,
    faint: bool = False,
    outline: Outline | None = None,
) -> Mark:
    """A mark that tells label, origin, confidence or clarity, bounds and note, as far as they are known."""
    words = label_words(span.label)
    bounds = f"{candle_time(span.start_time, timeframe)} – {candle_time(span.end_time, timeframe)} UTC"
    lines = [words, who, bounds, *_further_words(span)]
    return Mark(span, words if tag is None else tag, "\n".join(lines), selected, faint, outline, key)


def _further_words(span: Span) -> list[str]:
    if isinstance(span, PredictedSpan):
        return [f"confidence {span.avg_confidence:.2f}"]
    if not isinstance(span, Annotation):
        return []
    lines = [f"clarity {span.clarity} of 5"] if span.clarity is not None else []
    if span.outcome:
        lines.append(f"outcome {span.outcome}")
    if span.notes:
        lines.append(f"“{span.notes[:_LONGEST_NOTE]}”")
    return lines
