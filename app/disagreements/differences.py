"""What a session looks at on Disagreements, and what its buttons do. What was said is in the store, not here.

Streamlit breaks a callback off at any access to the session's state when the next click comes, so what
belongs to a write to the store is fetched before it and changed in place after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import streamlit as st

from app.background import Task, background, forget
from app.disagreements.words import DONE, key_of, spans_words
from app.failures import errors_shown
from app.session import comparisons, predictor, session_id, stored_candles, workspace
from mllib.disagreement import Summary
from mllib.pipeline.comparisons import Comparison, sweep_all
from mllib.pipeline.disagreements import Disagreement, Wanted, kinds_wanted, newest_first, summary
from mllib.pipeline.model_history import list_models
from mllib.pipeline.resolving import Batch, Decision, can_be, decide, take_back
from mllib.pipeline.span_layers import LayerName
from mllib.pipeline.sweeps import sweep_series
from mllib.store import Run, Verdict

VERSIONS = "versions"
LAYERS: dict[str, tuple[LayerName, LayerName]] = {
    "human,model": ("human", "model"),
    "human,talib": ("human", "talib"),
    "talib,model": ("talib", "model"),
}
MOST_ROWS = 500
TABLE = "differ_table"
_SELECTED, _SAID, _ASKED, _TASK = "differ_selected", "differ_said", "differ_asked", "differ_task"
_SHORT_S = 0.25
"""Work that ends within this needs no progress bar."""


@dataclass(frozen=True, slots=True)
class Said:
    """Verdicts of this session that can be taken back at once."""

    verdict_ids: tuple[str, ...]
    words: str
    key: str
    series: str


@dataclass(slots=True)
class AllSaid:
    """What this session said that can be taken back, and how often it took something back."""

    batches: list[Said] = field(default_factory=list)
    taken_back: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """A decision on many rows that has to be confirmed; its id makes a second click harmless."""

    id: str
    decision: Decision
    rows: tuple[Disagreement, ...]
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What passes the filters: the rows of the table, how many there are in all, and the summary."""

    comparison: Comparison
    wanted: Wanted
    shown: list[Disagreement]
    total: int
    summary: Summary


def begin(names: Sequence[str]) -> None:
    """Sets up what this session has not chosen yet, from the address where it says so."""
    state, query = st.session_state, st.query_params
    state.setdefault("annotator", query.get("annotator", ""))
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
    state.setdefault(_SAID, AllSaid())
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
        known = Rows(comparison, wanted, passing[:MOST_ROWS], len(passing), told)
        state.differ_rows = known
    return known


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


def annotator() -> str | None:
    """Who judges, or None where no name was given."""
    return (st.session_state.get("annotator") or "").strip() or None


@errors_shown()
def judge(
    decision: Decision, one: Disagreement, shown: Sequence[Disagreement], comparison: Comparison
) -> None:
    """Records a verdict on the selected row and steps on to the next one."""
    state = st.session_state
    if key_of(one) != state.get(_SELECTED):
        return  # drawn before the selection moved on, as by a double click
    said = _said()
    batch = _batch(f"{session_id()} {said.taken_back} {decision}", comparison)
    name = state.differ_series
    verdicts = decide(workspace(), [one], decision, batch=batch)
    _note(said, verdicts, f"{DONE[decision]} {spans_words([one])}", key_of(one), name)
    if state.differ_open:
        _select_after(one, shown)


def ask(decision: Decision, shown: Sequence[Disagreement]) -> None:
    """Asks whether all rows shall be judged so."""
    those = tuple(one for one in shown if can_be(one, decision))
    st.session_state[_ASKED] = Question(uuid4().hex, decision, those, spans_words(those))


def question() -> Question | None:
    """What waits for an answer."""
    asked: Question | None = st.session_state.get(_ASKED)
    return asked


def leave() -> None:
    """Judges nothing."""
    st.session_state[_ASKED] = None


def judge_all(asked: Question, comparison: Comparison) -> None:
    """Records the decision on every row, beside the page where that takes long."""
    state = st.session_state
    words = f"{DONE[asked.decision]} {asked.words}"
    work = _Work(words, key_of(asked.rows[0]), state.differ_series, asked)
    batch = _batch(asked.id, comparison)
    task = background(("decide", asked.id), decide, workspace(), asked.rows, asked.decision, batch=batch)
    state[_ASKED] = None
    state[_TASK] = (work, task)
    task.wait(_SHORT_S)


@dataclass(frozen=True, slots=True)
class _Work:
    """A batch under way; without a question, one that is taken back."""

    words: str
    key: str
    series: str
    asked: Question | None = None


def under_way() -> Task[list[Verdict] | None] | None:
    """The batch that is being recorded or taken back; once it has ended its outcome is noted.

    Raises:
        CandleloopError: it failed. It is asked again: a batch that is repeated stores nothing twice.
    """
    state = st.session_state
    if state.get(_TASK) is None:
        return None
    work, task = state[_TASK]
    if not task.done:
        return task
    said = _said()
    state[_TASK] = None
    if task.error is not None:
        state[_ASKED] = work.asked
        raise task.error
    if work.asked is not None:
        _note(said, task.result or [], work.words, work.key, work.series)
        st.toast(f"{work.words}.")
    return None


@errors_shown()
def undo() -> None:
    """Takes back what this session said last, and returns to it."""
    state = st.session_state
    if not undo_depth() or state.get(_TASK) is not None:
        return
    said = _said()
    last = said.batches[-1]
    key = f"undo {uuid4().hex}"
    task = background(key, take_back, workspace(), last.verdict_ids, annotator=annotator())
    said.batches.pop()
    said.taken_back += 1
    state[_TASK] = (_Work(last.words, last.key, last.series), task)
    state.differ_series, state[_SELECTED] = last.series, last.key
    task.wait(_SHORT_S)


def undo_depth() -> int:
    """How many decisions of this session can be taken back."""
    return len(_said().batches)


def last_words() -> str:
    """What an undo would take back."""
    return _said().batches[-1].words if _said().batches else ""


def remember() -> None:
    """Writes the place into the address, so that a reload comes back to it."""
    state = st.session_state
    place = {
        "series": state.differ_series,
        "compare": state.differ_compare,
        "annotator": state.annotator or "",
    }
    if state.get(_SELECTED):
        place["at"] = state[_SELECTED]
    st.query_params.update(place)


def _said() -> AllSaid:
    said: AllSaid = st.session_state[_SAID]
    return said


def _note(said: AllSaid, verdicts: Sequence[Verdict], words: str, key: str, name: str) -> None:
    """Remembers verdicts for an undo, unless a click that came twice has done so."""
    ids = tuple(one.id for one in verdicts)
    if ids and all(ids != batch.verdict_ids for batch in said.batches):
        said.batches.append(Said(ids, words, key, name))


def _batch(name: str, comparison: Comparison) -> Batch:
    pair, timeframe = series()
    return Batch(
        id=name,
        pair=pair,
        timeframe=timeframe,
        model_version=comparison.model_version,
        annotator=annotator(),
    )


def _select_after(one: Disagreement, shown: Sequence[Disagreement]) -> None:
    keys = [key_of(row) for row in shown]
    at = keys.index(key_of(one))
    others = [*keys[at + 1 :], *keys[:at][::-1]]
    st.session_state[_SELECTED] = others[0] if others else None
