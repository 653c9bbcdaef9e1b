"""Where a session's review stands, and what its buttons do. Everything said is in the store, not here.

Streamlit breaks a callback off at any access to the session's state when the next click comes, so what
belongs to a write to the store is fetched before it and changed in place after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import NAMESPACE_OID, uuid5

import streamlit as st

from app.chart import snapped
from app.failures import errors_shown
from app.session import predictor, session_id, stored_candles, workspace
from mllib.pipeline.review import (
    ReviewWindow,
    centred,
    next_prediction,
    opening_bar,
    record_verdict,
    window_start,
)
from mllib.spans import JudgedPrediction, PredictedSpan, Span
from mllib.store import Action, Feedback

THRESHOLD = 0.70
BARS = 160
BAR_CHOICES = (80, 160, 320, 640, 1_000)

_SAID = "review_said"
_SELECTED, _CORRECTING = "review_selected", "review_correcting"
_BOX = "review_box"


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict of this session, with what is needed to come back to its prediction."""

    verdict_id: str
    key: str
    pair: str
    timeframe: str
    time: int


@dataclass(slots=True)
class AllSaid:
    """The verdicts of this session that can be taken back, and how many have been."""

    verdicts: list[Said] = field(default_factory=list)
    taken_back: int = 0


def key_of(span: Span) -> str:
    """A prediction's place as text, the same after every rerun."""
    return f"{span.label}|{span.start_time}|{span.end_time}"


def series() -> tuple[str, str]:
    """The pair and timeframe under review."""
    pair, timeframe = st.session_state.series.rsplit(" ", 1)
    return pair, timeframe


def begin(names: Sequence[str], labels: Sequence[str]) -> None:
    """Sets up what this session has not chosen yet, from the address where it says so."""
    state, query = st.session_state, st.query_params
    state.setdefault("annotator", query.get("annotator", ""))
    state.setdefault("threshold", THRESHOLD)
    state.setdefault("window_bars", BARS)
    state.setdefault(_SAID, AllSaid())
    state.setdefault(_CORRECTING, False)
    remembered = state.get("review_series", query.get("series"))
    state.setdefault("series", remembered if remembered in names else names[0])
    state.setdefault("labels_shown", state.get("review_labels", list(labels)))
    if "first_bar" not in state:
        asked = query.get("at", "")
        state.first_bar = _bar_of(int(asked)) if asked.isdigit() and state.series == remembered else None
    if state.first_bar is None:
        open_series()


