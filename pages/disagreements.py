"""Disagreements: where two layers or two versions differ, as a table and on the chart, and verdicts on it."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from app.background import Task, result_or_progress
from app.chart import candle_chart
from app.disagreements import differences
from app.disagreements.words import (
    KINDS,
    SAID,
    bounds_sentence,
    comparison_layers,
    context_bars,
    differences_table,
    key_of,
    labels_words,
    layer_words,
    place_of,
    span_times,
)
from app.failures import errors_shown
from app.session import label_colors, predictor, workspace
from app.words import count, label_words
from mllib.disagreement import Summary
from mllib.pipeline.comparisons import Comparison
from mllib.pipeline.disagreements import Disagreement, confidence_of
from mllib.pipeline.resolving import Decision, can_be
from mllib.pipeline.review import series_to_review
from mllib.store import Run

CHART_PX, TABLE_PX = 345, 420
MOST_BARS = 200
COMPARED = {
    "human,model": "People and the model",
    "human,talib": "People and TA-Lib",
    "talib,model": "TA-Lib and the model",
    differences.VERSIONS: "Two versions",
}
KEYS = """
| key | what it does |
|---|---|
| `J`&nbsp;`K` | next, previous row |
| `Y` | confirm: the prediction is right |
| `X` | dismiss: it is not there; of other bounds, that people's are right |
| `S` | skip: looked at, nothing said |
| `U` | undo, a batch as a whole, as often as you like |
| `H` | these keys |

