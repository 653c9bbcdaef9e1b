"""Train: choose data and settings, launch, watch."""

import streamlit as st

from app.failures import errors_shown
from app.session import workspace
from app.training.launching import new_training
from app.training.watching import watch_runs
from app.ways import no_candles
from mllib.pipeline.run_watch import clear_abandoned


def render() -> None:
    stored = workspace().candles.list()
    if not stored:
        no_candles(icon="model_training")
        return
    clear_abandoned(workspace())
    form, progress = st.columns([1, 1.2], gap="large")
    with form:
        new_training({(one.pair, one.timeframe) for one in stored})
    with progress:
        watch_runs()


with errors_shown():
    render()
