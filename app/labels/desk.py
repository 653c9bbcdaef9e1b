"""Where a session's labelling stands, and what its buttons and drags do. Everything said is in the store."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import streamlit as st

from app.annotator import annotator
from app.background import Task, background
from app.chart import is_in_view
from app.failures import in_words
from app.session import stored_candles, workspace
from mllib.candles import Candles
from mllib.errors import CandleloopError
from mllib.pipeline.span_edits import SpanEdits
from mllib.spans import Annotation

CHART = "labels_chart"
_SOON_S = 0.25


@dataclass(slots=True)
class Labelling:
    """What this session has chosen: the label to draw with, the span selected, and where to look."""

    label: str | None = None
    selected: str | None = None
    focus: tuple[int, int] | None = None
    dragging_bounds: bool = False
    edits: SpanEdits = field(default_factory=SpanEdits)
    keeping: Task[int] | None = None
    problem: str | None = None


def standing() -> Labelling:
    """The session's labelling."""
    found: Labelling = st.session_state.setdefault("labelling", Labelling())
    return found


def series() -> tuple[str, str]:
    """The pair and timeframe that are labelled."""
    pair, timeframe = st.session_state.labels_series.rsplit(" ", 1)
    return pair, timeframe


def history() -> Candles:
    """The candles of the series, all of them."""
    return stored_candles().read(*series())


def open_series() -> None:
    """Leaves what was chosen in the series before."""
    here = standing()
    here.selected = here.focus = None
    here.dragging_bounds = False


def choose_label(name: str) -> None:
    """Takes a label to draw with, or puts it away where it is the one in hand."""
    here = standing()
    here.label = None if here.label == name else name
    here.dragging_bounds = False


def select(span_id: str | None) -> None:
    """Makes a span the one that the panel is about."""
    here = standing()
    here.selected, here.dragging_bounds = span_id, False


def look_at(span: Annotation) -> None:
    """Selects a span and brings it into the middle of the chart."""
    select(span.id)
    standing().focus = (span.start_time, span.end_time)


def take_drag(start_time: int, end_time: int) -> None:
    """Draws a span over a dragged range with the label in hand, or gives the selected one these bounds."""
    here = standing()
    if here.dragging_bounds and here.selected is not None:
        change(start_time=start_time, end_time=end_time)
        here.dragging_bounds = False
    elif here.label is not None:
        draw(Annotation(here.label, start_time, end_time, id="", annotator=annotator()))


def draw(span: Annotation) -> None:
    """Stores a span and selects it."""
    here, said_by, place = standing(), workspace(), series()
    with _told(here):
        select(here.edits.draw(said_by, span, place).annotation.id)


def change(**fields: Any) -> None:
    """Changes the selected span; what it said before can be brought back."""
    here, ws, place = standing(), workspace(), series()
    if here.selected is not None:
        with _told(here):
            here.edits.change(ws, here.selected, fields, place)


def delete() -> None:
    """Deletes the selected span."""
    here, ws, place, who = standing(), workspace(), series(), annotator()
    if here.selected is not None:
        with _told(here):
            here.edits.delete(ws, here.selected, place, annotator=who)
            select(None)


def undo() -> None:
    """Takes back the newest edit of this session and goes to where it was made, unless that is in view."""
    here, ws = standing(), workspace()
    with _told(here):
        undone = here.edits.undo(ws)
        if undone is None:
            return
        edit, again = undone
        name = " ".join(edit.series)
        if st.session_state.labels_series != name:
            st.session_state.labels_series = name
            open_series()
        select(again)
        if edit.time is not None and not is_in_view(history(), CHART, edit.time):
            here.focus = (edit.time, edit.time)


def step(times: Sequence[int], by: int) -> None:
    """Goes to the next of some rising times (Unix s) after where we look, or back; first to the newest."""
    here = standing()
    if here.focus is None:
        at = len(times) - 1
    elif by > 0:
        at = min(bisect_right(times, here.focus[0]), len(times) - 1)
    else:
        at = max(bisect_left(times, here.focus[0]) - 1, 0)
    here.focus = (times[at], times[at])


def keep(functions: list[str]) -> None:
    """Begins to store what TA-Lib functions find in the series: tens of thousands of spans take seconds."""
    here, ws, place = standing(), workspace(), series()
    here.keeping = background(("keep", uuid4().hex), here.edits.keep, ws, functions, place)
    here.keeping.wait(_SOON_S)


def discard(functions: list[str]) -> None:
    """Drops what is kept of TA-Lib functions in the series."""
    here, ws, place = standing(), workspace(), series()
    with _told(here):
        here.edits.discard(ws, functions, place)


def define(work: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """Carries out a change of label definitions."""
    with _told(standing()):
        work(workspace(), *args, **kwargs)


def selected_span(shown: Mapping[str, Annotation]) -> Annotation | None:
    """The span that the panel is about, one of those shown or one that is kept of TA-Lib's."""
    here = standing()
    if here.selected is None:
        return None
    if here.selected in shown:
        return shown[here.selected]
    return _kept_pattern(here.selected) if here.selected.startswith("talib:") else None


def _kept_pattern(span_id: str) -> Annotation | None:
    start, end = (int(part) for part in span_id.rsplit(":", 2)[1:])
    near = workspace().store.talib.spans(*series(), start_time=start, end_time=end)
    return next((span for span in near if span.id == span_id), None)


@contextmanager
def _told(here: Labelling) -> Iterator[None]:
    """Keeps what candleloop refuses, for the page to show: a callback's own words would go with its run."""
    here.problem = None
    try:
        yield
    except CandleloopError as exc:
        here.problem = in_words(exc)
