"""The runs of the ledger, the chosen one with its progress, drawn anew by itself."""

import time

import streamlit as st

from app.failures import errors_shown
from app.session import workspace
from app.signing_in import leave_if_signed_out
from app.tables import STATUS_ICONS, version_words
from app.training.progress import show_run
from app.words import ago, model_words
from mllib.pipeline.retraining import next_training, next_words
from mllib.pipeline.run_watch import clear_abandoned
from mllib.store import Run

CHOSEN = "train run"
_RUNS_LISTED = 20
# How often progress is read while a run is under way, and whether one has begun by itself.
_WATCHED_EVERY_S, _LOOKED_AT_EVERY_S = 1.0, 4.0


def watch_runs() -> None:
    """Draws the chosen run, often while one is under way."""
    active = workspace().store.runs.active() is not None
    st.fragment(_watch, run_every=_WATCHED_EVERY_S if active else _LOOKED_AT_EVERY_S)()


def _watch() -> None:
    leave_if_signed_out()
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
            st.session_state[CHOSEN] = newest.run_id
        st.rerun()


def _choose_run(runs: list[Run]) -> Run:
    left, right = st.columns([1, 1.6])
    left.subheader("Progress")
    by_id = {run.run_id: run for run in runs}
    chosen = right.selectbox(
        "Run",
        list(by_id),
        format_func=lambda run_id: _run_words(by_id[run_id]),
        key=CHOSEN,
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
