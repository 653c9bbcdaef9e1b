"""The rows that pass the filters, and decisions on all of them."""

from collections import Counter

import streamlit as st

from app.disagreements import deciding, differences
from app.disagreements.words import KINDS, differences_table, key_of, layer_words
from app.words import count
from mllib.pipeline.comparisons import Comparison
from mllib.pipeline.resolving import can_be

TABLE_PX = 420


def show_table(passing: differences.Rows) -> None:
    """The table with the selected row, or why there is none."""
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
    found = passing.comparison
    if found.found:
        judged = " Nothing is left to judge, or" if st.session_state.differ_open else ""
        words = f"No difference passes the filters.{judged} choose more kinds or labels above."
        st.info(words, icon=":material/task_alt:")
    elif not passing.notes:
        first, second = (layer_words(layer) for layer in found.between)
        words = (
            f"Nothing to compare between {first} and {second} in this series: no label that both could give."
        )
        st.info(words, icon=":material/candlestick_chart:")


def _all_buttons(passing: differences.Rows) -> None:
    shown = passing.shown
    cut = f"the newest {len(shown):,} of {passing.total:,}" if passing.total > len(shown) else ""
    some = [one for one in shown if can_be(one, "dismiss")]
    said, confirm, dismiss = st.columns([1.25, 1, 1], gap="small", vertical_alignment="center")
    said.caption(cut or count(passing.total, "row"))
    if not some:
        return
    asking = {"width": "stretch", "on_click": deciding.ask}
    confirm.button(f"Confirm all {len(some):,}", args=("confirm", shown), **asking)
    dismiss.button(f"Dismiss all {len(some):,}", args=("dismiss", shown), **asking)


@st.dialog("Judge them all", on_dismiss=deciding.leave)
def confirm_all(asked: deciding.Question, found: Comparison) -> None:
    """Asks whether all rows shall be judged so, and does it."""
    verb = asked.decision.capitalize()
    st.markdown(f"**{verb} {asked.words}?**")
    kinds = Counter(KINDS[one.kind] for one in asked.rows)
    told = ", ".join(f"{kind} {n:,}" for kind, n in kinds.most_common())
    st.caption(f"{told}. One undo takes all of it back.")
    yes, no = st.columns(2)
    if yes.button(f"{verb} {len(asked.rows):,}", type="primary", shortcut="Enter", width="stretch"):
        deciding.judge_all(asked, found)
        st.rerun()
    if no.button("Leave them", width="stretch"):
        deciding.leave()
        st.rerun()
