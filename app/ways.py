"""Ways from page to page, for those to whom the other page is open."""

import streamlit as st

from app.doors import DOORS
from app.signing_in import visitor


def way_to(page: str, label: str, *, icon: str = ":material/arrow_forward:") -> None:
    """Draws a link to a page, or nothing for a visitor whose key does not open it."""
    here, door = visitor(), DOORS[page]
    if here is not None and here.allows(door.scope) and door.file.is_file():
        st.page_link(door.file, label=label, icon=icon)


def no_candles(*, icon: str = "candlestick_chart") -> None:
    """Says on an empty house how candles come into it."""
    st.info(
        "No candles are stored yet. Import some on Data, or run `candleloop candles import FILE "
        "--pair EURUSD --timeframe 1h`, then come back.",
        icon=f":material/{icon}:",
    )
    way_to("data", "Import candles", icon=DOORS["data"].icon)
