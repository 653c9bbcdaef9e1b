"""The part of the Data page that imports candles: a file, what was understood of it, what would change."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.background import background, forget, result_or_progress
from app.data.figures import candles_figure
from app.data.findings import (
    show_candles,
    show_changes,
    show_findings,
    show_refusals,
    show_rows,
    split_choice,
)
from app.data.state import go_to, meant_series, say, show_series
from app.failures import in_words
from app.session import workspace
from app.words import count, file_size
from mllib.candle_merging import Comparison
from mllib.errors import CandleloopError, InvalidCandles, NotFound
from mllib.pipeline.data import CandleImport, store_candles
from mllib.pipeline.previewing import ImportPreview, SourceFile, preview_import, read_upload, rows_near
from mllib.price_adjustment import PriceSplit
from mllib.series_guess import named_timeframe
from mllib.timeframes import SECONDS

_TYPES = ["csv", "txt", "gz", "parquet", "pq", "json"]
_TURN, _FILE = "candle_file_turn", "candle_file_id"
_PREVIEW, _IMPORTING = "candle_preview", "candles_importing"


@dataclass(frozen=True, slots=True)
class _Choice:
    """Under which name the candles of a file go into the store."""

    file_id: str
    pair: str
    timeframe: str
    splits: tuple[PriceSplit, ...] = ()


def candles_part() -> None:
    """Draws the part."""
    turn = st.session_state.setdefault(_TURN, 0)
    meant = meant_series()
    label = "A file of candles" if meant is None else f"A file of candles to append to {' '.join(meant)}"
    file = st.file_uploader(label, type=_TYPES, key=f"candle_file {turn}")
    _let_go_of_others(None if file is None else file.file_id)
    if file is None:
        _say_what_is_read()
        return
    task = background(("read", file.file_id), read_upload, workspace(), file.name, file.getvalue())
    try:
        source = result_or_progress(task, f"Reading {file.name}")
    except CandleloopError as exc:
        st.error(in_words(exc), icon=":material/block:")
        return
    if source is not None:
        _preview(source, file.file_id)


def _let_go_of_others(file_id: str | None) -> None:
    """Frees the candles of a file that was shown before this one."""
    before = st.session_state.get(_FILE)
    if before not in (None, file_id):
        forget(("read", before))
        st.session_state.pop(_PREVIEW, None)
    st.session_state[_FILE] = file_id


def _say_what_is_read() -> None:
    st.caption(
        "A header with time, open, high, low, close and perhaps volume, in any common spelling. Times as "
        "Unix time or ISO 8601; without a zone they are UTC. Nothing is stored before you have seen what "
        "the file holds."
    )


def _preview(source: SourceFile, file_id: str) -> None:
    form, chart = st.columns([1, 1.7], gap="large")
    if source.raw is None:
        with form:
            _file_words(source)
        _refused_file(source)
        return
    with form:
        _file_words(source)
        pair, timeframe = _name_fields(source, file_id)
    if not pair:
        with form:
            st.button(
                "Import", type="primary", icon=":material/database_upload:", disabled=True, width="stretch"
            )
            st.caption("Give the symbol to go on.")
        return
    found = _previewed(source, _Choice(file_id, pair, timeframe))
    splits: tuple[PriceSplit, ...] = ()
    with form:
        if found.report is not None and found.report.splits:
            splits = split_choice(found.report.splits, key=f"splits {file_id}")
    choice = _Choice(file_id, pair, timeframe, splits)
    found = _previewed(source, choice)
    with form:
        _import_button(source, choice, found)
    with chart:
        show_refusals(source, found)
        if found.candles is not None:
            st.plotly_chart(
                candles_figure(found.candles, found.gaps),
                key="data_preview",
                config={"displayModeBar": False},
            )
    _report(source, found)


def _file_words(source: SourceFile) -> None:
    rows = "" if source.raw is None else f" · {count(len(source.raw.frame), 'row')}"
    st.markdown(f"**{source.name}** · {file_size(source.size_bytes)}{rows}")


def _refused_file(source: SourceFile) -> None:
    st.error(str(source.refusal), icon=":material/block:")
    if source.refusal is not None and source.refusal.others:
        for other in source.refusal.others:
            st.error(str(other), icon=":material/block:")
        st.caption(
            "One cell a column is named. What the gate says of the candles follows once all can be read."
        )
    if source.around is not None and source.refusal is not None:
        st.caption("The rows around it, as they are written")
        show_rows(source.around, marked=source.refusal.row)
    elif source.head.rows:
        st.caption("The first rows, as they are written")
        show_rows(source.head)


def _name_fields(source: SourceFile, file_id: str) -> tuple[str, str]:
    meant = meant_series()
    guessed = (source.pair or "", source.timeframe or "1h") if meant is None else meant
    left, right = st.columns([1.4, 1])
    pair = left.text_input(
        "Pair", guessed[0], max_chars=64, placeholder="EURUSD", key=f"pair {file_id} {meant}"
    )
    names = list(SECONDS)
    timeframe = right.selectbox(
        "Timeframe", names, index=names.index(guessed[1]), key=f"timeframe {file_id} {meant}"
    )
    if meant is not None and source.pair not in (None, meant[0]):
        st.caption(f"Mind the name: the file's says {source.pair}.")
    named = named_timeframe(source.name)
    if None not in (named, source.timeframe) and named != source.timeframe:
        st.caption(f"Mind the name: the file's says {named}, its candles are {source.timeframe} apart.")
    return pair.strip(), timeframe


def _previewed(source: SourceFile, choice: _Choice) -> ImportPreview:
    """The preview, computed once a choice and version of the stored series."""
    assert source.raw is not None, "only a file that was read is previewed"
    try:
        version = workspace().candles.version(choice.pair, choice.timeframe)
    except NotFound:
        version = ""
    kept: dict[Any, ImportPreview] = st.session_state.setdefault(_PREVIEW, {})
    if (choice, version) not in kept:
        if len(kept) > 1:
            kept.clear()
        try:
            kept[choice, version] = preview_import(
                workspace(), source.raw, pair=choice.pair, timeframe=choice.timeframe, splits=choice.splits
            )
        except InvalidCandles as exc:
            return ImportPreview((exc,))
    return kept[choice, version]


def _import_button(source: SourceFile, choice: _Choice, found: ImportPreview) -> None:
    changes = found.comparison
    nothing = changes is not None and not (changes.report.added or changes.report.changed)
    importing = st.session_state.get(_IMPORTING) == choice
    pressed = st.button(
        "Import" if changes is None else _doing(changes),
        type="primary",
        icon=":material/database_upload:",
        disabled=bool(found.refusals) or nothing or importing,
        width="stretch",
    )
    if pressed or importing:
        st.session_state[_IMPORTING] = choice
        _import(source, choice)
    if found.refusals:
        st.caption("Nothing can be stored before what the report refuses is put right.")
    elif nothing:
        st.caption("All of this is stored already.")


def _doing(changes: Comparison) -> str:
    """What pressing the button does."""
    report = changes.report
    if changes.stored is None:
        return f"Import {count(report.added, 'candle')}"
    if not report.changed:
        return f"Append {count(report.added, 'candle')}"
    added = f"Append {count(report.added, 'candle')} and change" if report.added else "Change"
    return f"{added} {count(report.changed, 'stored candle')}"


def _import(source: SourceFile, choice: _Choice) -> None:
    key = ("import", choice)
    task = background(
        key,
        store_candles,
        workspace(),
        source.raw,
        pair=choice.pair,
        timeframe=choice.timeframe,
        splits=choice.splits,
    )
    if task.done:
        forget(key)
        st.session_state.pop(_IMPORTING, None)
    done = result_or_progress(task, "Importing")
    if done is not None:
        _finish(done, choice)


def _finish(done: CandleImport, choice: _Choice) -> None:
    assert done.merged is not None, "an import merges"
    merged = done.merged
    say(
        f"{choice.pair} {choice.timeframe}: {merged.added:,} candles added, {merged.changed:,} changed, "
        f"{merged.unchanged:,} as they were, {merged.total:,} in all."
    )
    _let_go_of_others(None)
    st.session_state[_TURN] += 1
    show_series(choice.pair, choice.timeframe)
    go_to("Series")


def _report(source: SourceFile, found: ImportPreview) -> None:
    assert source.raw is not None, "only a file that was read has a report"
    report, rows = st.columns([1, 1.7], gap="large")
    with report:
        st.subheader("What the gate says")
        show_findings(source.raw, found)
    with rows:
        st.subheader("What was understood")
        if source.head.rows:
            show_rows(source.head, headers=source.raw.headers)
        else:
            show_candles(rows_near(source.raw, 1))
        if found.comparison is not None and len(found.comparison.changed_times):
            st.subheader("What would change")
            show_changes(found.comparison, found.candles)