def remember(view: ReviewWindow) -> None:
    """Writes the place into the address, so that a reload comes back to it."""
    state = st.session_state
    state.first_bar = view.first_bar
    state.review_series, state.review_labels = state.series, state.labels_shown
    middle = int(view.candles.time[len(view.candles) // 2])
    st.query_params.update({"series": state.series, "at": str(middle), "annotator": state.annotator or ""})


@errors_shown()
def open_series() -> None:
    """Goes to the window of the series that shows most."""
    pair, timeframe = series()
    st.session_state.first_bar = 0
    st.session_state.first_bar = opening_bar(
        workspace(),
        stored_candles(),
        predictor(),
        pair=pair,
        timeframe=timeframe,
        bars=st.session_state.window_bars,
        threshold=st.session_state.threshold,
        labels=st.session_state.labels_shown,
    )
    _leave_selection()


def resize(drawn_bars: int) -> None:
    """Keeps the middle of the window in its place when the window's length changes."""
    st.session_state.first_bar += (drawn_bars - st.session_state.window_bars) // 2


def move(windows: float) -> None:
    """Goes a number of windows on, or back where it is negative."""
    st.session_state.first_bar += round(windows * st.session_state.window_bars)
    _leave_selection()


def jump_to_date() -> None:
    """Goes to the day chosen."""
    chosen: date | None = st.session_state.jump_date
    if chosen is not None:
        noon = datetime(chosen.year, chosen.month, chosen.day, 12, tzinfo=UTC)
        st.session_state.first_bar = _bar_of(int(noon.timestamp()))
        _leave_selection()


@errors_shown()
def jump_to_next_prediction() -> None:
    """Goes to the first prediction after this window that passes the filters."""
    model = predictor()
    if model is None:
        return
    pair, timeframe = series()
    history = stored_candles().read(pair, timeframe)
    last_bar = min(st.session_state.first_bar + st.session_state.window_bars, len(history)) - 1
    found = next_prediction(
        model,
        stored_candles(),
        pair=pair,
        timeframe=timeframe,
        after_time=int(history.time[last_bar]),
        threshold=st.session_state.threshold,
        labels=st.session_state.labels_shown,
    )
    if found is None:
        st.toast("No further prediction passes the filters in this series.")
        return
    st.session_state.first_bar = _bar_of(found.start_time)
    select(key_of(found))


def show_less_sure(threshold: float) -> None:
    """Lowers the threshold."""
    st.session_state.threshold = threshold


def select(key: str | None) -> None:
    """Makes a prediction the one that the next verdict is about."""
    st.session_state[_SELECTED] = key
    st.session_state[_CORRECTING] = False


def selected(shown: Sequence[PredictedSpan], view: ReviewWindow) -> PredictedSpan | None:
    """The prediction that the next verdict is about: the chosen one, or the first without a verdict."""
    by_key = {key_of(span): span for span in shown}
    chosen = by_key.get(st.session_state.get(_SELECTED, ""))
    if chosen is None:
        unjudged = [p for p in shown if view.verdict_on(p, annotator()) is None]
        chosen = next(iter(unjudged or shown), None)
        select(None if chosen is None else key_of(chosen))
    return chosen


def step(shown: Sequence[PredictedSpan], by: int) -> None:
    """Selects the next prediction of the window, or the one before."""
    keys = [key_of(span) for span in shown]
    at = keys.index(st.session_state[_SELECTED]) if st.session_state.get(_SELECTED) in keys else 0
    select(keys[(at + by) % len(keys)])


def annotator() -> str | None:
    """Who judges, or None where no name was given."""
    return (st.session_state.get("annotator") or "").strip() or None


@errors_shown()
def judge(
    action: Action,
    prediction: PredictedSpan,
    shown: Sequence[PredictedSpan],
    view: ReviewWindow,
    *,
    correction: Span | None = None,
) -> None:
    """Records a verdict and steps on to the next prediction without one."""
    state = st.session_state
    pair, timeframe = view.candles.pair, view.candles.timeframe
    key, said = key_of(prediction), _said()
    if _is_stale(prediction):
        return
    verdict, new = record_verdict(
        workspace(),
        Feedback(
            client_id=_client_id(pair, timeframe, key),
            pair=pair,
            timeframe=timeframe,
            action=action,
            prediction=_judged(prediction),
            label=None if correction is None else correction.label,
            start_time=None if correction is None else correction.start_time,
            end_time=None if correction is None else correction.end_time,
            annotator=annotator(),
            note=(state.get("verdict_note") or "").strip() or None,
        ),
    )
    if new:
        said.verdicts.append(Said(verdict.id, key, pair, timeframe, prediction.start_time))
    state.verdict_note = ""
    _select_after(prediction, shown, view)


@errors_shown()
def undo() -> None:
    """Takes back the last verdict of this session and returns to its prediction."""
    state = st.session_state
    if not undo_depth():
        return
    last = _said().verdicts[-1]
    retract(last.verdict_id)
    state.series = f"{last.pair} {last.timeframe}"
    if not _in_window(last.time):
        state.first_bar = _bar_of(last.time)
    select(last.key)


@errors_shown()
def retract(verdict_id: str) -> None:
    """Takes a verdict back."""
    said = _said()
    workspace().store.verdicts.retract(verdict_id, annotator())
    said.verdicts = [one for one in said.verdicts if one.verdict_id != verdict_id]
    said.taken_back += 1


def undo_depth() -> int:
    """How many verdicts of this session can be taken back."""
    return len(_said().verdicts)


def correcting() -> bool:
    """Whether label and bounds of the selected prediction are being changed."""
    return bool(st.session_state[_CORRECTING])


def start_correcting(prediction: PredictedSpan) -> None:
    """Opens the correction with what was predicted."""
    state = st.session_state
    if _is_stale(prediction):
        return
    state.correct_label = prediction.label
    state.correct_start, state.correct_end = prediction.start_time, prediction.end_time
    state[_CORRECTING] = True


def stop_correcting() -> None:
    """Leaves everything as it was predicted."""
    st.session_state[_CORRECTING] = False


def save_correction(prediction: PredictedSpan, shown: Sequence[PredictedSpan], view: ReviewWindow) -> None:
    """Records the correction as the fields have it now, which the page may not have been drawn with yet."""
    if _is_stale(prediction):
        return
    take_drag(view)
    state = st.session_state
    correction = Span(state.correct_label, state.correct_start, state.correct_end)
    judge("correct", prediction, shown, view, correction=correction)


def take_drag(view: ReviewWindow) -> None:
    """Takes a range that was dragged on the chart as the bounds of the correction, once."""
    boxes = st.session_state.chart["selection"].get("box") if correcting() else None
    box = snapped(view.first_bar, len(view.candles), boxes[0]["x"]) if boxes else None
    if box is None or st.session_state.get(_BOX) == box:
        return
    st.session_state.correct_start = int(view.candles.time[box[0]])
    st.session_state.correct_end = int(view.candles.time[box[1]])
    st.session_state[_BOX] = box


def _said() -> AllSaid:
    said: AllSaid = st.session_state[_SAID]
    return said


def _is_stale(prediction: PredictedSpan) -> bool:
    """Whether a button was pressed that was drawn before the selection moved on, as by a double click."""
    return key_of(prediction) != st.session_state.get(_SELECTED)


def _judged(prediction: PredictedSpan) -> JudgedPrediction:
    model = predictor()
    return JudgedPrediction(
        label=prediction.label,
        confidence=float(prediction.avg_confidence),
        model_version=None if model is None else model.info.model_version,
        start_time=prediction.start_time,
        end_time=prediction.end_time,
    )


def _client_id(pair: str, timeframe: str, key: str) -> str:
    """The same for a click that arrives twice, another one after an undo."""
    model = predictor()
    version = "" if model is None else model.info.run_id
    return uuid5(
        NAMESPACE_OID,
        f"{session_id()} {_said().taken_back} {version} {annotator()} {pair} {timeframe} {key}",
    ).hex


def _select_after(prediction: PredictedSpan, shown: Sequence[PredictedSpan], view: ReviewWindow) -> None:
    keys = [key_of(span) for span in shown]
    at = keys.index(key_of(prediction))
    others = (*shown[at + 1 :], *shown[:at])
    unjudged = [p for p in others if view.verdict_on(p, annotator()) is None]
    select(key_of(unjudged[0]) if unjudged else key_of(prediction))


def _leave_selection() -> None:
    select(None)


def _bar_of(time: int) -> int:
    pair, timeframe = series()
    history = stored_candles().read(pair, timeframe)
    return centred(history, time, bars=st.session_state.window_bars)


def _in_window(time: int) -> bool:
    pair, timeframe = series()
    history = stored_candles().read(pair, timeframe)
    bars = st.session_state.window_bars
    first = window_start(st.session_state.first_bar, bars=bars, series_bars=len(history))
    return bool(history.time[first] <= time <= history.time[min(first + bars, len(history)) - 1])
