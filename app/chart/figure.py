"""Candles and layers of spans as one Plotly figure.

The x axis counts bars of the series, so that weekends leave no hole and spans stay on their candles. Only
the window's bars go to the browser.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.chart.marks import Dash, Layer, Mark, readable_on
from app.words import candle_time
from mllib.candles import Candles
from mllib.spans import positions

HEIGHT_PX = 560
WIDTH_PX = 860
"""The usual width of the drawing; tags are kept apart as if it were this wide."""

_RISING, _FALLING = "#26a69a", "#e0625e"
_FALLBACK = "#7f8c99"
_GRID = "rgba(128,140,152,0.16)"
_TAG_PX, _LETTER_PX = 19, 6.4
_TAG_ROWS = 4
_TICKS = 8

STROKES: dict[Dash, str] = {"solid": "solid", "dash": "6px,4px", "dot": "2px,2px"}
"""Plotly's own dashes grow with the line and leave nothing of a short span."""
Place = Callable[[int, float, float, int], int | None]
"""The row of a tag, from its span's first bar, its price, its width in px and 1 for up or -1 for down."""


@dataclass(frozen=True, slots=True)
class _Box:
    """Where a mark lies: half-open bars of the window, and prices."""

    mark: Mark
    start: int
    end: int
    low: float
    high: float


def candle_figure(
    candles: Candles,
    layers: Sequence[Layer],
    colors: Mapping[str, str],
    *,
    first_bar: int,
    revision: str,
    selecting: bool = False,
) -> go.Figure:
    """The figure of a window whose first candle is bar `first_bar` of its series.

    Zoom and pan stay while `revision` and the window stay. With `selecting` a drag marks a range of bars.
    """
    bars = first_bar + np.arange(len(candles))
    figure = go.Figure(_candlesticks(candles, bars))
    volume = candles.volume is not None and bool(candles.volume.any())
    if volume:
        figure.add_trace(_volume(candles, bars))
    low, high = _price_range(candles)
    place = _row_finder(candles, (low, high))
    for layer in layers:
        boxes = _boxes(candles, layer, high - low)
        _draw(figure, boxes, layer, colors, first_bar)
        figure.add_trace(_hover(boxes, layer, first_bar))
        _tag(figure, boxes, layer, colors, first_bar, place)
    figure.update_layout(_layout(candles, bars, (low, high), volume=volume, selecting=selecting))
    window = f"{candles.name} {first_bar} {len(candles)}"
    figure.update_layout(uirevision=window, selectionrevision=revision)
    return figure


def snapped(first_bar: int, bars: int, x: Sequence[float]) -> tuple[int, int] | None:
    """The first and last bar of the window (positions in it) whose candles a dragged range covers.

    >>> snapped(100, 50, [102.6, 108.4])
    (3, 8)
    >>> snapped(100, 50, [300.0, 301.0]) is None
    True
    """
    first = max(round(min(x) - first_bar), 0)
    last = min(round(max(x) - first_bar), bars - 1)
    return (first, last) if first <= last else None


def _candlesticks(candles: Candles, bars: "np.ndarray[Any, Any]") -> go.Candlestick:
    told = [
        f"<b>{candle_time(t, candles.timeframe)}</b><br>O {o:g}  H {h:g}<br>L {lo:g}  C {c:g}"
        for t, o, h, lo, c in zip(
            candles.time.tolist(),
            candles.open.tolist(),
            candles.high.tolist(),
            candles.low.tolist(),
            candles.close.tolist(),
            strict=True,
        )
    ]
    return go.Candlestick(
        x=bars,
        open=candles.open,
        high=candles.high,
        low=candles.low,
        close=candles.close,
        increasing={"line": {"color": _RISING, "width": 1}, "fillcolor": _RISING},
        decreasing={"line": {"color": _FALLING, "width": 1}, "fillcolor": _FALLING},
        text=told,
        hoverinfo="text",
        name="candles",
    )


def _volume(candles: Candles, bars: "np.ndarray[Any, Any]") -> go.Bar:
    return go.Bar(
        x=bars,
        y=candles.volume,
        yaxis="y2",
        marker={"color": _FALLBACK, "opacity": 0.3, "line": {"width": 0}},
        hoverinfo="skip",
        name="volume",
    )


def _price_range(candles: Candles) -> tuple[float, float]:
    low, high = float(candles.low.min()), float(candles.high.max())
    room = (high - low) or abs(high) * 0.01 or 1.0
    return low - 0.10 * room, high + 0.10 * room


def _boxes(candles: Candles, layer: Layer, room: float) -> list[_Box]:
    at = positions([mark.span for mark in layer.marks], candles.time).tolist()
    return [
        _Box(
            mark,
            start,
            end,
            float(candles.low[start:end].min()) - layer.pad * room,
            float(candles.high[start:end].max()) + layer.pad * room,
        )
        for mark, (start, end) in zip(layer.marks, at, strict=True)
        if end > start
    ]


