"""What a session looks at on Disagreements: the comparison, the rows that pass, and the selected one."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from app.background import Task, background, forget
from app.disagreements.words import key_of
from app.session import comparisons, predictor, stored_candles, workspace
from mllib.disagreement import Summary
from mllib.pipeline.comparisons import Comparison, sweep_all
from mllib.pipeline.disagreement_notes import notes_on
from mllib.pipeline.disagreements import Disagreement, Wanted, kinds_wanted, newest_first, summary
from mllib.pipeline.model_history import list_models
from mllib.pipeline.span_layers import LayerName
from mllib.pipeline.sweeps import sweep_series
from mllib.store import Run

VERSIONS = "versions"
LAYERS: dict[str, tuple[LayerName, LayerName]] = {
    "human,model": ("human", "model"),
    "human,talib": ("human", "talib"),
    "talib,model": ("talib", "model"),
}
MOST_ROWS = 500
TABLE = "differ_table"
_SELECTED = "differ_selected"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What passes the filters: the rows of the table, how many there are in all, the summary, and in `notes`
    why a layer says nothing.
    """

    comparison: Comparison
    notes: list[str]
    wanted: Wanted
    shown: list[Disagreement]
    total: int
    summary: Summary


def begin(names: Sequence[str]) -> None:
    """Sets up what this session has not chosen yet, from the address where it says so."""
    state, query = st.session_state, st.query_params
    _choose("differ_series", names, query.get("series"))
    first = "human,model" if predictor() is not None else "human,talib"
    _choose("differ_compare", [*LAYERS, VERSIONS], query.get("compare", first))
    for key, value in {
        "differ_labels": [],
        "differ_least": 0.0,
        "differ_bars": 0,
        "differ_open": True,
    }.items():
        state.setdefault(key, value)
    if "at" in query:
        state.setdefault(_SELECTED, query["at"])


def versions() -> list[Run]:
    """The runs whose versions can be compared, newest first, where that is what is looked at."""
    if not compares_versions():
        return []
    found = [one.run for one in list_models(workspace()) if one.run.model_version is not None]
    numbers = [str(run.model_version) for run in found]
    model = predictor()
    _choose("differ_after", numbers, None if model is None else model.info.model_version)
    others = [number for number in numbers if number != st.session_state.differ_after]
    earlier = [number for number in others if int(number) < int(st.session_state.differ_after)]
    _choose("differ_before", numbers, next(iter(earlier or others), None))
    return found


def _choose(key: str, options: Sequence[str], asked: str | None) -> None:
    if st.session_state.get(key) not in options:
        st.session_state[key] = asked if asked in options else next(iter(options), None)


def series() -> tuple[str, str]:
    """The pair and timeframe that is looked at."""
    pair, timeframe = st.session_state.differ_series.rsplit(" ", 1)
    return pair, timeframe


def compares_versions() -> bool:
    """Whether two versions are compared, and not two layers."""
    return bool(st.session_state.differ_compare == VERSIONS)


def compared(versions: Sequence[Run]) -> Comparison | Task[object]:
    """The comparison that is chosen, or the work that makes it possible.

    Raises:
        CandleloopError: it cannot be made.
    """
    found = _made(versions)
    if found is not None:
        return found
    pair, timeframe = series()
    where = {"pair": pair, "timeframe": timeframe}
    version = workspace().candles.version(pair, timeframe)
    if compares_versions():
        runs = _chosen(versions)
        key = ("sweeps", workspace().home, version, *where.values(), *(run.run_id for run in runs))
        task = background(key, sweep_all, workspace(), stored_candles(), runs, long=True, **where)
    else:
        model = predictor()
        key = ("sweep", workspace().home, version, *where.values(), model.info.run_id)
        task = background(key, sweep_series, workspace(), stored_candles(), model, long=True, **where)
    if task.done:
        forget(key)
        if task.error is not None:
            raise task.error
        found = _made(versions)
    return task if found is None else found


