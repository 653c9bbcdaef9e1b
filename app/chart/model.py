"""What the browser's chart is given: a stretch of candles, packed, and the spans on them, as JSON values."""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.chart.marks import Layer, Mark
from app.words import count, label_words
from mllib.candle_overview import Stretch, overview
from mllib.candles import COLUMNS, Candles
from mllib.spans import positions

MOST_SPANS = 1_500
"""So many spans of a layer are sent at once, the longest ones first."""
NO_COLOR = "#7f8c99"
_MOST_DECIMALS = 8


def chart_model(
    history: Candles,
    layers: Sequence[Layer],
    colors: Mapping[str, str],
    *,
    loaded: Stretch | None = None,
    focus: tuple[int, int] | None = None,
    selected: str | None = None,
    as_of: int | None = None,
) -> dict[str, Any]:
    """The model that `CandleChart.show` draws, of the whole history or of the stretch of it that is loaded.

    Candles are base64 of little-endian float64 columns; bars after `as_of` (Unix s) are left out.
    """
    seen = history if as_of is None else history.between(None, as_of)
    part = loaded or Stretch(0, len(seen), 1)
    bars = seen[part.first_bar : part.end_bar]
    shown = overview(bars, part.bars_per_candle)
    columns = COLUMNS if _has_volume(seen) else COLUMNS[:-1]
    drawn = [_layer(layer, bars, seen, colors, selected) for layer in layers] if len(bars) else []
    cut = sum(left_out for _, left_out in drawn)
    return {
        "series": history.name,
        "timeframe": history.timeframe,
        "candles": {name: _packed(getattr(shown, name)) for name in columns},
        "decimals": decimals_of(shown.close),
        "bars_per_candle": part.bars_per_candle,
        "first_bar": part.first_bar,
        "end_bar": part.first_bar + len(bars),
        "total_bars": len(seen),
        "layers": [layer for layer, _ in drawn],
        "focus": None if focus is None else {"start_time": focus[0], "end_time": focus[1]},
        "as_of": as_of,
        "note": f"{count(cut, 'short span')} not drawn: zoom in to see them" if cut else "",
    }


def decimals_of(prices: NDArray[np.float64]) -> int:
    """How many decimals prices are told with: as many as they are written with, where that is few.

    >>> decimals_of(np.array([1.05321, 1.0])), decimals_of(np.array([43_654.1]))
    (5, 2)
    """
    some = prices[:: max(len(prices) // 400, 1)]
    if not len(some):
        return 2
    magnitude = math.floor(math.log10(max(float(np.abs(some).max()), 1e-9)))
    most = min(max(6 - magnitude, 2), _MOST_DECIMALS)
    return next((n for n in range(2, most) if np.allclose(np.round(some, n), some, rtol=0, atol=1e-9)), most)


def _has_volume(candles: Candles) -> bool:
    return candles.volume is not None and bool(candles.volume.any())


def _packed(column: NDArray[Any]) -> str:
    return base64.b64encode(column.astype("<f8").tobytes()).decode("ascii")


def _layer(
    layer: Layer, bars: Candles, seen: Candles, colors: Mapping[str, str], selected: str | None
) -> tuple[dict[str, Any], int]:
    """A layer's spans on these bars, and how many of them were left out."""
    found = layer.marks_between(int(bars.time[0]), int(bars.time[-1]))
    marks = _longest(found, selected)
    at = positions([mark.span for mark in marks], seen.time)
    counts = (at[:, 1] - at[:, 0]).tolist()
    spans = [_span(mark, colors, selected, n) for mark, n in zip(marks, counts, strict=True) if n]
    described = {"name": layer.name, "dash": layer.dash, "width": layer.width, "tags": layer.tags}
    return {**described, "spans": spans}, len(found) - len(marks)


def _longest(marks: Sequence[Mark], selected: str | None) -> Sequence[Mark]:
    if len(marks) <= MOST_SPANS:
        return marks
    rank = [
        (mark.selected or mark.key == selected, mark.span.end_time - mark.span.start_time) for mark in marks
    ]
    kept = sorted(range(len(marks)), key=rank.__getitem__, reverse=True)[:MOST_SPANS]
    return [marks[i] for i in sorted(kept)]


def _span(mark: Mark, colors: Mapping[str, str], selected: str | None, bars: int) -> dict[str, Any]:
    key = mark.key
    told = {
        "key": key,
        "label": mark.span.label,
        "words": label_words(mark.span.label),
        "start_time": mark.span.start_time,
        "end_time": mark.span.end_time,
        "color": colors.get(mark.span.label, NO_COLOR),
        "tag": mark.tag,
        "hover": f"{mark.hover}\n{count(bars, 'candle')}",
    }
    flags = {
        "selected": mark.selected or key == selected,
        "faint": mark.faint,
        "outline": mark.outline,
    }
    return told | {name: value for name, value in flags.items() if value}
