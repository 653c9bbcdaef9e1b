"""The desk of the Labels page where spans are drawn, edited and found."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import streamlit as st

from app.labels import desk as labelling
from app.labels.span_panel import tell_span
from app.labels.spans_on_chart import draw_chart, kept_layer, people_layer, source_words
from app.session import workspace
from app.words import DAY_S, count, label_words
from mllib.candles import Candles
from mllib.patterns import function_of
from mllib.pipeline.labels import LabelUse, list_labels
from mllib.pipeline.span_search import FoundSpans, annotators_of, search_spans
from mllib.spans import NOTHING, PEOPLE, Annotation
from mllib.store import AnnotationFilter

MOST_LISTED = 2_000
CHART_PX = 420
SOURCES = {
    "": "all sources",
    "human": "drawn",
    "model_confirmed": "confirmed",
    "model_corrected": "corrected",
    "talib": "TA-Lib",
}
_REFUSED_AS_SHORTCUT = "rRcC"


def draw_spans() -> None:
    """Draws the desk."""
    history = labelling.history()
    spans = workspace().store.annotations.list(history.pair, history.timeframe)
    uses = list_labels(workspace())
    chart_side, panel_side = st.columns([3.4, 1], gap="medium")
    with chart_side:
        _choose_label([use for use in uses if use.people or function_of(use.definition.name) is None])
        _draw(history, spans)
        _list(history, _wanted([use for use in uses if use.people or use.talib], annotators_of(spans)))
    with panel_side:
        tell_span(labelling.selected_span({span.id: span for span in spans}), history)


def _choose_label(uses: Sequence[LabelUse]) -> None:
    if not uses:
        st.info("There are no labels yet. Add the first one on **Definitions**.", icon=":material/label:")
        return
    st.html(_strips(uses))
    with st.container(horizontal=True, gap="small", key="label_picks"):
        for i, use in enumerate(uses):
            name, key = use.definition.name, use.definition.key
            st.button(
                label_words(name),
                key=f"label_pick_{i}",
                type="primary" if labelling.standing().label == name else "secondary",
                shortcut=_shortcut(key),
                on_click=labelling.choose_label,
                args=(name,),
            )
    if labelling.standing().label not in {use.definition.name for use in uses}:
        labelling.standing().label = None


def _strips(uses: Sequence[LabelUse]) -> str:
    """Each label's button begins with its colour."""
    rules = [
        f".st-key-label_pick_{i} button {{border-left: 5px solid {use.definition.color} !important;}}"
        for i, use in enumerate(uses)
    ]
    small = (
        ".st-key-label_picks button {padding: 0.1rem 0.6rem; min-height: 1.9rem;}"
        ".st-key-label_picks button p {font-size: 0.86rem;}"
    )
    return f"<style>{small}{''.join(rules)}</style>"


def _shortcut(key: str | None) -> str | None:
    """The key as a shortcut, where Streamlit takes it."""
    return key if key is not None and key.isalnum() and key not in _REFUSED_AS_SHORTCUT else None


def _draw(history: Candles, spans: Sequence[Annotation]) -> None:
    here = labelling.standing()
    with_talib = st.session_state.get("labels_talib", False)
    layers = [people_layer(spans, history.timeframe)]
    if with_talib:
        layers.insert(0, kept_layer(history))
    selecting = here.label is not None or here.dragging_bounds
    draw_chart(history, layers, selecting=selecting, height=CHART_PX)
    people = sum(span.source in PEOPLE and span.label != NOTHING for span in spans)
    said, shown = st.columns([4, 1.2], vertical_alignment="center")
    said.caption(f"━ people {people:,}{' · ┈ TA-Lib' if with_talib else ''} · times are UTC")
    shown.toggle("TA-Lib's spans", key="labels_talib")


def _list(history: Candles, wanted: AnnotationFilter) -> None:
    found = search_spans(workspace(), history, wanted, limit=MOST_LISTED)
    if not found.spans:
        st.caption("No span of this series passes the filters.")
        return
    st.session_state.labels_listed = found.spans
    st.dataframe(
        _table(found),
        key="labels_table",
        on_select=_look_at_row,
        selection_mode="single-row",
        hide_index=True,
        height="auto" if len(found.spans) < 9 else 300,
        column_config={
            "from": st.column_config.DatetimeColumn(format="D MMM YYYY HH:mm"),
            "to": st.column_config.DatetimeColumn(format="D MMM YYYY HH:mm"),
            "candles": st.column_config.NumberColumn(width="small"),
            "notes": st.column_config.TextColumn(width="medium"),
        },
    )
    most = f"the first {MOST_LISTED:,} spans" if found.more else count(len(found.spans), "span")
    st.caption(f"{most}; choose a row to see it on the chart")


def _wanted(uses: Sequence[LabelUse], annotators: Sequence[str]) -> AnnotationFilter:
    text, label, source, who, days = st.columns([1.5, 1.3, 1.1, 1.1, 1.6], gap="small")
    labels = ["", *(use.definition.name for use in uses)]
    names = ["", *annotators]
    hidden = {"label_visibility": "collapsed"}
    searched = text.text_input("Search", placeholder="Search notes, labels …", key="labels_text", **hidden)
    start, end = _bounds(
        days.date_input("Days", value=(), key="labels_days", min_value=date(1900, 1, 1), **hidden)
    )
    chosen_label = label.selectbox(
        "Label", labels, key="labels_label", format_func=lambda n: label_words(n or "all labels"), **hidden
    )
    chosen_source = source.selectbox(
        "Source", list(SOURCES), key="labels_source", format_func=SOURCES.get, **hidden
    )
    chosen_name = who.selectbox(
        "Annotator", names, key="labels_who", format_func=lambda n: n or "all people", **hidden
    )
    return AnnotationFilter(
        label=chosen_label or None,
        source=chosen_source or None,
        annotator=chosen_name or None,
        text=searched.strip() or None,
        start_time=start,
        end_time=end,
    )


def _bounds(days: Sequence[date]) -> tuple[int | None, int | None]:
    """First and last second of the days chosen; both days are in."""
    times = [int(datetime(d.year, d.month, d.day, tzinfo=UTC).timestamp()) for d in days]
    return (times[0] if times else None, times[1] + DAY_S - 1 if len(times) > 1 else None)


def _table(found: FoundSpans) -> pd.DataFrame:
    """A row a span: `label from to candles source clarity notes`."""
    spans = found.spans
    return pd.DataFrame(
        {
            "label": [_told(span) for span in spans],
            "from": pd.to_datetime(np.array([span.start_time for span in spans]), unit="s"),
            "to": pd.to_datetime(np.array([span.end_time for span in spans]), unit="s"),
            "candles": found.bars,
            "source": [source_words(span) for span in spans],
            "clarity": ["" if span.clarity is None else f"{span.clarity} of 5" for span in spans],
            "notes": [span.notes or "" for span in spans],
        }
    )


def _told(span: Annotation) -> str:
    if span.label != NOTHING:
        return label_words(span.label)
    judged = span.model_prediction
    return "no pattern" if judged is None else f"no {label_words(judged.label)}"


def _look_at_row() -> None:
    rows = st.session_state.labels_table["selection"]["rows"]
    if rows:
        labelling.look_at(st.session_state.labels_listed[rows[0]])
    else:
        labelling.standing().focus = None
