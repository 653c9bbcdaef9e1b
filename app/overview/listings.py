"""The tables of Overview: series, last runs, and labels by source."""

import pandas as pd
import streamlit as st

from app.session import labels_of_people
from app.tables import runs_table
from app.words import day, label_words
from mllib.pipeline.overview import LoopState


def show_series(state: LoopState) -> None:
    """Each stored series with its candles and spans."""
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


def show_runs(state: LoopState) -> None:
    """The runs of the ledger that came last."""
    st.subheader("Last runs")
    if not state.runs:
        st.info("No model was trained yet. Begin on Train.", icon=":material/model_training:")
        return
    champion = None if state.champion is None else state.champion.run_id
    table = runs_table(state.runs, champion, labels_of_people())
    score = st.column_config.NumberColumn(
        "F1, people", format="%.2f", help="Span F1 at IoU 0.5, of the labels that people use"
    )
    st.dataframe(
        table[["version", "status", "model", "series", "people", "took", "asked by"]],
        hide_index=True,
        placeholder="",
        column_config={"people": score},
    )


def show_labels(state: LoopState) -> None:
    """How often each label was given, by source."""
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
