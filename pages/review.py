"""Review: one place after another, and one key a verdict."""

import streamlit as st

from app.doors import DOORS
from app.failures import errors_shown
from app.review.deck import deck
from app.session import stored_candles


def render() -> None:
    if not stored_candles().list():
        st.info(
            "No candles are stored yet. Import some on Data, or run `candleloop candles import FILE "
            "--pair EURUSD --timeframe 1h`, then come back.",
            icon=":material/candlestick_chart:",
        )
        if DOORS["data"].file.is_file():
            st.page_link(DOORS["data"].file, label="Import candles", icon=DOORS["data"].icon)
        return
    deck()


with errors_shown():
    render()
