"""The one chart of candles that all pages draw."""

from app.chart.component import ChartEvents, candle_chart, is_in_view
from app.chart.marks import Layer, Mark, span_mark
from app.chart.model import chart_model

__all__ = ["ChartEvents", "Layer", "Mark", "candle_chart", "chart_model", "is_in_view", "span_mark"]
