"""The figures of runs side by side: scores, curves, reliability and bounds."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from app.words import label_words
from mllib.evaluation import FARTHEST_BARS
from mllib.pipeline.run_comparison import LabelScore, label_bounds, label_curve, label_reliability

COLORS = ("#2f7fd1", "#e08a2e", "#3aa677", "#b0589b", "#8d8f2c", "#7a6cd0")
"""One a run, in the order in which they were chosen; readable on light and dark."""
_FAINT = "rgba(128,140,152,0.7)"
_GRID = "rgba(128,140,152,0.18)"
_SIDES = {"start": "start", "end": "end"}
_PLAIN = {"displayModeBar": False}
CONFIG: dict[str, Any] = _PLAIN

Named = Mapping[str, Mapping[str, Any]]
"""Metrics of runs by the name under which they are shown."""


def score_figure(names: Sequence[str], rows: Mapping[str, Sequence[LabelScore | None]]) -> go.Figure:
    """Span F1 of each label, a dot a run with its 95 % interval; labels of the rows from top to bottom."""
    figure = go.Figure()
    labels = list(rows)
    for i, name in enumerate(names):
        known = [(label, score) for label in labels if (score := rows[label][i]) is not None]
        offset = (i - (len(names) - 1) / 2) * 0.22
        figure.add_scatter(
            x=[score.f1 for _, score in known],
            y=[labels.index(label) + offset for label, _ in known],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [_beyond(score, 1) for _, score in known],
                "arrayminus": [_beyond(score, 0) for _, score in known],
                "thickness": 1.3,
                "width": 0,
            },
            mode="markers",
            marker={"color": color_of(i), "size": 8},
            name=name,
            customdata=[[label_words(label), score.true, score.predicted] for label, score in known],
            hovertemplate="<b>%{customdata[0]}</b><br>span F1 %{x:.3f}<br>%{customdata[1]} true, "
            f"%{{customdata[2]}} predicted<extra>{name}</extra>",
        )
    _style(figure, height=max(240, 30 * len(labels) + 90))
    figure.update_xaxes(range=[-0.02, 1.02], title="span F1 at IoU 0.5, with 95 % interval")
    figure.update_yaxes(
        tickvals=list(range(len(labels))),
        ticktext=[label_words(label) for label in labels],
        range=[len(labels) - 0.4, -0.6],
        showgrid=False,
    )
    return figure


def curve_figure(runs: Named, label: str | None) -> go.Figure:
    """Precision over recall of spans as the confidence asked for falls, a line a run."""
    figure = go.Figure()
    for i, (name, metrics) in enumerate(runs.items()):
        curve = label_curve(metrics, label)
        if curve is None or not curve["recall"]:
            continue
        average = curve["average_precision"]
        figure.add_scatter(
            x=curve["recall"],
            y=curve["precision"],
            customdata=curve["confidence"],
            mode="lines+markers",
            line={"color": color_of(i), "width": 2},
            marker={"size": 5},
            name=name if average is None else f"{name}, average {average:.3f}",
            hovertemplate="recall %{x:.2f}, precision %{y:.2f}<br>confidence from %{customdata:.2f} on"
            f"<extra>{name}</extra>",
        )
    _style(figure, height=380)
    figure.update_xaxes(range=[-0.02, 1.02], title="recall")
    figure.update_yaxes(range=[-0.02, 1.04], title="precision")
    return figure


def reliability_figure(runs: Named, label: str | None) -> go.Figure:
    """How often spans of a confidence are right, a line a run with its calibration error (ECE)."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": _FAINT, "dash": "dot", "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    for i, (name, metrics) in enumerate(runs.items()):
        table = label_reliability(metrics, label)
        if table is None:
            continue
        bins = table["bins"]
        figure.add_scatter(
            x=[one["confidence"] for one in bins],
            y=[one["observed"] for one in bins],
            customdata=[one["count"] for one in bins],
            mode="lines+markers",
            line={"color": color_of(i), "width": 2},
            marker={"size": 7},
            name=f"{name}, ECE {table['ece']:.3f}",
            hovertemplate=f"said %{{x:.2f}}, right %{{y:.2f}}<br>%{{customdata}} spans<extra>{name}</extra>",
        )
    _style(figure, height=380)
    figure.update_xaxes(range=[-0.02, 1.02], title="confidence of predicted spans")
    figure.update_yaxes(range=[-0.02, 1.04], title="share that is right")
    return figure


def bounds_figure(runs: Named, label: str | None, side: str) -> go.Figure:
    """How many candles too early (−) or too late (+) matched spans start or end, as shares, bars a run."""
    figure = go.Figure()
    offsets = list(range(-FARTHEST_BARS, FARTHEST_BARS + 1))
    for i, (name, metrics) in enumerate(runs.items()):
        spread = label_bounds(metrics, label)
        if spread is None:
            continue
        counts = spread[side]["counts"]
        figure.add_bar(
            x=offsets,
            y=[count / spread["count"] for count in counts],
            customdata=counts,
            marker={"color": color_of(i)},
            name=f"{name}, median {spread[side]['median']:+g}",
            hovertemplate=f"%{{x:+d}} candles: %{{customdata}} spans, %{{y:.0%}}<extra>{name}</extra>",
        )
    _style(figure, height=300)
    figure.update_layout(barmode="group", bargap=0.1)
    figure.update_xaxes(
        title=f"{side} too early (−) or too late (+), candles", zeroline=True, zerolinecolor=_FAINT
    )
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return figure


def color_of(i: int) -> str:
    """The colour of the i-th run."""
    return COLORS[i % len(COLORS)]


def _beyond(score: LabelScore, side: int) -> float:
    """How far the interval reaches beyond the score, to the left (0) or right (1)."""
    return 0.0 if score.interval is None else max(abs(score.interval[side] - score.f1), 0.0)


def _style(figure: go.Figure, *, height: int) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 6, "r": 6, "t": 28, "b": 6},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        showlegend=True,
    )
    figure.update_xaxes(gridcolor=_GRID, zeroline=False)
    figure.update_yaxes(gridcolor=_GRID, zeroline=False)
