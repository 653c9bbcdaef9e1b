"""The small chart of a file's candles."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from mllib.candle_overview import overview
from mllib.candles import Candles
from mllib.market_gaps import MarketGap

_MOST, _HEIGHT_PX = 220, 300
_RISING, _FALLING = "#26a69a", "#e0625e"
_MISSING = "rgba(224,138,46,0.28)"


def candles_figure(candles: Candles, gaps: Sequence[MarketGap]) -> go.Figure:
    """A few hundred candles that stand for all of them; shaded where an open market's candles are missing."""
    few = overview(candles, -(-len(candles) // _MOST))
    figure = go.Figure(
        go.Candlestick(
            x=pd.to_datetime(few.time, unit="s"),
            open=few.open,
            high=few.high,
            low=few.low,
            close=few.close,
            increasing={"line": {"color": _RISING, "width": 1}, "fillcolor": _RISING},
            decreasing={"line": {"color": _FALLING, "width": 1}, "fillcolor": _FALLING},
        )
    )
    for gap in sorted(gaps, key=lambda one: -one.missing)[:50]:
        if not gap.is_day_off:
            ends = pd.to_datetime([gap.after_time, gap.before_time], unit="s")
            figure.add_vrect(*ends, fillcolor=_MISSING, line_width=0, layer="below")
    figure.update_layout(
        height=_HEIGHT_PX,
        margin={"l": 6, "r": 6, "t": 6, "b": 6},
        showlegend=False,
        xaxis={"rangeslider": {"visible": False}, "showgrid": False},
        yaxis={"side": "right"},
    )
    return figure
