"""The Series part of the Data page: what is stored, gaps, append, rename, delete."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from app.background import background, forget, result_or_progress
from app.data.listing import forget_listed, listed_series
from app.data.state import open_part, say, series_to_show
from app.data.timeline import gap_words, longest, timeline
from app.failures import errors_shown, in_words
from app.session import workspace
from app.words import ago, candle_time, count, day, file_size
from mllib.annotation_files import to_json
from mllib.market_gaps import MarketGap
from mllib.pipeline.annotating import annotations_to_export
from mllib.pipeline.data import delete_series, import_samples, rename_series, undo_delete
from mllib.pipeline.series_listing import StoredSeries, gaps_of

_TABLE, _DELETED, _SAMPLES = "data_table", "data_deleted", "import samples"
_MOST_GAPS_LISTED = 200
_MAY_BE_EMPTY = ("people", "confirmed", "corrected", "verdicts", "TA-Lib", "splits adjusted")


def series_part() -> None:
    """Draws the part."""
    if st.session_state.get(_SAMPLES):
        _take_samples()
        return
    _offer_undo()
    listed = listed_series()
    for sentence in listed.damaged.values():
        st.error(in_words(sentence), icon=":material/error:")
    if not listed.series:
        _begin()
        return
    chosen = _table(listed.series)
    _actions(chosen)
    _gaps(listed.series, chosen)


def _begin() -> None:
    with st.container(border=True):
        st.markdown(
            "**No candles are stored yet.** Import a CSV or Parquet file of candles, "
            "or begin with the samples that come with candleloop."
        )
        with st.container(horizontal=True):
            st.button(
                "Import candles",
                type="primary",
                icon=":material/upload_file:",
                on_click=open_part,
                args=("Import candles",),
            )
            st.button("Take the samples", icon=":material/download:", on_click=_begin_samples)


def _begin_samples() -> None:
    st.session_state[_SAMPLES] = True


def _take_samples() -> None:
    task = background(_SAMPLES, import_samples, workspace(), long=True)
    if task.done:
        st.session_state[_SAMPLES] = False
        forget(_SAMPLES)
    if (added := result_or_progress(task, "Importing the samples")) is not None:
        say(f"Stored: {', '.join(added)}, with their annotations.")
        st.rerun()


def _table(series: Sequence[StoredSeries]) -> StoredSeries:
    """The series that is selected, the first one at the start."""
    if (shown := series_to_show()) is not None:
        rows = [at for at, one in enumerate(series) if (one.info.pair, one.info.timeframe) == shown]
        st.session_state[_TABLE] = {"selection": {"rows": rows or [0], "columns": [], "cells": []}}
    frame = pd.DataFrame([_row(one) for one in series])
    frame = frame.drop(columns=[name for name in _MAY_BE_EMPTY if frame[name].isna().all()])
    numbers = {
        name: st.column_config.NumberColumn(format="localized") for name in ("candles", *_MAY_BE_EMPTY)
    }
    event = st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        key=_TABLE,
        on_select="rerun",
        selection_mode="single-row-required",
        column_config=numbers,
    )
    rows = event["selection"]["rows"]
    return series[rows[0]] if rows and rows[0] < len(series) else series[0]


def _row(one: StoredSeries) -> dict[str, object]:
    info, spans = one.info, one.spans
    return {
        "series": one.name,
        "candles": info.rows,
        "from": candle_time(info.first_time, info.timeframe),
        "to": candle_time(info.last_time, info.timeframe),
        "people": spans.get("human"),
        "confirmed": spans.get("model_confirmed"),
        "corrected": spans.get("model_corrected"),
        "verdicts": one.verdicts or None,
        "TA-Lib": spans.get("talib"),
        "splits adjusted": len(info.splits) or None,
        "on disk": file_size(info.size_bytes),
        "changed": ago(one.changed_at),
    }


def _actions(chosen: StoredSeries) -> None:
    pair, timeframe = chosen.info.pair, chosen.info.timeframe
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{chosen.name}**", width="content")
        st.button(
            "Append candles",
            icon=":material/playlist_add:",
            on_click=open_part,
            args=("Import candles", (pair, timeframe)),
        )
        st.button(
            "Import annotations",
            icon=":material/upload_file:",
            on_click=open_part,
            args=("Import annotations", (pair, timeframe)),
        )
        _export(pair, timeframe)
        if st.button("Rename", icon=":material/edit:"):
            _rename(chosen)
        if st.button("Delete", icon=":material/delete:"):
            _delete(chosen)


def _export(pair: str, timeframe: str) -> None:
    ws = workspace()
    st.download_button(
        "Export annotations",
        data=lambda: to_json(annotations_to_export(ws, pair=pair, timeframe=timeframe)),
        file_name=f"{pair}_{timeframe}.annotations.json".replace("/", "-"),
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        help="What people said of this series, in the annotation tool's own format",
    )


@st.dialog("Rename a series")
def _rename(chosen: StoredSeries) -> None:
    pair, timeframe = chosen.info.pair, chosen.info.timeframe
    new = st.text_input("New symbol", pair, max_chars=64).strip()
    st.caption(f"Its annotations, verdicts and TA-Lib's spans follow. {timeframe} stays.")
    if st.button("Rename", type="primary", disabled=new in ("", pair), key="rename_now"):
        with errors_shown():
            rename_series(workspace(), pair=pair, timeframe=timeframe, new_pair=new)
            say(f"{pair} {timeframe} is now {new} {timeframe}.")
            st.rerun()


@st.dialog("Delete a series")
def _delete(chosen: StoredSeries) -> None:
    info, said = chosen.info, sum(n for source, n in chosen.spans.items() if source != "talib")
    verdicts = f" and {count(chosen.verdicts, 'verdict')}" if chosen.verdicts else ""
    st.markdown(
        f"**{chosen.name}** goes from the store: {count(info.rows, 'candle')} from {day(info.first_time)} "
        f"to {day(info.last_time)}, {file_size(info.size_bytes)}."
    )
    with_annotations = said > 0 and st.checkbox(f"Delete its {count(said, 'annotation')}{verdicts} too")
    if with_annotations:
        st.warning(
            "Deleted annotations and verdicts cannot be brought back. Export them first when in doubt.",
            icon=":material/warning:",
        )
    else:
        kept = f" Its {count(said, 'annotation')} stay for a later import." if said else ""
        st.caption(f"This can be undone.{kept} Models and datasets made from it stay.")
    if st.button("Delete", type="primary", icon=":material/delete:", key="delete_now"):
        with errors_shown():
            deleted = delete_series(
                workspace(), pair=info.pair, timeframe=info.timeframe, with_annotations=with_annotations
            )
            forget_listed()
            st.session_state[_DELETED] = (chosen.name, deleted, with_annotations)
            st.session_state.pop(_TABLE, None)
            st.rerun()


def _offer_undo() -> None:
    if not (found := st.session_state.get(_DELETED)):
        return
    name, deleted, with_annotations = found
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        beside = " Its annotations are gone for good." if with_annotations else ""
        st.markdown(f"**{name}** is deleted.{beside}")
        st.button(
            "Bring the candles back" if with_annotations else "Undo",
            icon=":material/undo:",
            on_click=partial(_undo, name, deleted),
        )
        st.button("Close", icon=":material/close:", on_click=st.session_state.pop, args=(_DELETED,))


@errors_shown()
def _undo(name: str, deleted: str) -> None:
    undo_delete(workspace(), deleted)
    st.session_state.pop(_DELETED)
    say(f"{name} is stored again.")


def _gaps(series: Sequence[StoredSeries], chosen: StoredSeries) -> None:
    st.subheader("Where candles are missing")
    found = {one.name: _gaps_of(one) for one in series}
    st.plotly_chart(timeline(series, found), key="data_timeline", config={"displayModeBar": False})
    st.caption(
        "When a market is open is read off its own candles: nights, weekends and single days off are no gaps."
    )
    gaps = found[chosen.name]
    st.markdown(gap_words(chosen, gaps))
    if holes := longest(gaps, _MOST_GAPS_LISTED):
        with st.expander(f"The gaps of {chosen.name}"):
            _listed(chosen, holes)


def _listed(chosen: StoredSeries, holes: Sequence[MarketGap]) -> None:
    timeframe = chosen.info.timeframe
    rows = [
        {
            "last candle before": candle_time(gap.after_time, timeframe),
            "next candle": candle_time(gap.before_time, timeframe),
            "candles missing": gap.missing,
        }
        for gap in holes
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)


def _gaps_of(one: StoredSeries) -> list[MarketGap]:
    pair, timeframe = one.info.pair, one.info.timeframe
    version = workspace().candles.version(pair, timeframe)
    return _kept_gaps(str(workspace().home), pair, timeframe, version)


@st.cache_data(show_spinner=False, max_entries=200)
def _kept_gaps(home: str, pair: str, timeframe: str, version: str) -> list[MarketGap]:
    return gaps_of(workspace(), pair=pair, timeframe=timeframe)
