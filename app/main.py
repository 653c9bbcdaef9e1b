"""The console's entry: `streamlit run app/main.py`."""

from collections.abc import Callable

import streamlit as st

from app.doors import DOORS, Door
from app.failures import errors_shown
from app.signing_in import Visitor, ask, sign_out, stay_signed_in, visitor
from app.style import STYLE


def _pages(here: Visitor) -> list[st.Page]:
    """All pages, those hidden that are not open to a visitor, and the way out for one who signed in."""
    pages = [
        st.Page(door.file, title=door.title, icon=door.icon, default=name == "overview")
        if here.allows(door.scope)
        else st.Page(_refusal(door, here), title=door.title, url_path=name, visibility="hidden")
        for name, door in DOORS.items()
        if door.file.is_file()
    ]
    if here.name is None:
        return pages
    out = st.Page(sign_out, title=f"Sign out {here.name}", icon=":material/logout:", url_path="sign-out")
    return [*pages, out]


def _refusal(door: Door, here: Visitor) -> Callable[[], None]:
    """A page that says which scope opens it."""
    if here.has_key:
        said = f"Your key does not open {door.title}. Ask for one with the scope {door.scope}."
    else:
        said = f"{here.name} may not open {door.title}. Ask whoever runs the console for {door.scope}."

    def refuse() -> None:
        st.info(said, icon=":material/lock:")

    return refuse


def _closed_doors() -> list[st.Page]:
    """The same addresses, each of which asks who is there."""
    return [
        st.Page(ask, title=door.title, url_path=name, default=name == "overview")
        for name, door in DOORS.items()
    ]


st.set_page_config(page_title="candleloop", page_icon="🕯️", layout="wide")
st.html(STYLE)
with errors_shown():
    here = visitor()
    if here is None:
        st.navigation(_closed_doors(), position="hidden").run()
    else:
        stay_signed_in()
        st.navigation(_pages(here), position="top").run()
