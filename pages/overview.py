"""Overview: where the loop stands, and what to do next."""

import streamlit as st

from app.failures import errors_shown
from app.overview.figures import show_figures, show_next_step
from app.overview.health import show_health
from app.overview.listings import show_labels, show_runs, show_series
from app.overview.verdict_figures import show_verdicts
from app.session import worker_alive, workspace
from mllib.pipeline.overview import loop_state


def render() -> None:
    state = loop_state(workspace(), worker_alive=worker_alive())
    show_next_step(state)
    show_figures(state)
    left, right = st.columns([1.15, 1], gap="large")
    with left:
        show_series(state)
        show_runs(state)
    with right:
        show_health(state)
        show_labels(state)
    show_verdicts()


with errors_shown():
    render()
