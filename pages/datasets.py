"""Datasets: what models learn from, its versions, what changed between them, and where they are kept."""

import streamlit as st

from app.datasets.parts import builds_part, compare_part, export_part
from app.failures import errors_shown

PARTS = {"Builds": builds_part, "Compare": compare_part, "Export": export_part}


def render() -> None:
    tabs = st.tabs(list(PARTS), key="datasets_part", on_change="rerun", bind="query-params")
    for tab, draw in zip(tabs, PARTS.values(), strict=True):
        if tab.open:
            with tab, errors_shown():
                draw()


with errors_shown():
    render()
