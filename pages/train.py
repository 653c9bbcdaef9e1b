"""Train: choose data and settings, launch, watch."""

import time

import streamlit as st

from app.failures import errors_shown
from app.session import worker_alive, workspace
from app.tables import STATUS_ICONS, version_words
from app.training.form import Asked, start_anew, training_form
from app.training.progress import show_run
from app.ways import way_to
from app.words import ago, model_words
from mllib.config_form import as_command, as_yaml
from mllib.errors import Conflict
from mllib.jobs import enqueue_run
from mllib.pipeline.retraining import next_training, next_words
from mllib.pipeline.run_watch import clear_abandoned
from mllib.pipeline.runs import request_training
from mllib.store import Run

_RUNS_LISTED = 20
_CHOSEN = "train run"
_DOUBLE_CLICK_S = 1.5
# How often progress is read while a run is under way, and whether one has begun by itself.
_WATCHED_EVERY_S, _LOOKED_AT_EVERY_S = 1.0, 4.0


def render() -> None:
    stored = workspace().candles.list()
    if not stored:
        st.info(
            "No candles are stored yet. Import some on Data, or run "
            "`candleloop candles import FILE --pair EURUSD --timeframe 1h`, then come back.",
            icon=":material/model_training:",
        )
        way_to("data", "Import candles")
        return
    clear_abandoned(workspace())
    form, progress = st.columns([1, 1.2], gap="large")
    with form:
        _form({(one.pair, one.timeframe) for one in stored})
    with progress:
        active = workspace().store.runs.active() is not None
        st.fragment(_watch, run_every=_WATCHED_EVERY_S if active else _LOOKED_AT_EVERY_S)()


@st.fragment
def _form(stored: set[tuple[str, str]]) -> None:
    st.subheader("New training")
    timeframe, pairs = _choose_series(stored)
    asked = training_form(workspace().config)
    _launcher(asked, pairs, timeframe)
    _preview(asked, pairs, timeframe)


def _choose_series(stored: set[tuple[str, str]]) -> tuple[str, list[str]]:
    default = workspace().config.pipeline
    timeframes = sorted({timeframe for _, timeframe in stored})
    left, right = st.columns([1, 2.4])
    at = timeframes.index(default.timeframe) if default.timeframe in timeframes else 0
    timeframe = left.selectbox(
        "Timeframe", timeframes, index=at, key="train timeframe", persist_state="session"
    )
    pairs = sorted(pair for pair, of in stored if of == timeframe)
    first = default.pair if default.pair in pairs else pairs[0]
    chosen = right.multiselect(
        "Series",
        pairs,
        default=[first],
        help="One model over all of them.",
        key=f"train pairs {timeframe}",
        persist_state="session",
    )
    return timeframe, chosen


def _launcher(asked: Asked, pairs: list[str], timeframe: str) -> None:
    active = workspace().store.runs.active()
    with st.container(horizontal=True):
        resting = active is not None or not pairs or asked.config is None
        pressed = st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            disabled=resting,
            width="stretch",
        )
        if asked.overrides or asked.wrong:
            st.button(
                "Reset", icon=":material/restart_alt:", on_click=start_anew, help="Back to the configuration"
            )
    if pressed and not resting:
        _launch(asked, pairs, timeframe)
    if asked.wrong:
        st.caption(f":red[Correct {', '.join(f'`{path}`' for path in asked.wrong)} first.]")
    elif active is not None:
        st.caption(f"Run {active.run_id} is {active.status}; one training runs at a time.")
    elif not pairs:
        st.caption("Choose at least one series.")
    if not worker_alive():
        st.warning(
            "No worker is running, so nothing would train. "
            "Start one with `candleloop worker`, or everything with `make up`."
        )


@errors_shown()
def _launch(asked: Asked, pairs: list[str], timeframe: str) -> None:
    """Queues the run once, however quickly the button is pressed again.

    It comes after the form: a value that is typed just before the press is in `asked`.
    """
    now = time.monotonic()
    if (
        asked.config is None
        or now - st.session_state.get("train launched at", -_DOUBLE_CLICK_S) < _DOUBLE_CLICK_S
    ):
        return
    st.session_state["train launched at"] = now
    ws = workspace()
    try:
        run = request_training(ws, pairs=pairs, timeframe=timeframe, config=asked.config)
    except Conflict as exc:
        st.toast(str(exc), icon=":material/info:")
        return
    enqueue_run(ws, run)
    st.session_state[_CHOSEN] = run.run_id
    st.rerun()


def _preview(asked: Asked, pairs: list[str], timeframe: str) -> None:
    with st.expander("As YAML and as a command", icon=":material/terminal:"):
        if asked.overrides:
            st.code(as_yaml(asked.overrides), language="yaml")
        else:
            st.caption("Everything is as in the configuration.")
        st.code(as_command(pairs, timeframe, asked.overrides), language="bash", wrap_lines=True)


def _watch() -> None:
    with errors_shown():
        clear_abandoned(workspace())
        runs = workspace().store.runs.list(_RUNS_LISTED, with_metrics=False)
        _retraining()
        if not runs:
            st.info("No model was trained yet. Choose on the left and start.", icon=":material/arrow_back:")
            return
        _rerun_where_news_are(runs[0])
        run = _choose_run(runs)
        show_run(workspace().store.runs.get(run.run_id) if run.status == "ready" else run)


def _rerun_where_news_are(newest: Run) -> None:
    """Draws the form anew when a run begins or ends; its button depends on that."""
    state = (newest.run_id, newest.status)
    before = st.session_state.setdefault("train state", state)
    if state != before:
        st.session_state["train state"] = state
        if newest.run_id != before[0]:
            st.session_state[_CHOSEN] = newest.run_id
        st.rerun()


def _choose_run(runs: list[Run]) -> Run:
    left, right = st.columns([1, 1.6])
    left.subheader("Progress")
    by_id = {run.run_id: run for run in runs}
    chosen = right.selectbox(
        "Run",
        list(by_id),
        format_func=lambda run_id: _run_words(by_id[run_id]),
        key=_CHOSEN,
        label_visibility="collapsed",
    )
    return by_id[chosen]


def _run_words(run: Run) -> str:
    named = version_words(run) or run.run_id
    return f"{named} · {model_words(run.model_type)} · {STATUS_ICONS[run.status]} · {ago(run.created_at)}"


def _retraining() -> None:
    coming = next_training(workspace())
    if coming is not None:
        st.caption(f":material/autorenew: {next_words(coming, now=time.time())}")


with errors_shown():
    render()
