"""The chart as a Streamlit component: panning and zooming rerun the chart alone, never the page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from app.browser_modules import loading
from app.chart.marks import Layer
from app.chart.model import chart_model
from app.session import label_colors
from mllib.candle_overview import MOST_CANDLES, centred_bars, snapped, stretch
from mllib.candles import Candles

HEIGHT_PX = 560
BARS = 200
_MOUNTING = """
let module;

export default async function (component) {
  module ??= load("chart/streamlit_chart.mjs");
  return (await module).draw(component);
}
"""


@dataclass(frozen=True, slots=True)
class ChartEvents:
    """What was done on a chart since the last run of the page; each is told once.

    `clicked` says that a span was clicked, or with `selected` None that one was left. `dragged` are the
    opens of the first and last candle marked (Unix s).
    """

    clicked: bool = False
    selected: str | None = None
    dragged: tuple[int, int] | None = None


@dataclass(slots=True)
class _Place:
    """Where a chart of this session is looked at."""

    series: str = ""
    focus: tuple[int, int] | None = None
    turn: int = 0
    home: tuple[float, float] = (0.0, 1.0)
    view: tuple[float, float] = (0.0, 1.0)
    events: ChartEvents = ChartEvents()


def candle_chart(  # noqa: PLR0913  # settings of one element, as Streamlit's own take them
    history: Candles,
    layers: Sequence[Layer],
    *,
    key: str,
    focus: tuple[int, int] | None = None,
    selected: str | None = None,
    selecting: bool = False,
    as_of: int | None = None,
    colors: Mapping[str, str] | None = None,
    height: int = HEIGHT_PX,
    bars: int = BARS,
    on_select: Callable[[str | None], None] | None = None,
    on_drag: Callable[[int, int], None] | None = None,
) -> ChartEvents:
    """Draws the candles of a series with spans on them and returns what was done on the chart.

    It opens at the newest `bars`, or with `focus` (closed, Unix s) in the middle; a new focus moves it there.
    Place and zoom otherwise stay in the session under `key`. With `selecting` a drag marks a range of
    candles. `on_select` and `on_drag` are called before the page runs again with what they change.
    """
    place = _place(history, key, focus=focus, bars=bars, as_of=as_of)
    events, place.events = place.events, ChartEvents()
    shown = _Shown(history, layers, colors or label_colors(), focus, selected, selecting, as_of, height)
    _draw(shown, key, on_select, on_drag)
    return events


def is_in_view(history: Candles, key: str, time: int) -> bool:
    """Whether the session's chart of that key shows the candle of a time (Unix s) of the series."""
    place: _Place = st.session_state.get(_key(key), _Place())
    bar = int(np.searchsorted(history.time, time))
    return place.series == _series_key(history) and place.view[0] <= bar <= place.view[1]


@dataclass(frozen=True, slots=True)
class _Shown:
    history: Candles
    layers: Sequence[Layer]
    colors: Mapping[str, str]
    focus: tuple[int, int] | None
    selected: str | None
    selecting: bool
    as_of: int | None
    height: int

    def model(self, place: _Place, key: str) -> dict[str, Any]:
        """What the browser is given when it looks at a place."""
        end = len(self.history if self.as_of is None else self.history.between(None, self.as_of))
        loaded = stretch(*place.view, series_bars=end)
        model = chart_model(
            self.history,
            self.layers,
            self.colors,
            loaded=loaded,
            focus=self.focus,
            selected=self.selected,
            as_of=self.as_of,
        )
        name = f"{place.series} {place.turn}"
        return model | {
            "key": key,
            "place": name,
            "view": place.home,
            "most_candles": MOST_CANDLES,
            "selecting": self.selecting,
            "height": self.height,
        }


@st.fragment
def _draw(
    shown: _Shown,
    key: str,
    on_select: Callable[[str | None], None] | None,
    on_drag: Callable[[int, int], None] | None,
) -> None:
    place: _Place = st.session_state[_key(key)]
    _follow(place, key)
    result = _component()(
        key=key,
        data=shown.model(place, key),
        on_range_change=_ignore,
        on_selected_change=_ignore,
        on_dragged_change=_ignore,
    )
    events = _events(result, shown.history)
    if events == ChartEvents():
        return
    place.events = events
    if events.clicked and on_select is not None:
        on_select(events.selected)
    if events.dragged is not None and on_drag is not None:
        on_drag(*events.dragged)
    st.rerun()


def _follow(place: _Place, key: str) -> None:
    """Takes over what the browser looks at, unless it was said of another place."""
    asked = (st.session_state.get(key) or {}).get("range")
    if asked and asked["place"] == f"{place.series} {place.turn}":
        place.view = (float(asked["from_bar"]), float(asked["to_bar"]))


def _events(result: Any, history: Candles) -> ChartEvents:
    clicked, dragged = result.selected, result.dragged
    return ChartEvents(
        clicked=clicked is not None,
        selected=None if clicked is None else clicked["key"],
        dragged=None
        if dragged is None
        else snapped(
            history,
            int(dragged["start_time"]),
            int(dragged["end_time"]),
            bars_per_candle=int(dragged["bars_per_candle"]),
        ),
    )


def _place(
    history: Candles, key: str, *, focus: tuple[int, int] | None, bars: int, as_of: int | None
) -> _Place:
    """Where this session looks at the chart, moved where series or focus are others than before."""
    place: _Place = st.session_state.setdefault(_key(key), _Place())
    series = _series_key(history)
    if series != place.series or (focus is not None and focus != place.focus):
        end = len(history if as_of is None else history.between(None, as_of))
        place.home = (
            (end - bars - 0.5, end + 1.5) if focus is None else centred_bars(history, *focus, context=bars)
        )
        place.view, place.turn = place.home, place.turn + 1
    place.series, place.focus = series, focus
    return place


def _series_key(history: Candles) -> str:
    return f"{history.name} {int(history.time[0]) if len(history) else 0}"


def _key(key: str) -> str:
    return f"{key} place"


def _ignore() -> None:
    """Streamlit wants a callback for each value that a component may set."""


@cache
def _component() -> Any:
    return st.components.v2.component("candle_chart", js=loading() + _MOUNTING)
