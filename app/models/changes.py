"""What changed on the chart between two runs: their spans on a series, table beside chart."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import get_args

import pandas as pd
import streamlit as st

from app.background import background, result_or_progress
from app.chart import Layer, Mark, candle_chart, span_mark
from app.session import labels_of_people, stored_candles, workspace
from app.words import candle_time, label_words
from mllib.pipeline.disagreements import (
    USUAL_CHANGES,
    ChangeKind,
    Disagreement,
    Wanted,
    confidence_of,
    newest_first,
)
from mllib.pipeline.run_comparison import RunChanges, name_of, run_changes
from mllib.store import Run

_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
_MOST_LISTED = 200


def changes_view(compared: Sequence[Run], _: Sequence[Run]) -> None:
    """Draws what the last of the runs changes against the first one."""
    able = [run for run in compared if run.predictor_path is not None]
    if len(able) < 2:
        st.info("Tick another run that has a model to see what differs.", icon=":material/compare_arrows:")
        return
    before, after = able[0], able[-1]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pair, timeframe = _choose_series(after)
        labels = _choose_labels(before, after)
        kinds = st.pills(
            "Changes",
            _KINDS,
            selection_mode="multi",
            default=[kind for kind in _KINDS if kind in USUAL_CHANGES],
            key="changes kinds",
            persist_state="session",
        )
    version = workspace().candles.version(pair, timeframe)
    task = background(
        ("changes", str(workspace().home), before.run_id, after.run_id, pair, timeframe, version),
        run_changes,
        workspace(),
        stored_candles(),
        (before, after),
        pair=pair,
        timeframe=timeframe,
        long=True,
    )
    changes = result_or_progress(task, "Comparing both on the whole series")
    if changes is not None:
        _draw(changes, (name_of(before), name_of(after)), Wanted(kinds=kinds, labels=labels or None))


def _choose_series(run: Run) -> tuple[str, str]:
    stored = [(one.pair, one.timeframe) for one in workspace().candles.list()]
    own = (run.request["pairs"][0], run.request["timeframe"])
    at = stored.index(own) if own in stored else 0
    return st.selectbox(
        "Series", stored, index=at, format_func=" ".join, key=f"changes of {run.run_id}", width=200
    )


def _choose_labels(before: Run, after: Run) -> list[str]:
    known = {label for run in (before, after) for label in (run.metrics or {}).get("span_counts", ())}
    first = labels_of_people() & known
    ordered = [*sorted(first), *sorted(known - first)]
    return st.multiselect(
        "Labels",
        ordered,
        default=sorted(first),
        format_func=label_words,
        placeholder="all labels",
        key="changes labels",
        persist_state="session",
    )


def _draw(changes: RunChanges, names: tuple[str, str], wanted: Wanted) -> None:
    shown = newest_first(changes.found, wanted)
    counts = Counter(str(one.kind) for one in changes.found if wanted.holds_place_of(one))
    said = ", ".join(f"{counts[kind]:,} {kind}" for kind in _KINDS)
    st.caption(f"{names[1]} against {names[0]}: {said}.")
    if not shown:
        st.success("Nothing differs here.", icon=":material/check:")
        return
    left, right = st.columns([1, 1.9], gap="medium")
    with left:
        at = _table(shown[:_MOST_LISTED], changes.candles.timeframe)
        if len(shown) > _MOST_LISTED:
            st.caption(f"The newest {_MOST_LISTED} of {len(shown):,}.")
    with right:
        place = shown[at].span
        candle_chart(
            changes.candles,
            _layers(changes, names, wanted),
            key="changes chart",
            focus=(place.start_time, place.end_time),
            height=430,
        )
        st.caption(f"{names[1]} above the candles, {names[0]} below; what both say alike is faint.")


def _table(shown: Sequence[Disagreement], timeframe: str) -> int:
    """Draws the changes; the row that is selected, at first the newest."""
    table = pd.DataFrame(
        [
            {
                "change": one.kind,
                "label": label_words(one.span.label),
                "from": candle_time(one.span.start_time, timeframe),
                "candles off": one.pair.boundary_bars or None,
                "confidence": confidence_of(one),
            }
            for one in shown
        ]
    )
    event = st.dataframe(
        table,
        hide_index=True,
        height=430,
        placeholder="",
        key="changes table",
        on_select="rerun",
        selection_mode="single-row",
        column_config={"confidence": st.column_config.NumberColumn(format="%.2f")},
    )
    rows = [row for row in event.selection.rows if row < len(shown)]
    return rows[0] if rows else 0


def _layers(changes: RunChanges, names: tuple[str, str], wanted: Wanted) -> list[Layer]:
    there = [one for one in changes.found if wanted.holds_place_of(one)]
    return [
        Layer(_marks(there, 0, names[0], changes.candles.timeframe), "dash", 1.5, "below", name=names[0]),
        Layer(_marks(there, 1, names[1], changes.candles.timeframe), "dash", 2.0, "above", name=names[1]),
    ]


def _marks(
    there: Sequence[Disagreement], side: int, who: str, timeframe: str
) -> Callable[[int, int], list[Mark]]:
    """What makes the marks of one run's spans that touch a range of times."""
    sides = [(pair.a, pair.b)[side] for pair in (one.pair for one in there)]
    spans = [(span, one.kind) for span, one in zip(sides, there, strict=True) if span is not None]

    def touching(start_time: int, end_time: int) -> list[Mark]:
        return [
            span_mark(span, who=f"{who}: {kind}", timeframe=timeframe, faint=kind == "kept", key=f"{who} {i}")
            for i, (span, kind) in enumerate(spans)
            if span.end_time >= start_time and span.start_time <= end_time
        ]

    return touching
