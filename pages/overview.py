"""Overview: where the loop stands, and what to do next."""

import pandas as pd
import streamlit as st

from app.failures import errors_shown
from app.session import champion, predictor, stored_candles, worker_alive, workspace
from app.tables import runs_table, version_words
from app.ways import way_to
from app.words import ago, count, day, label_words, model_words
from mllib.pipeline.champion_health import champion_health
from mllib.pipeline.overview import LoopState, labels_of_people, loop_state, span_f1_over

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


def _next_step(state: LoopState) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Next** &ensp; {state.next_step.sentence}")
        page = state.next_step.page
        if page in OPEN:
            way_to(page, OPEN[page])


def _figures(state: LoopState) -> None:
    series, people, champion, verdicts, worker = st.columns(5)
    with series:
        candles = sum(one.candles for one in state.series)
        _figure("Candles", f"{candles:,}", f"in {count(len(state.series), 'series', 'series')}")
    with people:
        spans = sum(one.people for one in state.series)
        talib = sum(one.talib for one in state.series)
        _figure("People's spans", f"{spans:,}", f"and {talib:,} of TA-Lib")
    with champion:
        _champion(state)
    with verdicts:
        _figure("New verdicts", f"{state.unseen_verdicts:,}", "not yet learned from")
    with worker:
        if state.worker_alive:
            _figure("Worker", "alive", "takes up trainings")
        else:
            _figure("Worker", "not seen", "start it: `candleloop worker`")


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
        table[["version", "status", "model", "series", "people", "took"]],
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
