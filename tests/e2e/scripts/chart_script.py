"""A page with the chart alone: 100,000 candles, spans of three layers, and in words what was done."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

import app
from app.chart import Layer, Mark, candle_chart, span_mark
from app.style import STYLE
from mllib.candles import Candles
from mllib.spans import Annotation, PredictedSpan, Span

SAMPLE = Path(app.__file__).resolve().parents[1] / "data" / "samples" / "BTCUSDT_1h.parquet"
BARS = int(os.environ.get("CHART_BARS", "100000"))
COLORS = {"bull_flag": "#2e9e5b", "bear_flag": "#d1495b", "bullish_doji": "#4477aa"}


@st.cache_resource
def long_series() -> Candles:
    """The sample, repeated until it has `BARS` candles; each repeat goes on where the one before ended."""
    frame = pd.read_parquet(SAMPLE)
    prices = {name: np.log(frame[name].to_numpy()) for name in ("open", "high", "low", "close")}
    rise = prices["close"][-1] - prices["open"][0]
    at = np.arange(BARS)
    turn, bar = at // len(frame), at % len(frame)
    moved = {name: np.exp(column[bar] + rise * turn * 0.2).round(2) for name, column in prices.items()}
    time = int(frame["time"].iloc[0]) + 3_600 * at.astype(np.int64)
    return Candles("BTCUSDT", "1h", time, **moved, volume=frame["volume"].to_numpy()[bar])


def people(history: Candles) -> list[Mark]:
    """A span of 20 candles every 100, the newest one with a note, one of them outlined."""
    marks = []
    for i, first in enumerate(range(len(history) - 60, 0, -100)):
        start, end = history.time[first].item(), history.time[first + 19].item()
        span = Annotation(
            label="bull_flag",
            start_time=start,
            end_time=end,
            id=f"a{i}",
            clarity=4,
            notes="<b>steep</b> pole",
        )
        outline = "yellow" if i == 1 else None
        marks.append(span_mark(span, who="by ada", timeframe="1h", key=f"a{i}", outline=outline))
    return marks


def predicted(history: Candles) -> list[Mark]:
    marks = []
    for i, first in enumerate(range(len(history) - 55, 0, -100)):
        start, end = history.time[first].item(), history.time[first + 21].item()
        span = PredictedSpan("bear_flag", start, end, 0.83, 22)
        outline = "orange" if i == 0 else None
        marks.append(
            span_mark(
                span, who="model v1", timeframe="1h", key=f"m{i}", outline=outline, tag="bear flag 0.83"
            )
        )
    return marks


def patterns(start_time: int, end_time: int) -> list[Mark]:
    history = long_series()
    first, last = np.searchsorted(history.time, [start_time, end_time])
    return [
        span_mark(
            Span("bullish_doji", history.time[i].item(), history.time[i].item()), who="TA-Lib", timeframe="1h"
        )
        for i in range(first, last, 7)
    ]


st.set_page_config(layout="wide")
st.html(STYLE)
history = long_series()
left, middle, right = st.columns(3)
selecting = left.toggle("Mark a range", key="selecting")
if middle.button("Go to the start"):
    st.session_state.focus = (history.time[500].item(), history.time[519].item())
if right.button("Hide the newest"):
    st.session_state.as_of = history.time[-40].item()
st.session_state.runs = st.session_state.get("runs", 0) + 1
events = candle_chart(
    history,
    [
        Layer(patterns, "dot", width=1.2, tags="none", name="TA-Lib"),
        Layer(people(history), "solid", name="people"),
        Layer(predicted(history), "dash", tags="below", name="model"),
    ],
    key="chart",
    colors=COLORS,
    selecting=selecting,
    focus=st.session_state.get("focus"),
    as_of=st.session_state.get("as_of"),
    selected=st.session_state.get("selected"),
    on_select=lambda key: st.session_state.update(selected=key),
)
if events.dragged:
    st.session_state.dragged = events.dragged
st.write(f"runs {st.session_state.runs}")
st.write(f"selected {st.session_state.get('selected')}")
st.write(f"dragged {st.session_state.get('dragged')}")
