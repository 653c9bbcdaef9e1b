"""Labels: spans drawn and edited on the chart, TA-Lib's patterns kept or not, and what labels there are."""

import streamlit as st

from app.annotator import ask_name, remember_name
from app.failures import errors_shown
from app.labels import desk as labelling
from app.labels.definitions import define_labels
from app.labels.patterns import choose_patterns
from app.labels.spans import draw_spans
from app.session import stored_candles
from app.ways import way_to

DESKS = {
    "Spans": ":material/draw: Spans",
    "TA-Lib patterns": ":material/candlestick_chart: TA-Lib patterns",
    "Definitions": ":material/label: Definitions",
}


def render() -> None:
    names = [f"{one.pair} {one.timeframe}" for one in stored_candles().list()]
    desk = _choose_desk(names)
    if problem := labelling.standing().problem:
        st.error(problem, icon=":material/error:")
    if desk == "Definitions":
        define_labels()
    elif not names:
        st.info(
            "No candles are stored yet, so there is nothing to label.", icon=":material/candlestick_chart:"
        )
        way_to("data", "Import candles")
    elif desk == "Spans":
        draw_spans()
    else:
        choose_patterns()


def _choose_desk(names: list[str]) -> str:
    desks, series, who, undo = st.columns([3.1, 1.5, 1.4, 1.1], gap="small", vertical_alignment="center")
    desk: str = desks.segmented_control(
        "Desk",
        list(DESKS),
        format_func=DESKS.__getitem__,
        key="labels_desk",
        default="Spans",
        required=True,
        label_visibility="collapsed",
    )
    if names:
        _choose_series(series, names)
    ask_name(who)
    edits = labelling.standing().edits.edits
    undo.button(
        f"Undo ({len(edits)})" if edits else "Undo",
        icon=":material/undo:",
        shortcut="U",
        disabled=not edits,
        help=f"Takes back {edits[-1].words}" if edits else "Nothing was changed in this session yet",
        on_click=labelling.undo,
        width="stretch",
    )
    return desk


def _choose_series(where: st.delta_generator.DeltaGenerator, names: list[str]) -> None:
    asked = st.session_state.get("labels_series") or st.query_params.get("series")
    if asked not in names or "labels_series" not in st.session_state:
        st.session_state.labels_series = asked if asked in names else names[0]
    where.selectbox(
        "Series",
        names,
        key="labels_series",
        on_change=labelling.open_series,
        label_visibility="collapsed",
        persist_state="session",
    )
    st.query_params["series"] = st.session_state.labels_series


with errors_shown():
    render()
    remember_name()
