"""The runs that are compared, each with its colour, its state and its link to MLflow."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from app.failures import in_words
from app.models.figures import color_of
from app.session import workspace
from app.tables import series_words
from app.ways import way_to
from app.words import ago, asked_words, model_words
from mllib.pipeline.run_comparison import name_of
from mllib.store import Run
from mllib.tracking import run_url


def run_head(runs: Sequence[Run], champion: Run | None) -> None:
    """Draws a line a run."""
    with st.container(gap="xsmall"):
        for i, run in enumerate(runs):
            _line(run, i, is_champion=champion is not None and run.run_id == champion.run_id)


def run_states(runs: Sequence[Run]) -> None:
    """Says what asked for the runs where nobody did, and what ended those that did not end well."""
    for run in runs:
        _state(run)


def _line(run: Run, i: int, *, is_champion: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        said = f"{model_words(run.model_type)} · {run.encoder} · {series_words(run)}"
        st.html(
            f'<span style="color:{color_of(i)}">●</span> <b>{escape(name_of(run))}</b> {escape(said)}',
            width="content",
        )
        if is_champion:
            st.badge("Champion", icon=":material/star:", color="green")
        st.caption(f"{asked_words(run)} {ago(run.created_at)}", width="content")
        url = None if run.mlflow_run_id is None else run_url(workspace().home, run.mlflow_run_id)
        if url is not None:
            st.caption(f"[in MLflow :material/open_in_new:]({url})", width="content")


def _state(run: Run) -> None:
    name = name_of(run)
    if run.asked_why is not None:
        st.caption(f":material/autorenew: {name}: {run.asked_why}")
    if run.status == "failed":
        st.error(f"{name} failed: {in_words(run.error or '')}")
    elif run.status == "rejected":
        st.error(f"The gate refused this model: {run.error}", icon=":material/block:")
    elif run.status == "cancelled":
        st.info(f"{name} was cancelled. {run.error or ''}")
    elif run.status in ("queued", "running"):
        st.info(f"{name} is under way.")
        way_to("train", "Watch it on Train")
