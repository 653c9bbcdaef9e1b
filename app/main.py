"""The console's entry: `streamlit run app/main.py`."""

import streamlit as st

from app.doors import DOORS
from app.failures import errors_shown
from app.session import keep_widgets
from app.signing_in import Visitor, ask, sign_out, stay_signed_in, visitor
from app.style import STYLE


def _pages(here: Visitor) -> list[st.Page]:
    """The pages that are open to a visitor, and the way out for one who signed in."""
    open_doors = [
        st.Page(door.file, title=door.title, icon=door.icon, default=name == "overview")
        for name, door in DOORS.items()
        if here.allows(door.scope) and door.file.is_file()
    ]
    if here.name is None:
        return open_doors
    out = st.Page(sign_out, title=f"Sign out {here.name}", icon=":material/logout:", url_path="sign-out")
    return [*open_doors, out]


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
        keep_widgets()
        stay_signed_in()
        st.navigation(_pages(here), position="top").run()
