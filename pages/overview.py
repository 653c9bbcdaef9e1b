"""Overview: where the loop stands, and what to do next."""

import time

import pandas as pd
import streamlit as st

from app.background import Task
from app.failures import errors_shown
from app.overview.queue_ahead import QUEUE_SIZE, queue_ahead, queue_words
from app.overview.verdict_figures import weekly_scores, weekly_verdicts
from app.session import champion, predictor, stored_candles, worker_alive, workspace
from app.tables import runs_table, version_words
from app.ways import way_to
from app.words import ago, count, day, label_words, model_words
from mllib.pipeline.champion_health import champion_health
from mllib.pipeline.overview import LoopState, labels_of_people, loop_state, span_f1_over
from mllib.pipeline.queueing import QueueEntry
from mllib.pipeline.retraining import next_training, next_words
from mllib.pipeline.verdict_history import verdict_history

OPEN = {
    "data": "Open Data",
    "train": "Open Train",
    "review": "Open Review",
    "models": "Open Models",
}
ICONS = {
    True: ":green[:material/check_circle:]",
    False: ":red[:material/error:]",
    None: ":gray[:material/pending:]",
}


def render() -> None:
    state = loop_state(workspace(), worker_alive=worker_alive())
    _next_step(state)
    _figures(state)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        _series(state)
        _runs(state)
    with right:
        _health(state)
        _labels(state)
    _verdicts()


def _next_step(state: LoopState) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Next** &ensp; {state.next_step.sentence}")
        page = state.next_step.page
        if page in OPEN:
            way_to(page, OPEN[page])
        if not state.worker_alive:
            st.badge("No worker: `candleloop worker`", icon=":material/warning:", color="orange")


def _figures(state: LoopState) -> None:
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
    model = predictor()
    if model is None:
        _figure("Queue", "empty", "there is no model yet")
        return
    task = queue_ahead(model)
    if not task.done:
        _figure("Queue", "…", _reading(task))
    elif task.error is not None:
        _figure("Queue", "–", str(task.error))
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
    score = span_f1_over(run.metrics or {"span_counts": {}}, labels_of_people(workspace()))
    said = "" if score is None else f"span F1 {score:.2f} · "
    trained = "" if run.completed_at is None else ago(run.completed_at)
    _figure("Champion", f"{version_words(run)} {model_words(run.model_type)}", f"{said}{trained}")


def _verdicts() -> None:
    """Week by week what people said, from the first verdict on."""
    history = verdict_history(workspace())
    if not history:
        return
    for place, title, figure in zip(
        st.columns(2, gap="large"),
        ("What people said", "How well it was predicted"),
        (weekly_verdicts(history), weekly_scores(history)),
        strict=True,
    ):
        place.subheader(title)
        place.plotly_chart(figure, key=title, config={"displayModeBar": False})


def _health(state: LoopState) -> None:
    """What there is to know of the champion, good and bad."""
    if state.champion is None:
        return
    st.subheader("Champion's health")
    found = champion_health(
        workspace(), stored_candles(), state.champion, predictor(), error=champion().error
    )
    with st.container(border=True, gap="xsmall"):
        for one in found:
            st.markdown(f"{ICONS[one.ok]} &ensp;**{one.name}** &ensp; {one.said}")


def _series(state: LoopState) -> None:
    st.subheader("Series")
    if not state.series:
        st.info("Nothing is stored yet.", icon=":material/database:")
        return
    table = pd.DataFrame(
        [
            {
                "series": f"{one.pair} {one.timeframe}",
                "candles": one.candles,
                "from": day(one.first_time),
                "to": day(one.last_time),
                "people": one.people,
                "TA-Lib": one.talib,
            }
            for one in state.series
        ]
    )
    numbers = {
        name: st.column_config.NumberColumn(format="localized") for name in ("candles", "people", "TA-Lib")
    }
    st.dataframe(table, hide_index=True, column_config=numbers)


def _runs(state: LoopState) -> None:
    st.subheader("Last runs")
    if not state.runs:
        st.info("No model was trained yet. Begin on Train.", icon=":material/model_training:")
        return
    champion = None if state.champion is None else state.champion.run_id
    table = runs_table(state.runs, champion, labels_of_people(workspace()))
    score = st.column_config.NumberColumn(
        "span F1", format="%.2f", help="At IoU 0.5, of the labels that people use"
    )
    st.dataframe(
        table[["version", "status", "model", "series", "people", "took", "asked by"]],
        hide_index=True,
        placeholder="",
        column_config={"people": score},
    )


def _labels(state: LoopState) -> None:
    st.subheader("Labels by source")
    if not state.labels:
        st.info("No spans yet. Import annotations, or label with TA-Lib.", icon=":material/label:")
        return
    table = pd.DataFrame(
        [
            {
                "label": label_words(one.label),
                "people": one.human or None,
                "confirmed": one.confirmed or None,
                "corrected": one.corrected or None,
                "dismissed": one.dismissed or None,
                "TA-Lib": one.talib or None,
            }
            for one in state.labels
        ]
    )
    columns = ("people", "confirmed", "corrected", "dismissed", "TA-Lib")
    numbers = {name: st.column_config.NumberColumn(format="localized") for name in columns}
    st.dataframe(table, hide_index=True, height=430, column_config=numbers, placeholder="")


with errors_shown():
    render()