def _draw(
    figure: go.Figure, boxes: Sequence[_Box], layer: Layer, colors: Mapping[str, str], first_bar: int
) -> None:
    shapes = [
        {
            "type": "rect",
            "x0": first_bar + box.start - 0.5,
            "x1": first_bar + box.end - 0.5,
            "y0": box.low,
            "y1": box.high,
            "line": {
                "color": colors.get(box.mark.span.label, _FALLBACK),
                "width": layer.width + (1.2 if box.mark.selected else 0),
                "dash": STROKES[layer.dash],
            },
            "fillcolor": _faded(
                colors.get(box.mark.span.label, _FALLBACK), 0.16 if box.mark.selected else 0.07
            ),
            "opacity": 0.45 if box.mark.faint else 1.0,
            "layer": "below",
        }
        for box in boxes
    ]
    figure.layout.shapes = (*figure.layout.shapes, *shapes)


def _hover(boxes: Sequence[_Box], layer: Layer, first_bar: int) -> go.Scatter:
    """Invisible points on the tags' side that tell about their span."""
    return go.Scatter(
        x=[first_bar + (box.start + box.end - 1) / 2 for box in boxes],
        y=[box.low if layer.tags == "below" else box.high for box in boxes],
        text=[box.mark.hover.replace("\n", "<br>") for box in boxes],
        mode="markers",
        marker={"size": 14, "opacity": 0},
        hoverinfo="text",
        showlegend=False,
        name=f"{layer.dash} spans",
    )


def _tag(
    figure: go.Figure,
    boxes: Sequence[_Box],
    layer: Layer,
    colors: Mapping[str, str],
    first_bar: int,
    place: Place,
) -> None:
    if layer.tags == "none":
        return
    above = layer.tags == "above"
    tags = []
    for box in sorted(boxes, key=lambda b: (not b.mark.selected, b.start)):
        price, direction = (box.high, 1) if above else (box.low, -1)
        row = place(box.start, price, len(box.mark.tag) * _LETTER_PX + 10, direction)
        if row is None:
            continue
        color = colors.get(box.mark.span.label, _FALLBACK)
        tags.append(
            {
                "x": first_bar + box.start - 0.5,
                "y": price,
                "text": box.mark.tag,
                "showarrow": False,
                "xanchor": "left",
                "yanchor": "bottom" if above else "top",
                "yshift": (2 + row * _TAG_PX) * direction,
                "bgcolor": color,
                "borderpad": 2,
                "font": {"size": 11, "color": readable_on(color)},
                "opacity": 0.55 if box.mark.faint else 0.95,
            }
        )
    figure.layout.annotations = (*figure.layout.annotations, *tags)


def _row_finder(candles: Candles, prices: tuple[float, float]) -> Place:
    """Finds the row nearest to a span where its tag meets no other, or None where all are taken."""
    taken: list[tuple[float, float, float]] = []
    px_a_bar = WIDTH_PX / max(len(candles), 1)
    px_a_price = HEIGHT_PX / (prices[1] - prices[0])

    def place(start: int, price: float, width_px: float, direction: int) -> int | None:
        left = start * px_a_bar
        for row in range(_TAG_ROWS):
            y = price * px_a_price + direction * (row + 0.5) * _TAG_PX
            meets = (
                abs(y - other) < _TAG_PX and left < right and left + width_px > start_px
                for start_px, right, other in taken
            )
            if not any(meets):
                taken.append((left, left + width_px, y))
                return row
        return None

    return place


def _layout(
    candles: Candles,
    bars: "np.ndarray[Any, Any]",
    prices: tuple[float, float],
    *,
    volume: bool,
    selecting: bool,
) -> dict[str, Any]:
    ticks = bars[:: max(len(bars) // _TICKS, 1)]
    axis = {"gridcolor": _GRID, "zeroline": False, "showline": False}
    return {
        "height": HEIGHT_PX,
        "margin": {"l": 6, "r": 6, "t": 8, "b": 6},
        "showlegend": False,
        "dragmode": "select" if selecting else "pan",
        "selectdirection": "h",
        "hovermode": "closest",
        "bargap": 0.25,
        "xaxis": {
            **axis,
            "range": [bars[0] - 1.0, bars[-1] + 1.0],
            "rangeslider": {"visible": False},
            "tickmode": "array",
            "tickvals": ticks,
            "ticktext": _tick_texts(candles, ticks - bars[0]),
        },
        "yaxis": {
            **axis,
            "range": list(prices),
            "side": "right",
            "tickformat": _price_format(candles),
            "automargin": True,
        },
        "yaxis2": {
            "visible": False,
            "overlaying": "y",
            "range": [0, float(candles.volume.max()) * 8 if volume and candles.volume is not None else 1],
        },
    }


def _tick_texts(candles: Candles, at: "np.ndarray[Any, Any]") -> list[str]:
    """Day, and below one day the hour; the year where it changes."""
    texts, year = [], 0
    for t in candles.time[at].tolist():
        moment = datetime.fromtimestamp(t, UTC)
        first = f"{moment.day} {moment:%b}"
        lines = [first, f"{moment:%H:%M}"] if candles.timeframe.endswith(("m", "h")) else [first]
        if moment.year != year:
            lines, year = [f"{first} {moment.year}", *lines[1:]], moment.year
        texts.append("<br>".join(lines))
    return texts


def _price_format(candles: Candles) -> str:
    room = float(candles.high.max() - candles.low.min())
    return ",.0f" if room > 200 else ",.2f" if room > 2 else ".4f"


def _faded(color: str, opacity: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
