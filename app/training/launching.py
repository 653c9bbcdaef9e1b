"""A new training: on which series, with which settings, started once."""

import time

import streamlit as st

from app.failures import errors_shown
from app.session import worker_alive, workspace
from app.signing_in import leave_if_signed_out
from app.training.form import Asked, start_anew, training_form
from app.training.watching import CHOSEN
from mllib.config_form import as_command, as_yaml
from mllib.errors import Conflict
from mllib.jobs import enqueue_run
from mllib.pipeline.runs import request_training

_DOUBLE_CLICK_S = 1.5


@st.fragment
def new_training(stored: set[tuple[str, str]]) -> None:
    """The form for a training over stored series (pair, timeframe), and its start."""
    leave_if_signed_out()
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
    st.session_state[CHOSEN] = run.run_id
    st.rerun()


def _preview(asked: Asked, pairs: list[str], timeframe: str) -> None:
    with st.expander("As YAML and as a command", icon=":material/terminal:"):
        if asked.overrides:
            st.code(as_yaml(asked.overrides), language="yaml")
        else:
            st.caption("Everything is as in the configuration.")
        st.code(as_command(pairs, timeframe, asked.overrides), language="bash", wrap_lines=True)
