"""A place of the review deck as the browser takes it: plain values, ready to draw."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.chart import Layer, chart_model, span_mark
from app.words import label_words
from mllib.pipeline.places import Place
from mllib.pipeline.review import ReviewWindow
from mllib.spans import PredictedSpan, Span
from mllib.store import Verdict

SAID = {
    "confirm": "confirmed",
    "correct": "corrected",
    "dismiss": "dismissed",
    "add": "added",
    "skip": "skipped",
    "nothing": "said that nothing is missing",
}


def drawn_place(
    place: Place, *, key: str, annotator: str | None, colors: Mapping[str, str], shown: Sequence[str]
) -> dict[str, Any]:
    """What the deck draws of a place: candles, three layers of spans, and what was said of it.

    Of the model's other spans there are only those of the labels `shown`.
    """
    window = place.window
    predictions = [p for p in window.predictions if p.label in shown and p != place.span]
    if place.span is not None:
        predictions.append(place.span)
    mine = next((v for v in place.verdicts if _is_mine(v, place.span, annotator)), None)
    return _drawn(window, predictions, colors) | {
        "key": key,
        "focus": None if place.span is None else place_key(place.span),
        "as_of": place.as_of,
        "peeked": place.peeked,
        "mine": None if mine is None else said_words(mine),
        "others": [said_words(v) for v in place.verdicts if v.annotator != annotator],
    }


def _drawn(
    window: ReviewWindow, predictions: Sequence[PredictedSpan], colors: Mapping[str, str]
) -> dict[str, Any]:
    timeframe = window.candles.timeframe
    people = [
        span_mark(s, who=f"by {s.annotator or 'people'}", timeframe=timeframe, key=s.id)
        for s in window.people
    ]
    talib = [span_mark(s, who="TA-Lib", timeframe=timeframe, key=s.id) for s in window.talib]
    model = [
        span_mark(p, who="model", timeframe=timeframe, tag=f"{label_words(p.label)} {p.avg_confidence:.2f}")
        for p in predictions
    ]
    layers = [Layer(people, "solid"), Layer(talib, "dot"), Layer(model, "dash")]
    drawn = chart_model(window.candles, layers, colors)
    by_people, by_talib, by_model = (layer["spans"] for layer in drawn["layers"])
    numbers = {place_key(p): p for p in predictions}
    for span in by_model:
        found = numbers[span["key"]]
        span |= {"confidence": found.avg_confidence, "candle_count": found.candle_count}
    return {
        "candles": drawn["candles"],
        "decimals": drawn["decimals"],
        "first_bar": window.first_bar,
        "series_bars": window.series_bars,
        "people": by_people,
        "talib": by_talib,
        "model": by_model,
    }


def place_key(span: Span) -> str:
    """Label and bounds as one text."""
    return f"{span.label}|{span.start_time}|{span.end_time}"


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


def _is_mine(verdict: Verdict, span: Span | None, annotator: str | None) -> bool:
    place = None if span is None else Span(span.label, span.start_time, span.end_time)
    return verdict.annotator == annotator and verdict.place == place
