"""The review deck: its component, and the fragment that answers it."""

from functools import cache
from typing import Any

import streamlit as st

from app.browser_modules import STATIC, loading
from app.failures import in_words
from app.review.answers import answer
from app.signing_in import leave_if_signed_out
from mllib.errors import CandleloopError

_KEY = "deck"
_MOUNTING = """
let module;

export default function (component) {
  let end = null, over = false;
  module ??= load("deck/streamlit_deck.mjs");
  module.then(({ mount }) => {
    end = mount(component);
    if (over) end();
  });
  return () => { over = true; end?.(); };
}
"""


@st.fragment
def deck() -> None:
    """Draws the deck and answers what it asked."""
    leave_if_signed_out()
    state = st.session_state
    asked = state[_KEY].get("ask") if _KEY in state else None
    _component()(key=_KEY, data=_answered(asked) | {"name": state.get("annotator")}, on_ask_change=_nothing)
    if asked is not None and asked.get("annotator"):
        state["annotator"] = asked["annotator"]  # the other pages ask for it by this key


def _answered(asked: dict[str, Any] | None) -> dict[str, Any]:
    """The answer, which a page drawn anew does not work out twice.

    Where there is none, the deck stays as it is, is told why, and asks again.
    """
    state = st.session_state
    name = None if asked is None else (asked["tab"], asked["seq"])
    known: tuple[Any, dict[str, Any]] | None = state.get("deck_answered")
    if known is not None and name is not None and known[0] == name:
        return known[1]
    try:
        reply = answer(asked)
    except CandleloopError as exc:
        if known is None:
            raise
        return known[1] | {"seq": None, "trouble": in_words(exc)}
    state["deck_answered"] = (name, reply)
    return reply


@cache
def _component() -> Any:
    css = (STATIC / "deck" / "deck.css").read_text()
    return st.components.v2.component("candleloop_deck", css=css, js=loading() + _MOUNTING)


def _nothing() -> None:
    """Streamlit takes a value from a component only where something is called for it."""