def _made(versions: Sequence[Run]) -> Comparison | None:
    pair, timeframe = series()
    if compares_versions():
        before, after = _chosen(versions)
        return comparisons().of_versions(before, after, pair=pair, timeframe=timeframe)
    between = LAYERS[st.session_state.differ_compare]
    return comparisons().of_layers(between, predictor(), pair=pair, timeframe=timeframe)


def _chosen(versions: Sequence[Run]) -> tuple[Run, Run]:
    by_number = {str(run.model_version): run for run in versions}
    return by_number[st.session_state.differ_before], by_number[st.session_state.differ_after]


def rows(comparison: Comparison, kinds: Sequence[str]) -> Rows:
    """What passes the filters, worked out again only when they or the comparison change."""
    state = st.session_state
    wanted = Wanted(
        kinds=tuple(sorted(kinds)),
        labels=tuple(sorted(state.differ_labels)) or None,
        least_bars=state.differ_bars,
        least_confidence=state.differ_least,
        judged=False if state.differ_open else None,
    )
    known: Rows | None = state.get("differ_rows")
    if known is None or known.comparison is not comparison or known.wanted != wanted:
        passing = newest_first(comparison.found, wanted)
        told = summary(comparison.found, wanted)
        is_new = known is None or known.comparison is not comparison
        notes = _notes(comparison) if is_new else known.notes
        known = Rows(comparison, notes, wanted, passing[:MOST_ROWS], len(passing), told)
        state.differ_rows = known
    return known


def _notes(comparison: Comparison) -> list[str]:
    model = comparison.layers.get("model")
    predicted = None if model is None else model.spans
    return notes_on(workspace(), comparison.history, comparison.between, predicted=predicted)


def usual_kinds() -> frozenset[str]:
    """The kinds that are shown unless others are chosen."""
    return kinds_wanted([], versions=compares_versions())


def selected(shown: Sequence[Disagreement]) -> Disagreement | None:
    """The row that the next verdict is about: the chosen one, or the first."""
    by_key = {key_of(one): one for one in shown}
    found = by_key.get(st.session_state.get(_SELECTED) or "")
    if found is None and shown:
        found = shown[0]
        st.session_state[_SELECTED] = key_of(found)
    return found


def select(key: str | None) -> None:
    """Makes the row of that key the selected one, where there is one."""
    known: Rows | None = st.session_state.get("differ_rows")
    if known is not None and any(key_of(one) == key for one in known.shown):
        st.session_state[_SELECTED] = key


def select_in_table(shown: Sequence[Disagreement]) -> None:
    """Takes over which row of the table was clicked."""
    chosen = st.session_state[TABLE]["selection"]
    at = [row for row, _ in chosen["cells"]] or chosen["rows"]
    if at and at[0] < len(shown):
        st.session_state[_SELECTED] = key_of(shown[at[0]])


def step(shown: Sequence[Disagreement], by: int) -> None:
    """Selects the next row, or the one before."""
    keys = [key_of(one) for one in shown]
    at = keys.index(st.session_state[_SELECTED]) if st.session_state.get(_SELECTED) in keys else 0
    st.session_state[_SELECTED] = keys[(at + by) % len(keys)]


def is_selected(one: Disagreement) -> bool:
    """Whether it is the row that the next verdict is about."""
    return bool(key_of(one) == st.session_state.get(_SELECTED))


def select_after(one: Disagreement, shown: Sequence[Disagreement]) -> None:
    """Selects the row after one that leaves the table, or before it where it was the last."""
    keys = [key_of(row) for row in shown]
    at = keys.index(key_of(one))
    others = [*keys[at + 1 :], *keys[:at][::-1]]
    st.session_state[_SELECTED] = others[0] if others else None


def go_to(name: str, key: str) -> None:
    """Opens a series at the row of that key."""
    st.session_state.differ_series, st.session_state[_SELECTED] = name, key


def remember() -> None:
    """Writes the place into the address, so that a reload comes back to it."""
    state = st.session_state
    place = {
        "series": state.differ_series,
        "compare": state.differ_compare,
    }
    if state.get(_SELECTED):
        place["at"] = state[_SELECTED]
    st.query_params.update(place)
