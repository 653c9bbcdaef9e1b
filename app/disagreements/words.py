"""Differences of two layers as people read them: words, a table, and layers of a chart."""

from collections.abc import Collection, Sequence
from functools import partial

import pandas as pd

from app.chart import Layer, Mark, span_mark
from app.words import candle_time, count, label_words
from mllib.candles import Candles
from mllib.pipeline.comparisons import Comparison
from mllib.pipeline.disagreements import Disagreement, confidence_of
from mllib.spans import PredictedSpan, Span, SpanIndex, positions

KINDS = {
    "missed_by_human": "Missed by people",
    "missed_by_talib": "Missed by TA-Lib",
    "missed_by_model": "Missed by model",
    "label_mismatch": "Other label",
    "boundary_mismatch": "Other bounds",
    "agreement": "Agreement",
    "added": "Added",
    "dropped": "Dropped",
    "relabelled": "Relabelled",
    "moved": "Moved",
    "kept": "Kept",
}
SAID = {"confirm": "✓", "correct": "✎", "dismiss": "✕", "add": "+", "skip": "–", "nothing": "∅"}
DONE = {"confirm": "Confirmed", "dismiss": "Dismissed", "skip": "Skipped", "keep": "Kept"}
_LAYERS = {"human": "people", "talib": "TA-Lib", "model": "the model"}
_BARS_A_BAR, _FEWEST_BARS = 8, 60
_OUTLINES = {"label_mismatch": "orange", "relabelled": "orange", "missed_by_human": "yellow"}


def layer_words(layer: str) -> str:
    """A layer, or a version, within a sentence.

    >>> layer_words("human"), layer_words("8")
    ('people', 'v8')
    """
    return _LAYERS.get(layer, f"v{layer}")


def key_of(one: Disagreement) -> str:
    """A difference's place as text, the same after every rerun."""
    return f"{one.span.label}|{one.span.start_time}|{one.span.end_time}"


def labels_words(one: Disagreement) -> str:
    """The label, or what it is for either layer."""
    a, b = one.pair.a, one.pair.b
    if a is None or b is None or a.label == b.label:
        return label_words(one.span.label)
    return f"{label_words(a.label)} → {label_words(b.label)}"


def bounds_words(one: Disagreement) -> str:
    """How many candles later the second layer starts and ends.

    >>> from mllib.disagreement import Pair
    >>> bounds_words(Disagreement("moved", ("7", "8"), Pair("boundary_mismatch", None, None, 0.8, -2, 0)))
    '−2 / 0'
    """
    if one.pair.start_bars is None or one.pair.end_bars is None:
        return ""
    return f"{_signed(one.pair.start_bars)} / {_signed(one.pair.end_bars)}"


def bounds_sentence(one: Disagreement) -> str:
    """The same as a sentence, or nothing where the bounds are the same.

    >>> from mllib.disagreement import Pair
    >>> bounds_sentence(Disagreement("moved", ("7", "8"), Pair("boundary_mismatch", None, None, 0.8, -2, 1)))
    'v8 starts 2 candles earlier and ends 1 candle later than v7.'
    """
    said = [
        f"{verb} {count(abs(bars), 'candle')} {'later' if bars > 0 else 'earlier'}"
        for verb, bars in (("starts", one.pair.start_bars), ("ends", one.pair.end_bars))
        if bars
    ]
    if not said:
        return ""
    first, second = (layer_words(layer) for layer in one.between)
    sentence = f"{second} {' and '.join(said)} than {first}."
    return sentence[0].upper() + sentence[1:] if not second.startswith("v") else sentence


def spans_words(found: Sequence[Disagreement]) -> str:
    """How many of which label.

    >>> from mllib.disagreement import Pair
    >>> flag = Pair("only_in_b", None, Span("bull_flag", 0, 9))
    >>> spans_words([Disagreement("missed_by_human", ("human", "model"), flag)] * 2)
    '2 predictions of bull flag'
    """
    labels = sorted({one.span.label for one in found})
    named = ", ".join(map(label_words, labels)) if len(labels) <= 3 else f"{len(labels)} labels"
    return f"{count(len(found), 'prediction')} of {named}"


