"""The review deck: its component, and the fragment that answers it."""

from pathlib import Path
from typing import Any

import streamlit as st

from app.failures import errors_shown
from app.reviewing import answer

_FILES = Path(__file__).parent / "static"
_KEY = "deck"


def _version() -> str:
    """Changes with any of the modules, so that no browser keeps an old one."""
    newest = max(file.stat().st_mtime_ns for file in _FILES.rglob("*.mjs"))
    return f"{newest:x}"


_MOUNT = """
export default function (component) {
  let end = null, over = false;
  import(new URL("app/static/deck/deck.mjs?v=VERSION", document.baseURI)).then(({ mount }) => {
    end = mount(component);
    if (over) end();
  });
  return () => { over = true; end?.(); };
}
"""

_DECK = st.components.v2.component(
    "candleloop_deck",
    css=(_FILES / "deck" / "deck.css").read_text(),
    js=_MOUNT.replace("VERSION", _version()),
)


@st.fragment
def deck() -> None:
    """Draws the deck and answers what it asked."""
    state = st.session_state
    asked = state[_KEY].get("ask") if _KEY in state else None
    with errors_shown():
        _DECK(key=_KEY, data=_answered(asked), on_ask_change=_nothing)


def _answered(asked: dict[str, Any] | None) -> dict[str, Any]:
    """The answer, which a page drawn anew does not work out twice."""
    state = st.session_state
    name = (asked["tab"], asked["seq"]) if asked else None
    kept: tuple[Any, dict[str, Any]] | None = state.get("deck_answered")
    if kept is not None and name is not None and kept[0] == name:
        return kept[1]
    reply = answer(asked)
    state["deck_answered"] = (name, reply)
    return reply


def _nothing() -> None:
    """Streamlit takes a value from a component only where something is called for it."""
