"""Models: runs side by side, why one was refused, and which one serves."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.failures import errors_shown
from app.models.head import run_head, run_states
from app.models.promoting import champion_actions
from app.models.views import VIEWS, show_view
from app.session import labels_of_people, with_metrics, workspace
from app.tables import runs_table
from app.ways import way_to
from mllib.pipeline.run_watch import clear_abandoned
from mllib.store import Run

_ROWS_SHOWN = 5
_MOST_COMPARED = 6


def render() -> None:
    clear_abandoned(workspace())
    listed = workspace().store.runs.list(with_metrics=False)
    if not listed:
        st.info("No model was trained yet.", icon=":material/deployed_code:")
        way_to("train", "Train a first model")
        return
    runs = [with_metrics(run) for run in listed]
    move = workspace().store.champions.current(workspace().config.served_model_name)
    champion = next((run for run in runs if move is not None and run.run_id == move.run_id), None)
    chosen = _choose(runs, champion)
    left, right = st.columns([2.3, 1], vertical_alignment="center")
    with left:
        run_head(chosen, champion)
    with right:
        champion_actions(chosen, champion)
    run_states(chosen)
    compared = [run for run in chosen if run.metrics is not None]
    if compared:
        _views(compared, runs)


def _choose(runs: list[Run], champion: Run | None) -> list[Run]:
    """The runs that were selected, the champion first; one alone stands beside the champion."""
    event = st.dataframe(
        runs_table(runs, None if champion is None else champion.run_id, labels_of_people()),
        hide_index=True,
        height="content" if len(runs) <= _ROWS_SHOWN else 222,
        placeholder="",
        key="runs",
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "people": _score("span F1, people", "Span F1 at IoU 0.5 of the labels that people use"),
            "all": _score("span F1, all", "Span F1 at IoU 0.5 of all labels, TA-Lib's among them"),
            "candles": _score("candle F1", "F1 per candle, the mean of all labels"),
            "accuracy": _score("accuracy", "Share of candles with the right label"),
            "started (UTC)": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
    )
    selected = [runs[row] for row in sorted(event.selection.rows)][:_MOST_COMPARED]
    if not selected:
        st.caption("Tick one run to see it beside the champion, or several to compare them.")
        return [champion or runs[0]]
    if len(selected) == 1 and champion is not None and selected[0].metrics is not None:
        selected.append(champion)
    first = [run for run in selected if champion is not None and run.run_id == champion.run_id]
    others = [run for run in reversed(selected) if run not in first]
    return list({run.run_id: run for run in (*first, *others)}.values())


def _score(name: str, said: str) -> Any:
    return st.column_config.NumberColumn(name, format="%.3f", help=said)


def _views(compared: Sequence[Run], runs: Sequence[Run]) -> None:
    view = st.segmented_control(
        "View",
        list(VIEWS),
        default=next(iter(VIEWS)),
        required=True,
        key="models view",
        label_visibility="collapsed",
        persist_state="session",
    )
    show_view(view, compared, runs)


with errors_shown():
    render()
