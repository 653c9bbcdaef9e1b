"""The annotator's name: asked once, the same on every page, and known again after a reload."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.cookies import cookie, set_cookie
from app.signing_in import signed_in_name

LONGEST_NAME = 60
_COOKIE = "candleloop_annotator"
"""Review reads and writes it in the browser, see `app/static/deck/memory.mjs`."""
_KEPT_S = 400 * 86_400


def annotator() -> str | None:
    """Who judges and labels, or None where no name was given; where people sign in, it is theirs."""
    return signed_in_name() or (st.session_state.get("annotator") or "").strip() or None


def ask_name(where: DeltaGenerator) -> None:
    """The field for the name, with what the address or the browser knows; none where people sign in."""
    if signed_in_name() is not None:
        return
    known = st.query_params.get("annotator") or cookie(_COOKIE)
    st.session_state.setdefault("annotator", known[:LONGEST_NAME])
    where.text_input(
        "Annotator",
        key="annotator",
        placeholder="Your name",
        label_visibility="collapsed",
        max_chars=LONGEST_NAME,
        persist_state="session",
    )


def remember_name() -> None:
    """Has the browser keep the name that was typed on this page; it comes last, since it takes up room."""
    if "annotator" in st.session_state and signed_in_name() is None:
        set_cookie(_COOKIE, (st.session_state.annotator or "").strip(), seconds=_KEPT_S)
