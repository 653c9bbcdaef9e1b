"""The chart of the Labels page: people's spans, TA-Lib's that are kept, and what functions would find."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from app.chart import Layer, Mark, candle_chart, span_mark
from app.labels import desk as labelling
from app.session import label_colors, workspace
from mllib.candles import Candles
from mllib.patterns import PatternSpans
from mllib.spans import NOTHING, PEOPLE, Annotation
from mllib.store import palette

HEIGHT_PX = 470
TALIB_BARS = 8_000
"""Patterns of one to five candles cannot be seen where more candles than so many are loaded."""
_SOURCE_WORDS = {
    "human": "drawn",
    "model_confirmed": "confirmed prediction",
    "model_corrected": "corrected prediction",
    "talib": "TA-Lib",
}


def source_words(span: Annotation) -> str:
    """Where a span comes from, and whose word it is."""
    words = _SOURCE_WORDS[span.source]
    return words if span.annotator is None else f"{words} by {span.annotator}"


def people_layer(spans: Sequence[Annotation], timeframe: str) -> Layer:
    """What people say; dismissals, which say that nothing is there, are not drawn."""
    drawn = [span for span in spans if span.source in PEOPLE and span.label != NOTHING]

    def marks(start_time: int, end_time: int) -> list[Mark]:
        return [
            span_mark(span, who=source_words(span), timeframe=timeframe, key=span.id)
            for span in drawn
            if span.end_time >= start_time and span.start_time <= end_time
        ]

    return Layer(marks, "solid", name="people")


def kept_layer(history: Candles, *, without: Collection[str] = ()) -> Layer:
    """What is kept of TA-Lib's, but for some functions."""

    def marks(start_time: int, end_time: int) -> list[Mark]:
        if len(history.between(start_time, end_time)) > TALIB_BARS:
            return []
        found = workspace().store.talib.spans(
            history.pair, history.timeframe, start_time=start_time, end_time=end_time
        )
        return [
            span_mark(span, who=f"TA-Lib {span.extra['function']}", timeframe=history.timeframe, key=span.id)
            for span in found
            if span.extra["function"] not in without
        ]

    return Layer(marks, "dot", width=1.2, tags="none", name="TA-Lib")


def preview_layer(history: Candles, found: Mapping[str, PatternSpans]) -> Layer:
    """What functions find, kept or not."""

    def marks(start_time: int, end_time: int) -> list[Mark]:
        if len(history.between(start_time, end_time)) > TALIB_BARS:
            return []
        first, last = np.searchsorted(history.time, (start_time, end_time))
        return [
            span_mark(
                span,
                who=f"TA-Lib {function}",
                timeframe=history.timeframe,
                key=f"talib:{function}:{span.label}:{span.start_time}:{span.end_time}",
            )
            for function, spans in found.items()
            for span in spans[slice(*np.searchsorted(spans.end_bar, (first, last + 1)))]
        ]

    return Layer(marks, "dot", width=2.0, name="preview")


def colors_of(labels: Collection[str]) -> dict[str, str]:
    """The labels' colours, and those that labels would get that have none yet."""
    colors = label_colors()
    for label in sorted(set(labels) - set(colors)):
        colors[label] = palette.next_color(label, list(colors.values()))
    return colors


def draw_chart(
    history: Candles,
    layers: Sequence[Layer],
    *,
    selecting: bool = False,
    colors: Mapping[str, str] | None = None,
    height: int = HEIGHT_PX,
) -> None:
    """Draws the chart, on which a click selects a span and a drag, where asked for, marks a range."""
    here = labelling.standing()
    candle_chart(
        history,
        layers,
        key=labelling.CHART,
        focus=here.focus,
        selected=here.selected,
        selecting=selecting,
        colors=colors,
        height=height,
        on_select=labelling.select,
        on_drag=labelling.take_drag,
    )
