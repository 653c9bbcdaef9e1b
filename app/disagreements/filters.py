"""How far two layers agree, and which of their differences are shown."""

import streamlit as st

from app.disagreements import differences
from app.disagreements.words import KINDS, layer_words
from app.words import label_words
from mllib.disagreement import Summary
from mllib.pipeline.comparisons import Comparison

_KEPT = {"persist_state": "session"}


def show_summary(told: Summary, found: Comparison) -> None:
    """Four figures over all that passes the filters."""
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


def choose_filters(found: Comparison) -> list[str]:
    """Draws the filters; returns the kinds that are wanted."""
    kinds_side, labels, more, is_open = st.columns(
        [6.4, 1.9, 1.15, 1.25], gap="small", vertical_alignment="center"
    )
    with kinds_side:
        chosen = _choose_kinds(found)
    with labels:
        _choose_labels(found)
    with more.popover("Filters", width="stretch"):
        st.slider("Least confidence", 0.0, 1.0, step=0.01, key="differ_least", format="≥ %.2f", **_KEPT)
        st.number_input(
            "Least candles that a bound is off by",
            0,
            100,
            key="differ_bars",
            help="Of spans with other bounds; the rest of the kinds stay.",
            **_KEPT,
        )
    is_open.toggle(
        "Open only", key="differ_open", help="Leaves out what somebody has judged or skipped.", **_KEPT
    )
    return chosen


def _choose_kinds(found: Comparison) -> list[str]:
    usual = differences.usual_kinds()
    kinds = [kind for kind in KINDS if found.kinds[kind]]
    return st.pills(
        "Kinds",
        kinds,
        selection_mode="multi",
        default=[kind for kind in kinds if kind in usual],
        key=f"differ_kinds {st.session_state.differ_compare} {len(kinds)}",
        format_func=lambda kind: f"{KINDS[kind]} {found.kinds[kind]:,}",
        label_visibility="collapsed",
    )


def _choose_labels(found: Comparison) -> None:
    chosen = st.session_state.differ_labels
    known = [label for label in chosen if label in found.labels]
    if known != chosen:  # a value that is set overrides what was chosen in the browser meanwhile
        st.session_state.differ_labels = known
    st.multiselect(
        "Labels",
        found.labels,
        key="differ_labels",
        format_func=label_words,
        placeholder="All labels",
        label_visibility="collapsed",
        **_KEPT,
    )
