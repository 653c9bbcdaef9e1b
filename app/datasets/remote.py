"""Where datasets are pushed to, asked beside the page, and pushing and fetching them."""

import time
from collections.abc import Hashable
from typing import Any

import streamlit as st

from app.background import Task, background, forget, result_or_progress
from app.datasets.listing import forget_listed
from app.failures import in_words
from app.session import workspace
from app.words import count
from mllib.errors import CandleloopError
from mllib.pipeline.dataset_listing import DatasetInfo, RemoteState, remote_state
from mllib.pipeline.datasets import push_datasets, restore_dataset

_PUSHING, _FETCHING, _SAID = "datasets_pushing", "datasets_fetching", "datasets_said"
_ASKED_EVERY_S = 60
_SOON_S = 0.3
"""A remote that answers so quickly is waited for; the page is then drawn once."""


def remote_line(datasets: list[DatasetInfo]) -> RemoteState | None:
    """What the remote holds, or None before it has answered; draws a line about it."""
    key = _key(datasets)
    task = background(key, remote_state, workspace())
    task.wait(_SOON_S)
    try:
        state = result_or_progress(task, "Asking the remote")
    except CandleloopError as exc:
        st.error(in_words(exc), icon=":material/cloud_off:")
        st.button("Ask again", icon=":material/refresh:", on_click=forget, args=(key,))
        return None
    if state is None:
        return None
    st.markdown(_words(state, datasets))
    return state


def push_all_button(datasets: list[DatasetInfo], state: RemoteState | None) -> None:
    """Pushes what is here and not on the remote."""
    pushed = frozenset() if state is None else state.pushed
    here = tuple(one.version for one in datasets if one.here and one.version not in pushed)
    done = state is not None and not here
    st.button(
        "All are pushed" if done else f"Push {count(len(here), 'dataset')}",
        icon=":material/cloud_done:" if done else ":material/cloud_upload:",
        disabled=state is None or done or _PUSHING in st.session_state,
        on_click=_start,
        args=(_PUSHING, here),
        width="stretch",
    )


def _key(datasets: list[DatasetInfo]) -> Hashable:
    """The remote is asked anew each minute, and after what this console pushed."""
    minute = int(time.time() // _ASKED_EVERY_S)
    return "remote", str(workspace().home), minute, _transfers(), tuple(one.version for one in datasets)


@st.cache_resource
def _ended() -> list[int]:
    return [0]


def _transfers() -> int:
    """How many pushes and restores of this process have ended."""
    return _ended()[0]


def _words(state: RemoteState, datasets: list[DatasetInfo]) -> str:
    own = (
        ""
        if state.configured
        else " (in this home; set `data.remote` in the configuration for another place)"
    )
    return f"**{len(state.pushed)}** of {count(len(datasets), 'version')} in `{state.remote}`{own}"


def _start(what: str, versions: tuple[str, ...]) -> None:
    st.session_state[what] = versions
    st.session_state.pop(_SAID, None)


def push_button(one: DatasetInfo) -> None:
    """Pushes one dataset."""
    st.button(
        "Push",
        icon=":material/cloud_upload:",
        disabled=_PUSHING in st.session_state,
        on_click=_start,
        args=(_PUSHING, (one.version,)),
    )


def restore_button(one: DatasetInfo) -> None:
    """Fetches the files of a dataset that is not here."""
    st.button(
        "Restore from the remote",
        icon=":material/cloud_download:",
        disabled=_FETCHING in st.session_state,
        on_click=_start,
        args=(_FETCHING, (one.version,)),
    )


def transfers() -> None:
    """Draws what is being pushed or fetched, and says how it ended, until the next one begins."""
    if pushing := st.session_state.get(_PUSHING):
        key = ("push", *pushing)
        task = background(key, push_datasets, workspace(), pushing, long=True)
        _finish(_PUSHING, key, task, "Pushing", f"{count(len(pushing), 'dataset')} pushed.")
    if fetching := st.session_state.get(_FETCHING):
        key = ("restore", *fetching)
        task = background(key, restore_dataset, workspace(), fetching[0], long=True)
        _finish(_FETCHING, key, task, "Fetching", f"{fetching[0][:8]} is here again.")
    if said := st.session_state.get(_SAID):
        went_well, sentence = said
        if went_well:
            st.success(sentence, icon=":material/check:")
        else:
            st.error(sentence, icon=":material/cloud_off:")


def _finish(what: str, key: tuple[str, ...], task: Task[Any], doing: str, said: str) -> None:
    if task.done:
        forget(key)
        forget_listed()
        del st.session_state[what]
        _ended()[0] += 1
    try:
        if result_or_progress(task, doing) is not None:
            st.session_state[_SAID] = True, said
    except CandleloopError as exc:
        st.session_state[_SAID] = False, in_words(exc)
