"""The parts of the Datasets page: builds and what is in one, two of them compared, what people said."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app.background import background, result_or_progress
from app.datasets.building import build_form, build_under_way
from app.datasets.listing import listed_datasets
from app.datasets.remote import push_all_button, push_button, remote_line, restore_button, transfers
from app.datasets.tables import builds_table, columns_table, difference_table, labels_table, splits_table
from app.doors import PAGE_FILES
from app.failures import errors_shown
from app.session import workspace
from app.words import ago, count, file_size
from mllib.datasets.contents import Files
from mllib.pipeline.dataset_listing import DatasetInfo, RemoteState, columns_of
from mllib.pipeline.datasets import compare_datasets
from mllib.pipeline.fact_exporting import annotations_now, annotations_of, facts_now, verdicts_now

_TABLE = "datasets_table"
_ROWS_SHOWN = 6
_NUMBERS = ("candles", "people", "confirmed", "corrected", "TA-Lib", "learned from", "chose on", "tested on")
_CHANGES = ("added", "removed", "changed", "unchanged")


def _localized(names: Sequence[str]) -> dict[str, object]:
    return {name: st.column_config.NumberColumn(format="localized") for name in names}


def builds_part() -> None:
    """Which datasets there are, and what is in the one selected."""
    build_under_way()
    transfers()
    datasets = listed_datasets()
    if not datasets and not workspace().candles.list(on_damaged=lambda *_: None):
        st.info(
            "A dataset is made from candles and what people said of them. Import candles first.",
            icon=":material/database:",
        )
        st.page_link(PAGE_FILES["data"], label="Open Data", icon=":material/arrow_forward:")
        return
    if not datasets:
        with st.container(border=True, width=720):
            st.markdown(
                "**No dataset was built yet.** A dataset freezes candles, spans and reviewed ranges under a "
                "version of their content. Every training builds one; here you can build one by hand."
            )
            build_form()
        return
    left, middle, right = st.columns([2.6, 1, 1], vertical_alignment="center")
    with left:
        state = remote_line(datasets)
    with middle:
        push_all_button(datasets, state)
    with right, st.popover("Build a dataset", icon=":material/construction:", width="stretch"):
        build_form()
    chosen = _table(datasets, state)
    _details(chosen, state)


def _table(datasets: list[DatasetInfo], state: RemoteState | None) -> DatasetInfo:
    event = st.dataframe(
        builds_table(datasets, None if state is None else state.pushed),
        hide_index=True,
        height="content" if len(datasets) <= _ROWS_SHOWN else 257,
        key=_TABLE,
        on_select="rerun",
        selection_mode="single-row-required",
        column_config=_localized(_NUMBERS),
    )
    rows = event["selection"]["rows"]
    return datasets[rows[0]] if rows and rows[0] < len(datasets) else datasets[0]


def _details(one: DatasetInfo, state: RemoteState | None) -> None:
    build = one.newest
    st.subheader(f"Dataset {one.version[:8]}")
    times = f", {count(len(one.builds), 'time')}" if len(one.builds) > 1 else ""
    st.caption(
        f"`{one.version}` · built {ago(build.built_at)}{times} · "
        f"{count(build.reviewed, 'reviewed range')} · {count(one.spans, 'span')}"
    )
    _downloads(one, state)
    left, right = st.columns([1, 1.25], gap="large")
    with left:
        st.markdown("**Labels by source**")
        st.dataframe(
            labels_table(one),
            hide_index=True,
            placeholder="",
            height=300,
            column_config=_localized(_NUMBERS),
        )
    with right:
        st.markdown("**Runs that learned from it**")
        if one.runs:
            st.dataframe(
                splits_table(one.runs), hide_index=True, placeholder="", column_config=_localized(_NUMBERS)
            )
            st.caption("In candles, or in the candidate windows that the run's encoder proposes.")
        else:
            st.caption("None yet. `candleloop dataset retrain` trains on exactly this version.")
        st.markdown("**Series**")
        st.caption(" · ".join(f"{name}: {bars:,} candles" for name, bars in build.series.items()))
    if one.here:
        with errors_shown():
            _columns(one)


def _columns(one: DatasetInfo) -> None:
    with st.expander("What every column means"):
        documented = columns_of(_folder(one))
        file = st.segmented_control(
            "File", list(documented), default=next(iter(documented)), required=True, key="columns_of_file"
        )
        st.dataframe(columns_table(documented[file]), hide_index=True)


def _downloads(one: DatasetInfo, state: RemoteState | None) -> None:
    with st.container(horizontal=True):
        if not one.here:
            restore_button(one)
            return
        files, short = Files.of(_folder(one)), one.version[:8]
        for label, path in (
            ("Labelled candles", files.labeled),
            ("Spans", files.spans),
            ("All that was said", files.annotations),
        ):
            st.download_button(
                f"{label} ({file_size(path.stat().st_size)})",
                data=path.read_bytes,
                file_name=f"{short}.{path.name}",
                icon=":material/download:",
                on_click="ignore",
                help=f"{path.name}; what its columns mean stands below",
            )
        st.download_button(
            "Annotation tool's JSON",
            data=lambda: annotations_of(files),
            file_name=f"{short}.annotations.zip",
            icon=":material/download:",
            on_click="ignore",
            help="A file a series, as the annotation tool exports and imports it",
        )
        if state is not None and one.version not in state.pushed:
            push_button(one)


def _folder(one: DatasetInfo) -> Path:
    return workspace().datasets / one.version


def compare_part() -> None:
    """What changed from one dataset to another."""
    datasets = [one for one in listed_datasets() if one.here]
    if len(datasets) < 2:
        st.info(
            "There are no two datasets to compare yet. Build one again after labels or candles have changed.",
            icon=":material/difference:",
        )
        return
    names = {one.version: f"{one.version[:8]} · {ago(one.newest.built_at)}" for one in datasets}
    versions = list(names)
    before, after, only = st.columns([1, 1, 1], vertical_alignment="bottom")
    old = before.selectbox("From", versions, index=1, format_func=names.get)
    new = after.selectbox("To", versions, index=0, format_func=names.get)
    only_changes = only.toggle("Only what changed", value=True)
    if old == new:
        st.caption("Both are the same version.")
        return
    task = background(("compare", old, new), compare_datasets, workspace(), old, new)
    difference = result_or_progress(task, "Comparing")
    if difference is None:
        return
    if difference.is_none:
        st.info(
            "Candles, spans and reviewed ranges are the same; other columns differ.", icon=":material/info:"
        )
        return
    st.dataframe(
        difference_table(difference, only_changes=only_changes),
        hide_index=True,
        placeholder="",
        height="content",
        column_config=_localized(_CHANGES),
    )
    st.caption("A span whose label or bounds changed counts as changed where it stands now.")


def export_part() -> None:
    """What people said, as it counts now, as files."""
    st.markdown("What people said of all series, as it counts now. A dataset's own files are under Builds.")
    ws = workspace()
    for label, data, name, help_ in (
        (
            "Spans and reviewed ranges (Parquet)",
            lambda: facts_now(ws),
            "annotations.parquet",
            "A row an annotation or reviewed range, in the columns of a dataset's annotations.parquet",
        ),
        (
            "Verdicts (Parquet)",
            lambda: verdicts_now(ws),
            "verdicts.parquet",
            "A row a verdict that stands, with the prediction that it judged",
        ),
        (
            "Annotation tool's JSON (ZIP)",
            lambda: annotations_now(ws),
            "annotations.zip",
            "A file a series; the annotation tool and `candleloop annotations import` read them",
        ),
    ):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.download_button(
                label, data=data, file_name=name, icon=":material/download:", on_click="ignore", width=330
            )
            st.caption(help_)
