"""What the Labels page says of the selected span, and the fields that change it."""

import html

import streamlit as st

from app.annotator import annotator
from app.labels import desk as labelling
from app.labels.spans_on_chart import source_words
from app.session import label_colors, labels_offered
from app.words import candle_time, count, label_words
from mllib.candles import Candles
from mllib.spans import NOTHING, PEOPLE, Annotation, positions

NEAR_BARS = 300
KEYS = """
| key | what it does |
|---|---|
| a label's key | takes it to draw with, or puts it away |
| drag | with a label: draws a span; otherwise moves the chart |
| `B` | the next drag gives the selected span new bounds |
| `Del` | deletes the selected span |
| `U` | undoes, as often as you like |
| `Shift` drag | moves the chart while a label is in hand |

On the chart: arrows move, `+` `-` zoom, `0` or a double click shows the whole window.
"""


def tell_span(span: Annotation | None, history: Candles) -> None:
    """Draws the panel."""
    with st.container(border=True):
        if span is None:
            _tell_how()
        elif span.source in PEOPLE:
            _edit(span, history)
        else:
            _describe(span, history)
            st.caption("TA-Lib's spans are kept or discarded as a whole, on **TA-Lib patterns**.")
            own = Annotation(span.label, span.start_time, span.end_time, id="", annotator=annotator())
            st.button(
                "Draw the same",
                icon=":material/draw:",
                help="Makes it a span of yours",
                on_click=labelling.draw,
                args=(own,),
                width="stretch",
            )
    with st.popover("Keys", icon=":material/keyboard:", width="stretch"):
        st.markdown(KEYS)


def _tell_how() -> None:
    label = labelling.standing().label
    if label is None:
        st.markdown("**Nothing selected**")
        st.caption("Choose a label and drag over the candles to draw a span. Click a span to edit it.")
    else:
        st.markdown(f"**Drawing {label_words(label)}**")
        st.caption("Drag over the candles, from the first to the last one. The same key puts the label away.")


def _describe(span: Annotation, history: Candles) -> None:
    color = label_colors().get(span.label, "#7f8c99")
    ((start, end),) = positions([span], history.time).tolist()
    st.html(
        f'<div style="display:flex;align-items:baseline;gap:.5rem">'
        f'<span style="width:.7rem;height:.7rem;border-radius:50%;background:{color};flex:none"></span>'
        f'<strong style="font-size:1.05rem">{html.escape(label_words(span.label))}</strong></div>'
    )
    first, last = (candle_time(at, history.timeframe) for at in (span.start_time, span.end_time))
    st.caption(f"{first} – {last}  \n{count(end - start, 'candle')} · {source_words(span)}")


def _edit(span: Annotation, history: Candles) -> None:
    _describe(span, history)
    state = st.session_state
    names = sorted({*labels_offered(), span.label})
    if span.label == NOTHING:
        st.caption("A dismissed prediction: it says that the model's label does not stand here.")
    else:
        state.span_label = span.label
        st.selectbox(
            "Label",
            names,
            key="span_label",
            format_func=label_words,
            on_change=_save,
            args=("label", "span_label"),
        )
    _edit_bounds(span, history)
    state.span_clarity = None if span.clarity is None else span.clarity - 1
    st.caption("Clarity")
    st.feedback("stars", key="span_clarity", on_change=_save_clarity)
    state.span_notes = span.notes or ""
    st.text_area(
        "Notes", key="span_notes", max_chars=500, height=80, on_change=_save, args=("notes", "span_notes")
    )
    st.button(
        "Delete",
        icon=":material/delete:",
        shortcut="Delete",
        on_click=labelling.delete,
        width="stretch",
    )


def _edit_bounds(span: Annotation, history: Candles) -> None:
    times = _times_near(span, history)
    state = st.session_state
    state.span_start, state.span_end = span.start_time, span.end_time

    def shown(at: int) -> str:
        return candle_time(at, history.timeframe)

    st.selectbox(
        "First candle",
        [t for t in times if t <= span.end_time],
        key="span_start",
        format_func=shown,
        on_change=_save,
        args=("start_time", "span_start"),
    )
    st.selectbox(
        "Last candle",
        [t for t in times if t >= span.start_time],
        key="span_end",
        format_func=shown,
        on_change=_save,
        args=("end_time", "span_end"),
    )
    dragging = labelling.standing().dragging_bounds
    st.button(
        "Drag over the candles …" if dragging else "Drag new bounds",
        icon=":material/arrow_range:",
        shortcut="B",
        type="primary" if dragging else "secondary",
        on_click=_turn_dragging,
        width="stretch",
    )


def _times_near(span: Annotation, history: Candles) -> list[int]:
    """The candles around a span, and its own bounds where they lie on none."""
    ((start, end),) = positions([span], history.time).tolist()
    near = history.time[max(start - NEAR_BARS, 0) : end + NEAR_BARS].tolist()
    return sorted({*near, span.start_time, span.end_time})


def _turn_dragging() -> None:
    here = labelling.standing()
    here.dragging_bounds = not here.dragging_bounds


def _save(field: str, key: str) -> None:
    said = st.session_state[key]
    labelling.change(**{field: said or None} if field == "notes" else {field: said})


def _save_clarity() -> None:
    stars = st.session_state.span_clarity
    labelling.change(clarity=None if stars is None else stars + 1)
