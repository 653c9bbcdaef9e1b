"""What the buttons of Disagreements do: decisions on one row or on many, and taking them back.

Streamlit breaks a callback off at any access to the session's state when the next click comes, so what
belongs to a write to the store is fetched before it and changed in place after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

import streamlit as st

from app.annotator import annotator
from app.background import Task, background
from app.disagreements import differences
from app.disagreements.words import DONE, key_of, labels_words, spans_words
from app.failures import errors_shown
from app.session import session_id, workspace
from mllib.pipeline.comparisons import Comparison
from mllib.pipeline.disagreements import Disagreement
from mllib.pipeline.resolving import Batch, Decision, bring_back, can_be, decide, remove, take_back
from mllib.pipeline.span_edits import SpanEdits
from mllib.store import Verdict

_SAID, _ASKED, _TASK = "differ_said", "differ_asked", "differ_task"
_SHORT_S = 0.25
"""Work that ends within this needs no progress bar."""


@dataclass(frozen=True, slots=True)
class Said:
    """Said at once, and what takes it back: the verdicts, or people's spans that were removed."""

    words: str
    key: str
    series: str
    verdict_ids: tuple[str, ...] = ()
    removed: SpanEdits | None = None


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


@dataclass(frozen=True, slots=True)
class _Work:
    """A batch under way; without a question, one that is taken back."""

    said: Said
    asked: Question | None = None


@errors_shown()
def judge(
    decision: Decision, one: Disagreement, shown: Sequence[Disagreement], comparison: Comparison
) -> None:
    """Records a verdict on the selected row and steps on to the next one."""
    if not differences.is_selected(one):
        return  # drawn before the selection moved on, as by a double click
    said, state = _said(), st.session_state
    batch = _batch(f"{session_id()} {said.taken_back} {decision}", comparison)
    about = Said(f"{DONE[decision]} {spans_words([one])}", key_of(one), state.differ_series)
    verdicts = decide(workspace(), [one], decision, batch=batch)
    _note(said, verdicts, about)
    if state.differ_open:
        differences.select_after(one, shown)


@errors_shown()
def remove_span(one: Disagreement, shown: Sequence[Disagreement]) -> None:
    """Deletes what only people say and steps on to the next row."""
    if not differences.is_selected(one):
        return
    said, name, who = _said(), st.session_state.differ_series, annotator()
    pair, timeframe = differences.series()
    removed = remove(workspace(), one, pair=pair, timeframe=timeframe, annotator=who)
    said.batches.append(Said(f"Removed {labels_words(one)}", key_of(one), name, removed=removed))
    differences.select_after(one, shown)


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
    said = Said(f"{DONE[asked.decision]} {asked.words}", key_of(asked.rows[0]), state.differ_series)
    batch = _batch(asked.id, comparison)
    task = background(("decide", asked.id), decide, workspace(), asked.rows, asked.decision, batch=batch)
    state[_ASKED] = None
    state[_TASK] = (_Work(said, asked), task)
    task.wait(_SHORT_S)


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
        _note(said, task.result or [], work.said)
        st.toast(f"{work.said.words}.")
    return None


@errors_shown()
def undo() -> None:
    """Takes back what this session said last, and returns to it."""
    state = st.session_state
    if not undo_depth() or state.get(_TASK) is not None:
        return
    said, who = _said(), annotator()
    last = said.batches[-1]
    key = f"undo {uuid4().hex}"
    if last.removed is not None:
        task = background(key, bring_back, workspace(), last.removed)
    else:
        task = background(key, take_back, workspace(), last.verdict_ids, annotator=who)
    said.batches.pop()
    said.taken_back += 1
    state[_TASK] = (_Work(last), task)
    differences.go_to(last.series, last.key)
    task.wait(_SHORT_S)


def undo_depth() -> int:
    """How many decisions of this session can be taken back."""
    return len(_said().batches)


def last_words() -> str:
    """What an undo would take back."""
    return _said().batches[-1].words if _said().batches else ""


def _said() -> AllSaid:
    said: AllSaid = st.session_state.setdefault(_SAID, AllSaid())
    return said


def _note(said: AllSaid, verdicts: Sequence[Verdict], about: Said) -> None:
    """Remembers verdicts for an undo, unless a click that came twice has done so."""
    ids = tuple(one.id for one in verdicts)
    if ids and all(ids != batch.verdict_ids for batch in said.batches):
        said.batches.append(replace(about, verdict_ids=ids))


def _batch(name: str, comparison: Comparison) -> Batch:
    pair, timeframe = differences.series()
    return Batch(
        id=name,
        pair=pair,
        timeframe=timeframe,
        model_version=comparison.model_version,
        annotator=annotator(),
    )
