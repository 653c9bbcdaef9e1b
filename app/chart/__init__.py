"""The one chart of candles that all pages draw."""

from app.chart.component import ChartEvents, candle_chart
from app.chart.figure import STROKES, candle_figure, snapped
from app.chart.marks import Layer, Mark, readable_on, span_mark
from app.chart.model import chart_model

__all__ = [
    "STROKES",
    "ChartEvents",
    "Layer",
    "Mark",
    "candle_chart",
    "candle_figure",
    "chart_model",
    "readable_on",
    "snapped",
    "span_mark",
]
