"""The selected difference on the chart, and what can be said of it."""

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.chart import candle_chart
from app.disagreements import deciding, differences
from app.disagreements.words import (
    KINDS,
    SAID,
    bounds_sentence,
    comparison_layers,
    context_bars,
    key_of,
    labels_words,
    place_of,
    span_times,
)
from app.session import label_colors
from mllib.pipeline.comparisons import Comparison
from mllib.pipeline.disagreements import Disagreement, confidence_of
from mllib.pipeline.resolving import Decision, can_be

CHART_PX, MOST_BARS = 345, 200
_MEANS = {
    "label_mismatch": "Confirm: the second label is right. Dismiss: it is not.",
    "boundary_mismatch": "Confirm: these bounds are right. Dismiss: people's are.",
    "missed_by_model": "People alone say this. Keep: it stays as it is. Remove: it is deleted.",
    "missed_by_talib": "People alone say this. Keep: it stays as it is. Remove: it is deleted.",
}


def show_chart(found: Comparison, one: Disagreement | None) -> None:
    """The spans of both layers, with the selected place in the middle."""
    focus = None if one is None else place_of(one)
    labels = st.session_state.differ_labels or found.labels_of_people | (set() if one is None else one.labels)
    candle_chart(
        found.history,
        comparison_layers(found, labels=labels, least=st.session_state.differ_least, selected=one),
        key="differ_chart",
        focus=focus,
        bars=MOST_BARS if focus is None else context_bars(found.history, focus, most=MOST_BARS),
        selected=None if one is None else key_of(one),
        colors=label_colors(),
        height=CHART_PX,
        on_select=differences.select,
    )


def decide_on(found: Comparison, shown: Sequence[Disagreement], one: Disagreement | None) -> None:
    """What the difference is, the verdicts that fit, and the way to the next one."""
    with st.container(border=True, gap="small"):
        if one is None:
            st.caption("Select a row to judge it.")
        else:
            _describe(found, one)
        first, second, skip, back, on, undo = st.columns([1.25, 1.25, 1, 0.5, 0.5, 1.1], gap="small")
        _decisions((first, second, skip), found, shown, one)
        moving = {"width": "stretch", "disabled": not shown, "on_click": differences.step}
        back.button(
            "", icon=":material/arrow_upward:", shortcut="K", help="Previous row", args=(shown, -1), **moving
        )
        on.button(
            "", icon=":material/arrow_downward:", shortcut="J", help="Next row", args=(shown, 1), **moving
        )
        _undo_button(undo)


def _describe(found: Comparison, one: Disagreement) -> None:
    confidence = confidence_of(one)
    sure = "" if confidence is None else f" · {confidence:.2f}"
    said = "" if one.verdict is None else f" · {SAID[one.verdict]} judged"
    st.markdown(f"**{KINDS[one.kind]}** · {labels_words(one)}{sure}{said}")
    means = _MEANS.get(one.kind, "") if "human" in one.between else ""
    sentence = " ".join(filter(None, (bounds_sentence(one), means)))
    st.caption(f"{span_times(one, found.history.timeframe)}  \n{sentence}")


def _decisions(
    sides: Sequence[DeltaGenerator],
    found: Comparison,
    shown: Sequence[Disagreement],
    one: Disagreement | None,
) -> None:
    """Confirm and dismiss a prediction, or keep and remove what only people say; and skip."""
    first, second, skip = sides
    judging = (one, shown, found)
    if one is not None and can_be(one, "keep"):
        _button(first, "Keep", "Y", deciding.judge, "keep", *judging)
        _button(second, "Remove", "X", deciding.remove_span, one, shown)
    else:
        _judge_button(first, "confirm", "Y", *judging)
        _judge_button(second, "dismiss", "X", *judging)
    _judge_button(skip, "skip", "S", *judging)


def _judge_button(
    where: DeltaGenerator,
    decision: Decision,
    key: str,
    one: Disagreement | None,
    shown: Sequence[Disagreement],
    found: Comparison,
) -> None:
    resting = one is None or one.verdict == decision
    arguments = (decision, one, shown, found)
    _button(where, decision.capitalize(), key, deciding.judge, *arguments, disabled=resting)


def _button(
    where: DeltaGenerator,
    words: str,
    key: str,
    on_click: Callable[..., None],
    *arguments: object,
    disabled: bool = False,
) -> None:
    where.button(
        words,
        shortcut=key,
        type="primary" if key == "Y" else "secondary",
        disabled=disabled,
        on_click=on_click,
        args=arguments,
        width="stretch",
    )


def _undo_button(where: DeltaGenerator) -> None:
    depth = deciding.undo_depth()
    where.button(
        f"Undo ({depth})" if depth else "Undo",
        shortcut="U",
        icon=":material/undo:",
        type="tertiary",
        disabled=not depth,
        help=deciding.last_words() or None,
        on_click=deciding.undo,
        width="stretch",
    )
