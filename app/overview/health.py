"""The champion's health, line by line."""

import streamlit as st

from app.failures import in_words
from app.session import champion, predictor, stored_candles, workspace
from mllib.pipeline.champion_health import champion_health
from mllib.pipeline.overview import LoopState

ICONS = {
    True: ":green[:material/check_circle:]",
    False: ":red[:material/error:]",
    None: ":gray[:material/pending:]",
}


def show_health(state: LoopState) -> None:
    """What there is to know of the champion, good and bad."""
    if state.champion is None:
        return
    st.subheader("Champion's health")
    found = champion_health(
        workspace(), stored_candles(), state.champion, predictor(), error=champion().error
    )
    with st.container(border=True, gap="xsmall"):
        for one in found:
            st.markdown(f"{ICONS[one.ok]} &ensp;**{one.name}** &ensp; {in_words(one.said)}")
