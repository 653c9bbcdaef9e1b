"""What all pages share: one workspace, one champion and one candle cache per home folder and process."""

import time
from pathlib import Path
from uuid import uuid4

import streamlit as st

from mllib.inference import Predictor
from mllib.jobs import worker_is_alive
from mllib.pipeline import overview
from mllib.pipeline.comparisons import Comparisons
from mllib.pipeline.labels import offered_labels
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.serving import Champion
from mllib.pipeline.workspace import Workspace, home_folder, open_workspace
from mllib.store import Revision, Run


def workspace() -> Workspace:
    """The workspace of `CANDLELOOP_HOME`, opened once."""
    return _workspace(str(home_folder()))


def predictor() -> Predictor | None:
    """What the champion's model is now, or None before the first one."""
    return champion().predictor


def champion() -> Champion:
    """The champion that this process follows."""
    return _champion(str(home_folder()))


def stored_candles() -> StoredCandles:
    """The series last looked at."""
    return _stored_candles(str(home_folder()))


def comparisons() -> Comparisons:
    """The comparisons of layers and versions last looked at."""
    return _comparisons(str(home_folder()))


def worker_alive() -> bool:
    """Whether anyone would carry out a training now."""
    return worker_is_alive(workspace(), now=time.time())


def label_colors() -> dict[str, str]:
    """The colour of each label as `#rrggbb`."""
    return workspace().store.labels.colors()


def labels_offered() -> list[str]:
    """The labels that annotators may give."""
    return [label.name for label in offered_labels(workspace())]


def labels_of_people() -> frozenset[str]:
    """The labels in use that people have given anywhere, counted again only once anything was said."""
    return _labels_of_people(str(home_folder()), workspace().store.revision())


def session_id() -> str:
    """An id of this browser session, for ids that no other session has."""
    return str(st.session_state.setdefault("session_id", uuid4().hex))


@st.cache_resource(show_spinner="Opening the workspace …")
def _workspace(home: str) -> Workspace:
    return open_workspace(Path(home))


@st.cache_resource(show_spinner=False, max_entries=4)
def _labels_of_people(home: str, revision: Revision) -> frozenset[str]:
    return overview.labels_of_people(_workspace(home))


@st.cache_resource(show_spinner="Loading the champion …")
def _champion(home: str) -> Champion:
    following = Champion(_workspace(home))
    following.refresh()
    following.watch()
    return following


@st.cache_resource(show_spinner=False)
def _stored_candles(home: str) -> StoredCandles:
    return StoredCandles(_workspace(home))


@st.cache_resource(show_spinner=False)
def _comparisons(home: str) -> Comparisons:
    return Comparisons(_workspace(home), _stored_candles(home))


def with_metrics(run: Run) -> Run:
    """A run of the ledger with its metrics; those of one that has ended are read once."""
    return _run(str(home_folder()), run.run_id, run.status, run.model_version)


@st.cache_resource(show_spinner=False, max_entries=300)
def _run(home: str, run_id: str, status: str, version: int | None) -> Run:
    return _workspace(home).store.runs.get(run_id)
