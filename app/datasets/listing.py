"""The datasets, looked up at most every few seconds while none is built or fetched."""

import streamlit as st

from app.session import workspace
from mllib.datasets.builds import builds_stamp
from mllib.pipeline.dataset_listing import DatasetInfo, list_datasets

_KEPT_S = 5


def listed_datasets() -> list[DatasetInfo]:
    """Every version; a run that begins to use one is seen some seconds later."""
    return _listed(str(workspace().home), builds_stamp(workspace().datasets))


def forget_listed() -> None:
    """Looks anew the next time."""
    _listed.clear()


@st.cache_data(ttl=_KEPT_S, show_spinner=False)
def _listed(home: str, stamp: str) -> list[DatasetInfo]:
    return list_datasets(workspace())