def differences_table(found: Sequence[Disagreement]) -> pd.DataFrame:
    """A row a difference: `kind label start (UTC) candles bounds confidence said`."""
    return pd.DataFrame(
        {
            "kind": [KINDS[one.kind] for one in found],
            "label": [labels_words(one) for one in found],
            "start": pd.to_datetime([one.span.start_time for one in found], unit="s"),
            "bounds": [bounds_words(one) for one in found],
            "confidence": pd.array([confidence_of(one) for one in found], dtype="Float64"),
            "said": [SAID[one.verdict] if one.verdict else "" for one in found],
        }
    )


def place_of(one: Disagreement) -> tuple[int, int]:
    """The first and last time (Unix s) of both spans."""
    there = [span for span in (one.pair.a, one.pair.b) if span is not None]
    return min(span.start_time for span in there), max(span.end_time for span in there)


def context_bars(history: Candles, place: tuple[int, int], *, most: int) -> int:
    """How many candles to show with a place (Unix s), so that short spans are not lost between long ones.

    >>> import numpy as np
    >>> hours = np.arange(1_000)
    >>> candles = Candles("EURUSD", "1h", hours, *[np.ones(1_000)] * 4)
    >>> context_bars(candles, (500, 501), most=200), context_bars(candles, (500, 539), most=200)
    (60, 200)
    """
    ((start, end),) = positions([Span("", *place)], history.time).tolist()
    return min(max(_BARS_A_BAR * (end - start), _FEWEST_BARS), most)


def comparison_layers(
    shown: Comparison, *, labels: Collection[str], least: float, selected: Disagreement | None
) -> list[Layer]:
    """People solid, TA-Lib dotted, models dashed: the spans of these labels, and the selected difference."""
    older = shown.between[0] if shown.between[0] not in _LAYERS else None
    drawn = []
    for name, spans in shown.layers.items():
        marks = partial(_marks, shown, name, spans, frozenset(labels), least, selected)
        words = layer_words(name).capitalize() if name in _LAYERS else layer_words(name)
        if name == "human":
            drawn.append(Layer(marks, "solid", name=words))
        elif name == "talib":
            drawn.append(Layer(marks, "dot", width=1.4, tags="below", name=words))
        else:
            tags = "none" if name == older else "below"
            drawn.append(Layer(marks, "dash", width=1.3 if name == older else 2.0, tags=tags, name=words))
    return drawn


def _marks(
    shown: Comparison,
    layer: str,
    spans: SpanIndex,
    labels: frozenset[str],
    least: float,
    selected: Disagreement | None,
    start_time: int,
    end_time: int,
) -> list[Mark]:
    marks = []
    for span in spans.touching(start_time, end_time):
        told = shown.told_of(layer, span)
        is_selected = told is not None and told == selected
        sure = not isinstance(span, PredictedSpan) or span.avg_confidence >= least
        if is_selected or (sure and (not labels or span.label in labels)):
            marks.append(_mark(shown, layer, span, told, is_selected=is_selected))
    return marks


def _mark(shown: Comparison, layer: str, span: Span, told: Disagreement | None, *, is_selected: bool) -> Mark:
    who = "by people" if layer == "human" else layer_words(layer)
    if told is not None:
        who = f"{who} · {KINDS[told.kind].lower()}"
    outlined = told is not None and span is told.pair.b
    return span_mark(
        span,
        who=who,
        timeframe=shown.history.timeframe,
        key=f"{layer}|{span.label}|{span.start_time}|{span.end_time}" if told is None else key_of(told),
        selected=is_selected,
        faint=told is not None and told.verdict is not None,
        outline=_OUTLINES.get(told.kind) if outlined else None,
    )


def span_times(one: Disagreement, timeframe: str) -> str:
    """From when to when, in UTC."""
    return f"{candle_time(one.span.start_time, timeframe)} – {candle_time(one.span.end_time, timeframe)} UTC"


def _signed(bars: int) -> str:
    return f"+{bars}" if bars > 0 else f"−{-bars}" if bars else "0"
