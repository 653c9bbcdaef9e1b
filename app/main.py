"""The console's entry: `streamlit run app/main.py`."""

import streamlit as st

from app.doors import PAGE_FILES
from app.failures import errors_shown
from app.session import keep_widgets
from app.style import STYLE

st.set_page_config(page_title="candleloop", page_icon="🕯️", layout="wide")
st.html(STYLE)
keep_widgets()
page = st.navigation(
    [
        st.Page(PAGE_FILES["overview"], title="Overview", icon=":material/all_inclusive:", default=True),
        st.Page(PAGE_FILES["review"], title="Review", icon=":material/candlestick_chart:"),
        st.Page(PAGE_FILES["train"], title="Train", icon=":material/model_training:"),
        st.Page(PAGE_FILES["models"], title="Models", icon=":material/deployed_code:"),
    ],
    position="top",
)
with errors_shown():
    page.run()
