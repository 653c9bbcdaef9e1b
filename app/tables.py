"""The tables and figures of runs, as pages show them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.words import count, duration, label_words, model_words
from mllib.pipeline.overview import span_f1_over
from mllib.spans import NOTHING
from mllib.store import Run

STATUS_ICONS = {
    "queued": "⏳ queued",
    "running": "▶ running",
    "failed": "✕ failed",
    "cancelled": "– cancelled",
    "rejected": "✕ rejected",
    "ready": "✓ ready",
}


ASKERS = {"person": "a person", "schedule": "↻ the schedule", "verdicts": "↻ new verdicts"}


def version_words(run: Run) -> str:
    """A run's version, such as `v3`, or nothing."""
    return "" if run.model_version is None else f"v{run.model_version}"


def series_words(run: Run) -> str:
    """The series that a run learns from."""
    return f"{', '.join(run.request['pairs'])} {run.request['timeframe']}"


def span_f1(run: Run) -> float | None:
    """Span F1 at IoU 0.5 over all labels, where the run has one."""
    return None if run.metrics is None else run.metrics["span_f1"]["0.5"]["micro"]


def runs_table(runs: Sequence[Run], champion_id: str | None, first: Collection[str]) -> pd.DataFrame:
    """A row a run: `version status model series`, span F1 of the `first` labels (`people`) and of `all`,
    `candles` (F1 per candle), `accuracy "started (UTC)" took "asked by" run`.
    """
    return pd.DataFrame(
        [
            {
                "version": f"{version_words(run)}{' ★' if run.run_id == champion_id else ''}",
                "status": STATUS_ICONS[run.status],
                "model": f"{model_words(run.model_type)} · {run.encoder}",
                "series": series_words(run),
                "people": None if run.metrics is None else span_f1_over(run.metrics, first),
                "all": span_f1(run),
                "candles": None if run.metrics is None else run.metrics["f1_macro"],
                "accuracy": None if run.metrics is None else run.metrics["accuracy"],
                "started (UTC)": pd.Timestamp(run.created_at, unit="s"),
                "took": _took(run),
                "asked by": ASKERS[run.asked_by],
                "run": run.run_id,
            }
            for run in runs
        ]
    )


def class_table(metrics: Mapping[str, Any], first: Collection[str]) -> pd.DataFrame:
    """Scores per candle and per span of each label that occurs or is predicted; the `first` ones on top."""
    spans = metrics["span_counts"]
    rows = [
        {
            "label": "no pattern" if name == NOTHING else label_words(name),
            "precision": scores["precision"],
            "recall": scores["recall"],
            "F1": scores["f1_score"],
            "candles": scores["support"],
            "span F1": spans[name]["f1_score"] if name in spans else None,
            "spans": spans[name]["true"] if name in spans else None,
            "found": spans[name]["predicted"] if name in spans else None,
        }
        for name, scores in _ordered(metrics, first)
        if scores["support"] or (name in spans and spans[name]["predicted"])
    ]
    return pd.DataFrame(rows)


def empty_labels(metrics: Mapping[str, Any]) -> list[str]:
    """The labels that neither occur nor are predicted where the run was tested."""
    return [
        label_words(name)
        for name, spans in metrics["span_counts"].items()
        if not metrics["per_class"][name]["support"] and not spans["predicted"]
    ]


def confusion_figure(metrics: Mapping[str, Any], first: Collection[str]) -> go.Figure:
    """Rows are true, columns predicted labels, coloured by share of the row, without empty labels."""
    labels, matrix = metrics["confusion"]["labels"], np.array(metrics["confusion"]["matrix"])
    order = [labels.index(name) for name, _ in _ordered(metrics, first)]
    kept = [i for i in order if matrix[i].sum() + matrix[:, i].sum()]
    counts = matrix[np.ix_(kept, kept)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = ["no pattern" if labels[i] == NOTHING else label_words(labels[i]) for i in kept]
    heat = go.Heatmap(
        z=shares,
        x=names,
        y=names,
        customdata=counts,
        zmin=0,
        zmax=1,
        xgap=1,
        ygap=1,
        colorscale=[[0, "rgba(76,140,210,0.05)"], [0.15, "rgba(76,140,210,0.30)"], [1, "#2f6fb2"]],
        showscale=False,
        hovertemplate=(
            "is <b>%{y}</b>, predicted <b>%{x}</b><br>"
            "%{customdata:,} candles, %{z:.0%} of the row<extra></extra>"
        ),
        texttemplate="%{z:.0%}" if len(kept) <= 9 else None,
    )
    figure = go.Figure(heat)
    figure.update_layout(
        height=max(300, 26 * len(kept) + 130),
        margin={"l": 6, "r": 6, "t": 6, "b": 6},
        xaxis={"title": "predicted", "tickangle": -45, "showgrid": False},
        yaxis={"title": "true", "autorange": "reversed", "showgrid": False},
    )
    return figure


def split_words(metrics: Mapping[str, Any]) -> str:
    """The sizes of the blocks that a run learned from, chose on and was tested on; the labels it left out."""
    split = metrics["split"]
    left_out = "; ".join(metrics["left_out"].values())
    too_little = f" Too little to learn from, so left out: {left_out}." if left_out else ""
    return (
        f"Learned from {count(split['train'], 'candle')}, chose thresholds on {split['validation']:,}, "
        f"tested on {split['test']:,}; {split['purged']:,} between the blocks left out.{too_little}"
    )


def _ordered(metrics: Mapping[str, Any], first: Collection[str]) -> list[tuple[str, Mapping[str, Any]]]:
    """The first labels, then the others, then no pattern; each by the candles that they cover."""
    return sorted(
        metrics["per_class"].items(),
        key=lambda item: (item[0] == NOTHING, item[0] not in first, -item[1]["support"]),
    )


def _took(run: Run) -> str:
    if run.started_at is None or run.completed_at is None:
        return ""
    return duration(run.completed_at - run.started_at)
