"""The console's entry: `streamlit run app/main.py`."""

import streamlit as st

from app.doors import DOORS
from app.failures import errors_shown
from app.session import keep_widgets
from app.style import STYLE

st.set_page_config(page_title="candleloop", page_icon="🕯️", layout="wide")
st.html(STYLE)
keep_widgets()
page = st.navigation(
    [
        st.Page(door.file, title=door.title, icon=door.icon, default=name == "overview")
        for name, door in DOORS.items()
        if door.file.is_file()
    ],
    position="top",
)
with errors_shown():
    page.run()
