"""What the parts of the Data page tell each other: which part is open, and which series is meant."""

import streamlit as st

from app.data.listing import forget_listed

PARTS = ("Series", "Import candles", "Import annotations", "Disk")
PART_KEY = "part"
_MEANT, _SAID, _GO, _SHOWN = "data_series", "data_said", "data_go", "data_shown"


def open_part(part: str, meant: tuple[str, str] | None = None) -> None:
    """Opens a part, for a series where there is one (pair and timeframe); for callbacks."""
    st.session_state[PART_KEY] = part
    st.session_state[_MEANT] = meant


def part_opened() -> None:
    """A part that somebody opens by its tab is for no series in particular."""
    st.session_state[_MEANT] = None


def go_to(part: str) -> None:
    """Draws the page anew with another part open; for the middle of a drawing."""
    st.session_state[_GO] = part
    st.rerun()


def settle_part() -> None:
    """Opens the part that `go_to` named; comes before the tabs are drawn."""
    if part := st.session_state.pop(_GO, None):
        open_part(part)


def show_series(pair: str, timeframe: str) -> None:
    """Has the list of series select one when it is drawn next."""
    st.session_state[_SHOWN] = (pair, timeframe)


def series_to_show() -> tuple[str, str] | None:
    """The series that `show_series` named, once."""
    shown: tuple[str, str] | None = st.session_state.pop(_SHOWN, None)
    return shown


def meant_series() -> tuple[str, str] | None:
    """The series that the part was opened for."""
    meant: tuple[str, str] | None = st.session_state.get(_MEANT)
    return meant


def say(sentence: str) -> None:
    """Keeps a sentence about what has changed for the next drawing of the page."""
    forget_listed()
    st.session_state[_SAID] = sentence


def show_said() -> None:
    """Shows what was kept, once."""
    if said := st.session_state.pop(_SAID, None):
        st.success(said, icon=":material/check:")
