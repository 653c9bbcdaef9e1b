"""The head of Overview: what to do next, and the loop in five figures."""

import time

import streamlit as st

from app.background import Task
from app.failures import in_words
from app.overview.queue_ahead import QUEUE_SIZE, queue_ahead, queue_words
from app.session import labels_of_people, predictor, workspace
from app.signing_in import leave_if_signed_out
from app.tables import version_words
from app.ways import way_to
from app.words import ago, count, model_words
from mllib.pipeline.overview import LoopState, span_f1_over
from mllib.pipeline.queueing import QueueEntry
from mllib.pipeline.retraining import next_training, next_words

OPEN = {
    "data": "Open Data",
    "train": "Open Train",
    "review": "Open Review",
    "models": "Open Models",
}


def show_next_step(state: LoopState) -> None:
    """What to do next, with the way there."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Next** &ensp; {state.next_step.sentence}")
        page = state.next_step.page
        if page in OPEN:
            way_to(page, OPEN[page])
        if not state.worker_alive:
            st.badge("No worker: `candleloop worker`", icon=":material/warning:", color="orange")


def show_figures(state: LoopState) -> None:
    """The loop in five figures."""
    series, people, champion_, queue, verdicts = st.columns(5)
    with series:
        candles = sum(one.candles for one in state.series)
        _figure("Candles", f"{candles:,}", f"in {count(len(state.series), 'series', 'series')}")
    with people:
        spans = sum(one.people for one in state.series)
        talib = sum(one.talib for one in state.series)
        _figure("People's spans", f"{spans:,}", f"and {talib:,} of TA-Lib")
    with champion_:
        _champion(state)
    with queue:
        _queue()
    with verdicts:
        coming = next_training(workspace())
        said = "not yet learned from" if coming is None else next_words(coming, now=time.time())
        _figure("New verdicts", f"{state.unseen_verdicts:,}", said)


@st.fragment(run_every=2.0)
def _queue() -> None:
    """How many places are worth a look, looked for beside the page."""
    leave_if_signed_out()
    model = predictor()
    if model is None:
        _figure("Queue", "empty", "there is no model yet")
        return
    task = queue_ahead(model)
    if not task.done:
        _figure("Queue", "…", _reading(task))
    elif task.error is not None:
        _figure("Queue", "–", in_words(task.error))
    else:
        places = len(task.result)
        _figure("Queue", f"{places}{'+' if places == QUEUE_SIZE else ''} places", queue_words(task.result))


def _reading(task: Task[list[QueueEntry]]) -> str:
    if task.progress == 0:
        return task.stage or "reading whole series"
    return f"reading whole series, {task.progress:.0%}"


def _figure(name: str, value: str, below: str) -> None:
    with st.container(border=True):
        st.metric(name, value)
        st.caption(below)


def _champion(state: LoopState) -> None:
    run = state.champion
    if run is None:
        _figure("Champion", "none yet", "train a first model")
        return
    score = span_f1_over(run.metrics or {"span_counts": {}}, labels_of_people())
    said = "" if score is None else f"span F1 {score:.2f} · "
    trained = "" if run.completed_at is None else ago(run.completed_at)
    _figure("Champion", f"{version_words(run)} {model_words(run.model_type)}", f"{said}{trained}")
