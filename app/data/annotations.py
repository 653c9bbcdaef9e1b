"""The part of the Data page that imports annotations: what a file holds, what it would change, then store."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app.background import background, forget, result_or_progress
from app.data.state import go_to, meant_series, open_part, say
from app.failures import in_words
from app.session import workspace
from app.words import candle_time, count, day, label_words
from mllib.annotation_files import AnnotationFile, parse_annotations
from mllib.candle_archive import SeriesInfo
from mllib.errors import CandleloopError
from mllib.pipeline.importing import AnnotationPreview, Chart, import_read, preview_annotations
from mllib.series_guess import guess_pair
from mllib.timeframes import parse_timeframe

_TURN = "annotation_file_turn"
_ALL, _NONE, _RANGE = "all of it", "nothing", "a range"
_MOST_CONFLICTS = 100


def annotations_part() -> None:
    """Draws the part."""
    stored = workspace().candles.list(on_damaged=lambda *_: None)
    if not stored:
        st.info("Annotations lie on candles. Import the candles first.", icon=":material/database:")
        st.button("Import candles", on_click=open_part, args=("Import candles",))
        return
    turn = st.session_state.setdefault(_TURN, 0)
    file = st.file_uploader("An export of annotations", type=["json", "csv"], key=f"annotation_file {turn}")
    if file is None:
        st.caption(
            "The annotation tool's JSON export, or one of its CSVs: a row a span, a candle with tags, a "
            "window or a point. Nothing is stored before you have seen what the file holds."
        )
        return
    task = background(("annotations", file.file_id), parse_annotations, file.getvalue(), file.name)
    try:
        read = result_or_progress(task, f"Reading {file.name}")
        if read is not None:
            _preview(read, file.name, file.file_id, stored)
    except CandleloopError as exc:
        st.error(in_words(exc), icon=":material/block:")


def _preview(read: AnnotationFile, name: str, file_id: str, stored: Sequence[SeriesInfo]) -> None:
    form, found = st.columns([1, 1.7], gap="large")
    with form:
        st.markdown(f"**{name}** · {count(len(read.annotations), 'annotation')}")
        chart = _chart(read, name, stored)
        if chart is None:
            st.caption("Choose the last day too.")
            return
        update = st.toggle(
            "Let the file win where an id is stored with other content",
            help="What it replaces is kept as history. Otherwise what is stored stays.",
        )
    with found:
        preview = preview_annotations(workspace(), read, chart=chart, update=update)
        _counts(preview, chart.timeframe)
    with form:
        _import_button(read, chart, preview, update=update, file_id=file_id)


def _chart(read: AnnotationFile, name: str, stored: Sequence[SeriesInfo]) -> Chart | None:
    """Whose annotations they are, or None before a range has both of its ends."""
    names = [f"{one.pair} {one.timeframe}" for one in stored]
    at = st.selectbox(
        "On the candles of",
        range(len(names)),
        index=_likely(name, stored),
        format_func=names.__getitem__,
    )
    info = stored[at]
    kind = st.segmented_control(
        "Looked at in full",
        [_ALL, _NONE, _RANGE],
        default=_ALL if read.annotations else _NONE,
        required=True,
        help="Where someone has looked in full, the absence of a span teaches that no pattern is there.",
    )
    reviewed = _reviewed(kind, info)
    return None if reviewed is None else Chart(info.pair, info.timeframe, reviewed)


def _reviewed(kind: str, info: SeriesInfo) -> str | None:
    if kind != _RANGE:
        return {_ALL: "all", _NONE: "none"}[kind]
    first, last = (pd.Timestamp(time, unit="s").date() for time in (info.first_time, info.last_time))
    chosen = st.date_input("From and to, UTC", (first, last), min_value=first, max_value=last)
    ends = chosen if isinstance(chosen, tuple) else (chosen,)
    return None if len(ends) < 2 else f"{ends[0].isoformat()}..{ends[1].isoformat()}"


def _likely(name: str, stored: Sequence[SeriesInfo]) -> int:
    """Which series is meant: the one that the part was opened for, else the one in the file's name."""
    meant, pair = meant_series(), guess_pair(name.replace(".annotations", ""))
    fitting = [
        i
        for i, one in enumerate(stored)
        if (one.pair, one.timeframe) == meant or (not meant and one.pair == pair)
    ]
    return fitting[0] if fitting else 0


def _counts(preview: AnnotationPreview, timeframe: str) -> None:
    st.subheader("What is in it")
    sources = sorted({source for counts in preview.counts.values() for source in counts})
    if preview.counts:
        rows = [
            {"label": "nothing there" if label == "O" else label_words(label), **counts}
            for label, counts in preview.counts.items()
        ]
        table = pd.DataFrame(rows)[["label", *sources]]
        words = {source: source.replace("model_", "") for source in sources}
        st.dataframe(table.rename(columns=words), hide_index=True, placeholder="")
    if preview.first_time is not None and preview.last_time is not None:
        first, last = (candle_time(time, timeframe) for time in (preview.first_time, preview.last_time))
        st.markdown(f"From {first} to {last}. {_reviewed_words(preview)}")
    for note in preview.done.notes:
        st.markdown(f":material/info: &nbsp;{note}")
    _conflicts(preview)


def _reviewed_words(preview: AnnotationPreview) -> str:
    ranges = preview.done.reviewed
    if not ranges:
        return "Nothing will count as reviewed."
    labels = sorted({label for part in ranges for label in part.labels})
    return (
        f"Reviewed from {day(ranges[0].start_time)} to {day(ranges[-1].end_time)}: without a span there, "
        f"none of these is there: {', '.join(map(label_words, labels)) or 'no label'}."
    )


def _conflicts(preview: AnnotationPreview) -> None:
    conflicts = preview.done.conflicts
    if not conflicts:
        return
    st.warning(
        f"{count(len(conflicts), 'annotation')} of the file {'is' if len(conflicts) == 1 else 'are'} stored "
        "with other content, and what is stored stays.",
        icon=":material/difference:",
    )
    with st.expander("What differs"):
        for one in conflicts[:_MOST_CONFLICTS]:
            st.markdown(f"- {one.words}")
        if len(conflicts) > _MOST_CONFLICTS:
            st.caption(f"And {len(conflicts) - _MOST_CONFLICTS:,} more.")


def _import_button(
    read: AnnotationFile, chart: Chart, preview: AnnotationPreview, *, update: bool, file_id: str
) -> None:
    outcome = preview.done.outcome
    st.markdown(
        f"**{outcome.added:,}** new, **{outcome.updated:,}** updated, "
        f"**{outcome.unchanged:,}** there already, **{len(preview.done.conflicts):,}** in conflict."
    )
    key = ("store annotations", file_id, chart, update)
    importing = st.session_state.get("annotations_importing") == key
    if st.button(
        "Import annotations",
        type="primary",
        icon=":material/database_upload:",
        disabled=importing,
        width="stretch",
    ):
        st.session_state["annotations_importing"] = key
        importing = True
    if not importing:
        return
    task = background(key, import_read, workspace(), read, chart=chart, update=update)
    if task.done:
        forget(key)
        st.session_state.pop("annotations_importing")
    if (done := result_or_progress(task, "Storing")) is not None:
        say(
            f"{chart.pair} {parse_timeframe(chart.timeframe)}: {done.outcome.added:,} annotations added, "
            f"{done.outcome.updated:,} updated, {done.outcome.unchanged:,} as they were, "
            f"{len(done.conflicts):,} in conflict left as stored."
        )
        forget(("annotations", file_id))
        st.session_state[_TURN] += 1
        go_to("Series")
