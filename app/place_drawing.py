"""A place of the review deck as the browser takes it: plain values, ready to draw."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.words import candle_time, label_words
from mllib.candles import COLUMNS, Candles
from mllib.pipeline.places import Place
from mllib.spans import Annotation, PredictedSpan, Span
from mllib.store import Verdict

_NO_COLOR = "#7f8c99"
SAID = {
    "confirm": "confirmed",
    "correct": "corrected",
    "dismiss": "dismissed",
    "add": "added",
    "skip": "skipped",
}


def drawn_place(
    place: Place, *, key: str, annotator: str | None, colors: Mapping[str, str], shown: Sequence[str]
) -> dict[str, Any]:
    """What the deck draws of a place: candles, three layers of spans, and what was said of it.

    Of the model's other spans there are only those of the labels `shown`.
    """
    window, timeframe = place.window, place.window.candles.timeframe
    predictions = [p for p in window.predictions if p.label in shown and p != place.span]
    if place.span is not None:
        predictions.append(place.span)
    mine = next((v for v in place.verdicts if _is_mine(v, place.span, annotator)), None)
    return {
        "key": key,
        "candles": packed(window.candles),
        "first_bar": window.first_bar,
        "series_bars": window.series_bars,
        "people": [drawn_span(s, f"by {s.annotator or 'people'}", timeframe, colors) for s in window.people],
        "model": [_drawn_prediction(p, timeframe, colors) for p in predictions],
        "talib": [drawn_span(s, "TA-Lib", timeframe, colors) for s in window.talib],
        "focus": None if place.span is None else place_key(place.span),
        "as_of": place.as_of,
        "peeked": place.peeked,
        "mine": None if mine is None else said_words(mine),
        "others": [said_words(v) for v in place.verdicts if v.annotator != annotator],
    }


def place_key(span: Span) -> str:
    """Label and bounds as one text."""
    return f"{span.label}|{span.start_time}|{span.end_time}"


def packed(candles: Candles) -> dict[str, str | None]:
    """The columns as base64 of little-endian float64, which is what the chart takes."""
    columns = {name: getattr(candles, name) for name in COLUMNS}
    return {
        name: None
        if values is None
        else base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode("ascii")
        for name, values in columns.items()
    }


def drawn_span(span: Span, who: str, timeframe: str, colors: Mapping[str, str]) -> dict[str, Any]:
    """A span as the chart takes it."""
    words = label_words(span.label)
    bounds = f"{candle_time(span.start_time, timeframe)} – {candle_time(span.end_time, timeframe)}"
    note = f"\n“{span.notes}”" if isinstance(span, Annotation) and span.notes else ""
    return {
        "key": span.id if isinstance(span, Annotation) else place_key(span),
        "label": span.label,
        "words": words,
        "start_time": span.start_time,
        "end_time": span.end_time,
        "color": colors.get(span.label, _NO_COLOR),
        "tag": words,
        "hover": f"{words}\n{who}\n{bounds}{note}",
    }


def said_words(verdict: Verdict) -> dict[str, Any]:
    """What someone said of a place, in words."""
    became = f" to {label_words(verdict.label)}" if verdict.action == "correct" else ""
    return {
        "verdict_id": verdict.id,
        "client_id": verdict.client_id,
        "action": verdict.action,
        "annotator": verdict.annotator,
        "words": f"{SAID[verdict.action]}{became}",
        "note": verdict.note,
    }


def _drawn_prediction(span: PredictedSpan, timeframe: str, colors: Mapping[str, str]) -> dict[str, Any]:
    drawn = drawn_span(span, f"model, {span.avg_confidence:.2f}", timeframe, colors)
    return drawn | {
        "tag": f"{drawn['words']} {span.avg_confidence:.2f}",
        "confidence": span.avg_confidence,
        "candle_count": span.candle_count,
    }


def _is_mine(verdict: Verdict, span: Span | None, annotator: str | None) -> bool:
    about = verdict.prediction
    return (
        span is not None
        and about is not None
        and verdict.annotator == annotator
        and (about.label, about.start_time, about.end_time) == (span.label, span.start_time, span.end_time)
    )
