"""What annotators said week by week, as figures."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from app.session import workspace
from app.words import day
from mllib.pipeline.verdict_history import WeekScore, verdict_history

ACTIONS = {
    "confirm": ("confirmed", "#2a9d74"),
    "correct": ("corrected", "#d9a21b"),
    "dismiss": ("dismissed", "#d1605e"),
    "add": ("added", "#5a86c5"),
    "nothing": ("nothing missing", "#8a97a5"),
}
_HEIGHT_PX = 230
_GRID = "rgba(128,140,152,0.16)"


def show_verdicts() -> None:
    """Week by week what people said, from the first verdict on."""
    history = verdict_history(workspace())
    if not history:
        return
    for place, title, figure in zip(
        st.columns(2, gap="large"),
        ("What people said", "How well it was predicted"),
        (weekly_verdicts(history), weekly_scores(history)),
        strict=True,
    ):
        place.subheader(title)
        place.plotly_chart(figure, key=title, config={"displayModeBar": False})


def weekly_verdicts(history: Sequence[WeekScore]) -> go.Figure:
    """A bar a week, stacked by what was said."""
    weeks = sorted({score.week for score in history})
    figure = go.Figure(
        [
            go.Bar(
                name=name,
                x=[day(week) for week in weeks],
                y=[sum(s.actions.get(action, 0) for s in history if s.week == week) for week in weeks],
                marker={"color": color},
                hovertemplate=f"%{{y:,}} {name}<extra></extra>",
            )
            for action, (name, color) in ACTIONS.items()
        ]
    )
    return figure.update_layout(_layout("verdicts a week"), barmode="stack")


def weekly_scores(history: Sequence[WeekScore]) -> go.Figure:
    """Span F1 over each week's verdicts with its 95 % interval; the random audit apart from the queue."""
    figure = go.Figure()
    for part, name, color in (("audit", "random audit", "#7a5fb5"), ("queue", "queue", "#8a97a5")):
        scores = [s for s in history if s.slice == part and s.span_f1 is not None]
        if scores:
            figure.add_trace(_scores(scores, name, color))
    return figure.update_layout(
        _layout("span F1 over verdicts"), yaxis={"range": [0, 1.02], "gridcolor": _GRID}
    )


def _scores(scores: Sequence[WeekScore], name: str, color: str) -> go.Scatter:
    values = [s.span_f1 or 0.0 for s in scores]
    between = [s.span_f1_interval or (v, v) for s, v in zip(scores, values, strict=True)]
    return go.Scatter(
        name=name,
        x=[day(s.week) for s in scores],
        y=values,
        mode="lines+markers",
        line={"color": color, "width": 1.5, "dash": "dot"},
        marker={"size": 8},
        error_y={
            "type": "data",
            "array": [high - v for (_, high), v in zip(between, values, strict=True)],
            "arrayminus": [v - low for (low, _), v in zip(between, values, strict=True)],
            "thickness": 1.2,
        },
        text=[f"v{s.model_version} · {s.verdicts} verdicts" for s in scores],
        hovertemplate="%{y:.2f} · %{text}<extra></extra>",
    )


def _layout(title: str) -> dict[str, object]:
    return {
        "height": _HEIGHT_PX,
        "margin": {"l": 6, "r": 6, "t": 6, "b": 6},
        "yaxis": {"title": title, "gridcolor": _GRID, "rangemode": "tozero"},
        "xaxis": {"type": "category", "showgrid": False, "nticks": 8},
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.14, "x": 0},
        "hovermode": "x unified",
    }
