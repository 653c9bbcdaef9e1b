"""Building a dataset beside the page."""

import streamlit as st

from app.background import background, forget, result_or_progress
from app.failures import errors_shown
from app.session import workspace
from mllib.pipeline.datasets import Dataset, build_dataset
from mllib.pipeline.runs import resolve_config
from mllib.progress import Progress

_BUILDING, _BUILT = "dataset_building", "dataset_built"
_LAYERS = {"human": "people's spans", "talib": "TA-Lib's spans"}
Wanted = tuple[tuple[str, ...], str, tuple[str, ...]]
"""Pairs, their timeframe, and the layers of spans."""


def build_form() -> None:
    """Chooses series and layers, and starts a build."""
    stored = [(one.pair, one.timeframe) for one in workspace().candles.list(on_damaged=lambda *_: None)]
    if not stored:
        st.caption("No candles are stored. Import some on Data first.")
        return
    default = workspace().config
    timeframes = sorted({timeframe for _, timeframe in stored})
    at = timeframes.index(default.pipeline.timeframe) if default.pipeline.timeframe in timeframes else 0
    timeframe = st.selectbox("Timeframe", timeframes, index=at, key="build_timeframe")
    pairs = sorted(pair for pair, of in stored if of == timeframe)
    first = default.pipeline.pair if default.pipeline.pair in pairs else pairs[0]
    chosen = st.multiselect("Series", pairs, default=[first], key=f"build_pairs {timeframe}")
    layers = st.pills(
        "Spans of",
        list(_LAYERS),
        selection_mode="multi",
        default=list(default.stages.annotation_ingestion.layers),
        format_func=_LAYERS.get,
        key="build_layers",
    )
    st.button(
        "Build now",
        type="primary",
        icon=":material/construction:",
        disabled=not (chosen and layers) or _BUILDING in st.session_state,
        on_click=_start,
        args=((tuple(chosen), timeframe, tuple(layers)),),
        width="stretch",
    )


def _start(wanted: Wanted) -> None:
    st.session_state[_BUILDING] = wanted
    st.session_state.pop(_BUILT, None)


def build_under_way() -> None:
    """Draws a build that is under way, and says what came of it, until the next one begins."""
    if said := st.session_state.get(_BUILT):
        st.success(said, icon=":material/check:")
    if (wanted := st.session_state.get(_BUILDING)) is None:
        return
    key = ("build dataset", wanted)
    task = background(key, _build, wanted, long=True)
    if task.done:
        forget(key)
        del st.session_state[_BUILDING]
    with errors_shown():
        built = result_or_progress(task, "Building")
        if built is not None:
            st.session_state[_BUILT] = f"Dataset {built.version[:8]} is built."
            st.rerun()


def _build(wanted: Wanted, *, progress: Progress) -> Dataset:
    pairs, timeframe, layers = wanted
    ws = workspace()
    config = resolve_config(ws.config, layers=list(layers))
    return build_dataset(ws, config, pairs=list(pairs), timeframe=timeframe, progress=progress)