A click on a span selects its row, and a row brings its place to the middle of the chart.
"""


def render() -> None:
    names = series_to_review(workspace(), predictor())
    if not names:
        st.info(
            "No candles are stored yet. Import some on Data, or run `candleloop candles import FILE "
            "--pair EURUSD --timeframe 1h`, then come back.",
            icon=":material/candlestick_chart:",
        )
        return
    differences.begin(names)
    versions = differences.versions()
    _choose(names, versions)
    if _says_what_is_missing(versions):
        return
    found = differences.compared(versions)
    if isinstance(found, Task):
        result_or_progress(found, "Reading the whole series once")
        return
    _look(found)
    differences.remember()


def _choose(names: Sequence[str], versions: Sequence[Run]) -> None:
    with_versions = differences.compares_versions() and len(versions) > 1
    widths = [1.5, 1.7, 0.95, 0.95, 1.5, 0.5] if with_versions else [1.5, 1.7, 1.9, 1.5, 0.5]
    series, compare, *versions_side, name, keys = st.columns(widths, gap="small")
    hidden = {"label_visibility": "collapsed"}
    series.selectbox("Series", names, key="differ_series", **hidden)
    compare.selectbox("Compare", list(COMPARED), key="differ_compare", format_func=COMPARED.get, **hidden)
    if with_versions:
        numbers = [str(run.model_version) for run in versions]
        before, after = versions_side
        before.selectbox("Before", numbers, key="differ_before", format_func="from v{}".format, **hidden)
        after.selectbox("After", numbers, key="differ_after", format_func="to v{}".format, **hidden)
    name.text_input("Annotator", key="annotator", placeholder="Your name", max_chars=60, **hidden)
    if keys.button("", icon=":material/keyboard:", shortcut="H", help="Keys", width="stretch"):
        _show_keys()


@st.dialog("Keys")
def _show_keys() -> None:
    st.markdown(KEYS)


def _says_what_is_missing(versions: Sequence[Run]) -> bool:
    """Whether there is nothing to compare yet; the page then says how to begin."""
    compare = st.session_state.differ_compare
    if differences.compares_versions() and len(versions) < 2:
        st.info(
            f"There {'is one model' if versions else 'is no model'} yet. "
            "Train another one on Train, then see here what it changes.",
            icon=":material/model_training:",
        )
        return True
    if differences.compares_versions() and st.session_state.differ_before == st.session_state.differ_after:
        st.info("Choose two different versions.", icon=":material/compare_arrows:")
        return True
    if "model" in compare and predictor() is None:
        st.info(
            "No model serves yet. Train one on Train; until then, compare people with TA-Lib.",
            icon=":material/model_training:",
        )
        return True
    return False


def _look(found: Comparison) -> None:
    summary_side = st.container()
    kinds = _filters(found)
    passing = differences.rows(found, kinds)
    with summary_side:
        _summary(passing.summary, found)
    under_way = differences.under_way()
    if under_way is not None:
        result_or_progress(under_way, "Recording")
        return
    one = differences.selected(passing.shown)
    table_side, chart_side = st.columns([1, 1.2], gap="medium")
    with table_side:
        _table(passing)
    with chart_side:
        _chart(found, one)
        if found.found:
            _decide(found, passing.shown, one)
    asked = differences.question()
    if asked is not None:
        _confirm(asked, found)


def _summary(told: Summary, found: Comparison) -> None:
    first, second = (layer_words(layer) for layer in found.between)
    agree, iou, bounds, differ = st.columns(4, gap="small")
    agree.metric(
        "Agreement",
        "–" if told.agreement_rate is None else f"{told.agreement_rate:.1%}",
        help=f"Of all that {first} or {second} say where both count: one label on about the same candles.",
    )
    iou.metric(
        "Mean IoU",
        "–" if told.mean_iou is None else f"{told.mean_iou:.3f}",
        help="Shared candles over all candles of both spans, where the label is the same.",
    )
    bounds.metric(
        "Bounds off by",
        "–" if told.median_boundary_bars is None else f"{told.median_boundary_bars:g} candles",
        help="Median over starts and ends, where the label is the same.",
    )
    usual = differences.usual_kinds()
    differences_there = sum(n for (_, kind), n in told.counts.items() if kind in usual)
    differ.metric("Differences", f"{differences_there:,}", help="Without those of bounds alone.")


def _filters(found: Comparison) -> list[str]:
    kinds_side, labels, more, is_open = st.columns(
        [6.4, 1.9, 1.15, 1.25], gap="small", vertical_alignment="center"
    )
    usual = differences.usual_kinds()
    kinds = [kind for kind in KINDS if found.kinds[kind]]
    chosen = kinds_side.pills(
        "Kinds",
        kinds,
        selection_mode="multi",
        default=[kind for kind in kinds if kind in usual],
        key=f"differ_kinds {st.session_state.differ_compare} {len(kinds)}",
        format_func=lambda kind: f"{KINDS[kind]} {found.kinds[kind]:,}",
        label_visibility="collapsed",
    )
    chosen_labels = st.session_state.differ_labels
    st.session_state.differ_labels = [label for label in chosen_labels if label in found.labels]
    labels.multiselect(
        "Labels",
        found.labels,
        key="differ_labels",
        format_func=label_words,
        placeholder="All labels",
        label_visibility="collapsed",
    )
    with more.popover("Filters", width="stretch"):
        st.slider("Least confidence", 0.0, 1.0, step=0.01, key="differ_least", format="≥ %.2f")
        st.number_input(
            "Least candles that a bound is off by",
            0,
            100,
            key="differ_bars",
            help="Of spans with other bounds; the rest of the kinds stay.",
        )
    is_open.toggle("Open only", key="differ_open", help="Leaves out what somebody has judged or skipped.")
    return chosen


def _table(passing: differences.Rows) -> None:
    shown = passing.shown
    if not shown:
        _say_nothing_passes(passing)
        return
    one = differences.selected(shown)
    at = [key_of(row) for row in shown].index(key_of(one))
    st.session_state[differences.TABLE] = {"selection": {"rows": [at], "columns": [], "cells": []}}
    table = differences_table(shown)
    with_bounds = bool(table["bounds"].any())
    st.dataframe(
        table if with_bounds else table.drop(columns="bounds"),
        key=differences.TABLE,
        height=TABLE_PX,
        hide_index=True,
        on_select=lambda: differences.select_in_table(shown),
        selection_mode=("single-row-required", "single-cell"),
        placeholder="",
        column_config={
            "kind": st.column_config.TextColumn("Kind", width=110),
            "label": st.column_config.TextColumn("Label", width=134 if with_bounds else 180),
            "start": st.column_config.DatetimeColumn("Start (UTC)", format="D MMM YY HH:mm", width=108),
            "bounds": st.column_config.TextColumn(
                "Bounds", width=52, help="How many candles later the second one starts and ends."
            ),
            "confidence": st.column_config.NumberColumn("Conf.", format="%.2f", width=44),
            "said": st.column_config.TextColumn("", width=20),
        },
    )
    _all_buttons(passing)


def _say_nothing_passes(passing: differences.Rows) -> None:
    if not passing.comparison.found:
        st.info(_nothing_to_compare(passing.comparison), icon=":material/candlestick_chart:")
        return
    judged = " Nothing is left to judge, or" if st.session_state.differ_open else ""
    st.info(
        f"No difference passes the filters.{judged} choose more kinds or labels above.",
        icon=":material/task_alt:",
    )


def _nothing_to_compare(found: Comparison) -> str:
    first, second = (layer_words(layer) for layer in found.between)
    nothing = f"Nothing to compare between {first} and {second} in this series"
    if "talib" in found.layers and not len(found.layers["talib"]):
        return (
            f"{nothing}: TA-Lib has not labelled it. Run patterns of your choice on Labels, then come back."
        )
    if found.between == ("human", "talib"):
        return f"{nothing}: nobody has looked for the labels that TA-Lib gives. Draw some on Labels."
    if "human" in found.between:
        return (
            f"{nothing}: nobody has reviewed it for the model's labels. "
            "Draw spans on Labels or judge some on Review, then come back."
        )
    return f"{nothing}: both say nothing, or share no label."


def _all_buttons(passing: differences.Rows) -> None:
    shown = passing.shown
    cut = f"the newest {len(shown):,} of {passing.total:,}" if passing.total > len(shown) else ""
    some = [one for one in shown if can_be(one, "dismiss")]
    said, confirm, dismiss = st.columns([1.25, 1, 1], gap="small", vertical_alignment="center")
    said.caption(cut or count(passing.total, "row"))
    if not some:
        return
    asking = {"width": "stretch", "on_click": differences.ask}
    confirm.button(f"Confirm all {len(some):,}", args=("confirm", shown), **asking)
    dismiss.button(f"Dismiss all {len(some):,}", args=("dismiss", shown), **asking)


def _chart(found: Comparison, one: Disagreement | None) -> None:
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


def _decide(found: Comparison, shown: Sequence[Disagreement], one: Disagreement | None) -> None:
    with st.container(border=True, gap="small"):
        if one is None:
            st.caption("Select a row to judge it.")
        else:
            _describe(found, one)
        confirm, dismiss, skip, back, on, undo = st.columns([1.25, 1.25, 1, 0.5, 0.5, 1.1], gap="small")
        for where, words, decision, key in (
            (confirm, "Confirm", "confirm", "Y"),
            (dismiss, "Dismiss", "dismiss", "X"),
            (skip, "Skip", "skip", "S"),
        ):
            _decision_button(where, words, decision, key, one=one, shown=shown, found=found)
        moving = {"width": "stretch", "disabled": not shown, "on_click": differences.step}
        back.button(
            "", icon=":material/arrow_upward:", shortcut="K", help="Previous row", args=(shown, -1), **moving
        )
        on.button(
            "", icon=":material/arrow_downward:", shortcut="J", help="Next row", args=(shown, 1), **moving
        )
        depth = differences.undo_depth()
        undo.button(
            f"Undo ({depth})" if depth else "Undo",
            shortcut="U",
            icon=":material/undo:",
            type="tertiary",
            disabled=not depth,
            help=differences.last_words() or None,
            on_click=differences.undo,
            width="stretch",
        )


def _decision_button(
    where: st.delta_generator.DeltaGenerator,
    words: str,
    decision: Decision,
    key: str,
    *,
    one: Disagreement | None,
    shown: Sequence[Disagreement],
    found: Comparison,
) -> None:
    where.button(
        words,
        shortcut=key,
        type="primary" if decision == "confirm" else "secondary",
        disabled=one is None or not can_be(one, decision) or one.verdict == decision,
        on_click=differences.judge,
        args=(decision, one, shown, found),
        width="stretch",
    )


def _describe(found: Comparison, one: Disagreement) -> None:
    confidence = confidence_of(one)
    sure = "" if confidence is None else f" · {confidence:.2f}"
    said = "" if one.verdict is None else f" · {SAID[one.verdict]} judged"
    st.markdown(f"**{KINDS[one.kind]}** · {labels_words(one)}{sure}{said}")
    means = ""
    if "human" in one.between:
        means = {
            "label_mismatch": "Confirm: the second label is right. Dismiss: it is not.",
            "boundary_mismatch": "Confirm: these bounds are right. Dismiss: people's are.",
            "missed_by_model": "People alone say this, so there is no prediction to judge.",
            "missed_by_talib": "People alone say this, so there is no detection to judge.",
        }.get(one.kind, "")
    sentence = " ".join(filter(None, (bounds_sentence(one), means)))
    st.caption(f"{span_times(one, found.history.timeframe)}  \n{sentence}")


@st.dialog("Judge them all", on_dismiss=differences.leave)
def _confirm(asked: differences.Question, found: Comparison) -> None:
    verb = asked.decision.capitalize()
    st.markdown(f"**{verb} {asked.words}?**")
    kinds = Counter(KINDS[one.kind] for one in asked.rows)
    told = ", ".join(f"{kind} {n:,}" for kind, n in kinds.most_common())
    st.caption(f"{told}. One undo takes all of it back.")
    yes, no = st.columns(2)
    if yes.button(f"{verb} {len(asked.rows):,}", type="primary", shortcut="Enter", width="stretch"):
        differences.judge_all(asked, found)
        st.rerun()
    if no.button("Leave them", width="stretch"):
        differences.leave()
        st.rerun()


with errors_shown():
    render()
