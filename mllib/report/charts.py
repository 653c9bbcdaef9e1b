"""The plots of an evaluation, each an SVG text."""

from collections.abc import Mapping, Sequence
from typing import Any

from mllib.amounts import count
from mllib.report.svg import COLORS, FAINT, INK, Plot

_TENTHS = (0, 0.2, 0.4, 0.6, 0.8, 1.0)
_MOST_CURVES = 7
_MOST_CLASSES = 24
_ROW = 22


def charts(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Every plot that the metrics of `evaluation.evaluate` allow, by the name of its file."""
    labels = labels_with_spans(metrics)
    drawn = {"confusion": confusion(metrics), "reliability": reliability(metrics)}
    if labels:
        drawn |= {
            "span_f1": span_f1(metrics, labels),
            "precision_recall": precision_recall(metrics, labels),
            "boundary_error": boundary_error(metrics, labels),
        }
    return drawn


def labels_with_spans(metrics: Mapping[str, Any]) -> list[str]:
    """The labels that occur or are predicted, those with most true spans first."""
    counts = metrics["span_counts"]
    found = [label for label, c in counts.items() if c["true"] or c["predicted"]]
    return sorted(found, key=lambda label: (-counts[label]["true"], label))


def span_f1(metrics: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Span F1 at IoU 0.5 of each label, with its interval, and the champion's as a ring."""
    plot = _rows("Span F1 at IoU 0.5, with 95 % intervals", labels, (0.0, 1.0))
    plot.axes(_TENTHS, (), x_name="span F1 (grey: the champion)", y_name="")
    intervals = metrics["intervals"].get("span_f1", {}).get("per_label", {})
    champion = metrics["baseline"]["champion"].get("per_label", {})
    for row, label in enumerate(labels):
        f1, at = metrics["span_f1"]["0.5"]["per_label"][label], len(labels) - row - 0.5
        plot.box((0, f1), (at - 0.3, at + 0.3), COLORS[0], opacity=0.75, said=f"{label}: {f1:.3f}")
        if between := intervals.get(label):
            plot.line(between, [at, at], INK, width=1.5)
        if label in champion:
            plot.dot(champion[label], at, "#6b7280", said=f"champion: {champion[label]:.3f}")
    return plot.render()


def boundary_error(metrics: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Where matched spans begin and end against the true ones, in candles: the mean, and as a line its
    spread.
    """
    errors = {label: metrics["span_scores"]["0.5"][label]["boundary_error"] for label in labels}
    there = [label for label in labels if errors[label] is not None]
    widest = max(
        [errors[label][f"{side}_mean_absolute"] for label in there for side in ("start", "end")] + [1.0]
    )
    plot = _rows("Bounds of matched spans", there or list(labels), (-1.2 * widest, 1.2 * widest))
    ticks = [round(k * widest, 1) for k in (-1, -0.5, 0, 0.5, 1)]
    plot.axes(ticks, (), x_name="candles too early (−) or too late (+); lines are mean distances", y_name="")
    for row, label in enumerate(there):
        for side, color, away in (("start", COLORS[0], 0.18), ("end", COLORS[1], -0.18)):
            mean, spread = errors[label][f"{side}_mean"], errors[label][f"{side}_mean_absolute"]
            at = len(there) - row - 0.5 + away
            plot.line([-spread, spread], [at, at], color, width=1)
            plot.dot(mean, at, color, said=f"{label}, {side}: {mean:+.1f}, {spread:.1f} away on average")
    plot.text(plot.left + 4, plot.top - 6, "blue: start, orange: end", anchor="start")
    return plot.render()


def precision_recall(metrics: Mapping[str, Any], labels: Sequence[str]) -> str:
    """Precision over recall as the confidence asked for falls."""
    plot = Plot("Precision over recall of spans", (0, 1), (0, 1.02))
    plot.axes(_TENTHS, _TENTHS, x_name="recall", y_name="precision")
    curves = {"all labels": metrics["curves"]["pooled"]}
    curves |= {label: metrics["curves"]["per_label"][label] for label in labels[:_MOST_CURVES]}
    for i, curve in enumerate(curves.values()):
        color, width = (INK, 3) if i == 0 else (COLORS[i - 1], 1.5)
        plot.line(curve["recall"], curve["precision"], color, width=width)
    plot.legend([(name, INK if i == 0 else COLORS[i - 1]) for i, name in enumerate(curves)])
    return plot.render()


def reliability(metrics: Mapping[str, Any]) -> str:
    """How often what is said with some confidence is right: spans, and rows before and after calibration."""
    plot = Plot("Confidence against being right", (0, 1), (0, 1.02))
    plot.axes(_TENTHS, _TENTHS, x_name="mean confidence", y_name="share that is right")
    plot.line([0, 1], [0, 1], FAINT, dashed=True)
    rows = metrics.get("calibration", {}).get("test", {})
    spans = metrics["span_reliability"]["pooled"]
    tables = {
        "spans": spans and spans | {"bins": [tuple(b.values()) for b in spans["bins"]]},
        "rows, calibrated": rows.get("after", {}).get("pooled"),
        "rows, before": rows.get("before", {}).get("pooled"),
    }
    drawn = []
    for (name, table), color in zip(tables.items(), COLORS, strict=False):
        if table:
            counts, confidence, observed = zip(*table["bins"], strict=True)
            plot.line(confidence, observed, color, width=1.5)
            for count, x, y in zip(counts, confidence, observed, strict=True):
                plot.dot(x, y, color, said=f"{name}: {count}", radius=3)
            drawn.append((f"{name} (ECE {table['ece']:.3f})", color))
    for i, (name, color) in enumerate(drawn):
        plot.dot(0.04, 0.98 - 0.07 * i, color)
        plot.text(plot.x(0.07), plot.y(0.98 - 0.07 * i) + 4, name, anchor="start")
    return plot.render()


def confusion(metrics: Mapping[str, Any]) -> str:
    """Candles by true (rows) and predicted label; shades are shares of the row."""
    names, matrix = metrics["confusion"]["labels"], metrics["confusion"]["matrix"]
    totals = [sum(row) + sum(other[i] for other in matrix) for i, row in enumerate(matrix)]
    chosen = [i for i in sorted(range(len(names)), key=lambda i: (i > 0, -totals[i])) if totals[i] or not i]
    chosen, n = chosen[:_MOST_CLASSES], min(len(chosen), _MOST_CLASSES)
    side = max(_ROW * n, 120)
    plot = Plot(
        "Candles by true (rows) and predicted label",
        (0, n),
        (0, n),
        width=side + 190,
        height=side + 170,
        left=170,
        bottom=130,
    )
    for row, i in enumerate(chosen):
        whole = max(sum(matrix[i]), 1)
        plot.text(plot.left - 6, plot.y(n - row - 0.5) + 4, names[i], anchor="end")
        plot.text(plot.x(row + 0.5) + 4, plot.height - plot.bottom + 14, names[i], anchor="end", turned=True)
        for column, j in enumerate(chosen):
            share = matrix[i][j] / whole
            said = f"{names[i]} seen as {names[j]}: {count(matrix[i][j], 'candle')}, {share:.0%}"
            y = (n - row - 1.0, n - row - 0.0)
            plot.box((column, column + 1.0), y, COLORS[0], opacity=0.04 + 0.96 * share, said=said)
    return plot.render()


def _rows(title: str, labels: Sequence[str], x_range: tuple[float, float]) -> Plot:
    """A plot with a row for each label, the first on top."""
    n = len(labels)
    plot = Plot(title, x_range, (0, n), width=620, height=_ROW * n + 92, left=190)
    for row, label in enumerate(labels):
        plot.text(plot.left - 8, plot.y(n - row - 0.5) + 4, label, anchor="end")
    return plot
