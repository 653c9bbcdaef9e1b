"""The stored series, looked up at most every few seconds while nothing is changed here."""

import streamlit as st

from app.session import workspace
from mllib.pipeline.series_listing import SeriesList, list_series

_KEPT_S = 3


def listed_series() -> SeriesList:
    """Every stored series; what others change is seen some seconds later."""
    return _listed(str(workspace().home))


def forget_listed() -> None:
    """Looks anew the next time."""
    _listed.clear()


@st.cache_data(ttl=_KEPT_S, show_spinner=False)
def _listed(home: str) -> SeriesList:
    return list_series(workspace())
