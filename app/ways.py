"""Links from page to page, for those to whom the other page is open."""

import streamlit as st

from app.doors import DOORS
from app.signing_in import visitor


def way_to(page: str, label: str, *, icon: str = ":material/arrow_forward:") -> None:
    """Draws a link to a page, or nothing for a visitor whose key does not open it."""
    here, door = visitor(), DOORS[page]
    if here is not None and here.allows(door.scope) and door.file.is_file():
        st.page_link(door.file, label=label, icon=icon)
