"""The picture of a comparison: span F1 over labels spent, a band a strategy."""

from mllib.amounts import count
from mllib.report.svg import COLORS, FAINT, INK, Plot
from mllib.simulating.comparing import BASELINE, Comparison

_GREY = "#6b7280"
_STEPS = (10, 20, 25, 50, 100, 200, 250, 500, 1_000, 2_000)
_MOST_TICKS = 9


def draw(comparison: Comparison, title: str) -> str:
    """SVG text; the dashed line is 95 % of the span F1 of all labels."""
    most = max(point["spent"] for curve in comparison.curves.values() for point in curve)
    highest = max(
        [comparison.all_labels, *(p["high"] for curve in comparison.curves.values() for p in curve)]
    )
    top = min(0.1 * (int(highest * 10) + 1), 1.0)
    plot = Plot(title, (0, most), (0, top), width=680, height=400)
    step = next((step for step in _STEPS if most / step <= _MOST_TICKS), _STEPS[-1])
    tenths = [round(0.1 * i, 1) for i in range(round(top * 10) + 1)]
    plot.axes(range(0, int(most) + 1, step), tenths, x_name="labels spent", y_name="span F1 at IoU 0.5")
    plot.line([0, most], [comparison.target] * 2, INK, dashed=True, width=1)
    said = f"95 % of all labels' {comparison.all_labels:.2f}"
    plot.text(plot.left + 6, plot.y(comparison.target) - 6, said, anchor="start")
    others = iter(COLORS)
    colors = {name: _GREY if name == BASELINE else next(others, FAINT) for name in comparison.curves}
    for name, curve in comparison.curves.items():
        spent = [point["spent"] for point in curve]
        plot.band(spent, [p["low"] for p in curve], [p["high"] for p in curve], colors[name])
        plot.line(spent, [point["span_f1"] for point in curve], colors[name])
        for point in curve:
            words = f"{name}: {point['span_f1']:.3f} after {count(round(point['spent']), 'label')}"
            plot.dot(point["spent"], point["span_f1"], colors[name], said=words, radius=2.5)
    plot.legend(list(colors.items()), right=True)
    return plot.render()
