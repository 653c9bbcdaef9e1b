"""Data: what is stored, where candles are missing, and what goes in and out."""

import streamlit as st

from app.data.annotations import annotations_part
from app.data.candles import candles_part
from app.data.disk import disk_part
from app.data.series import series_part
from app.data.state import PART_KEY, PARTS, part_opened, settle_part, show_said
from app.failures import errors_shown

DRAW = dict(zip(PARTS, (series_part, candles_part, annotations_part, disk_part), strict=True))


def render() -> None:
    settle_part()
    show_said()
    tabs = st.tabs(list(PARTS), key=PART_KEY, on_change=part_opened, bind="query-params")
    for tab, draw in zip(tabs, DRAW.values(), strict=True):
        if tab.open:
            with tab, errors_shown():
                draw()


with errors_shown():
    render()
