"""Use cases about labels: what there is, and new colours, names and ends for them."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from mllib.datasets.facts import Facts
from mllib.errors import Conflict, InvalidAnnotations, NotFound
from mllib.patterns import function_of
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, Annotation, ReviewedRange
from mllib.store import LabelChange, LabelDefinition, LabelNames

State = Literal["in use", "renamed or merged", "retired"]
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class LabelUse:
    """A label, what became of it, and how many spans of people's and of TA-Lib's count under its name now."""

    definition: LabelDefinition
    people: int
    talib: int

    @property
    def state(self) -> State:
        """In one of three words, for lists."""
        if self.definition.leads_to is not None:
            return "renamed or merged"
        return "retired" if self.definition.retired else "in use"


def list_labels(ws: Workspace, *, every: bool = False) -> list[LabelUse]:
    """The labels in use, oldest first; with `every` also those retired, renamed or merged."""
    people: Counter[str] = Counter()
    for count in ws.store.annotations.counts():
        people[count.label] += count.count if count.source in PEOPLE else 0
    talib: Counter[str] = Counter()
    for count in ws.store.talib.counts():
        talib[count.label] += count.count
    return [
        LabelUse(one, people[one.name], talib[one.name])
        for one in ws.store.labels.list()
        if every or one.is_offered
    ]


def offered_labels(ws: Workspace) -> list[LabelDefinition]:
    """The labels that annotators may give, oldest first."""
    return [one for one in ws.store.labels.list() if one.is_offered]


def add_label(
    ws: Workspace, name: str, *, color: str | None = None, key: str | None = None
) -> LabelDefinition:
    """A new label; a colour and a key are found for it where none is given.

    Raises:
        InvalidAnnotations: the name is none, the colour is not `#rrggbb`, or the key not one character.
        Conflict: the name or the key is taken.
    """
    _check_key(name, key)
    return ws.store.labels.add(name, color=None if color is None else _checked(name, color), key=key)


def set_label_key(ws: Workspace, name: str, key: str | None) -> LabelDefinition:
    """The label with another shortcut key, or (None) without one.

    Raises:
        InvalidAnnotations: the key is not one character.
        NotFound: no label has that name.
        Conflict: the key is another label's, or the label is not in use any more.
    """
    _check_key(name, key)
    return ws.store.labels.set_key(name, key)


def recolor_label(ws: Workspace, name: str, color: str) -> LabelDefinition:
    """The label in another colour.

    Raises:
        InvalidAnnotations: the colour is not `#rrggbb`.
        NotFound: no label has that name.
    """
    return ws.store.labels.recolor(name, _checked(name, color))


def rename_label(ws: Workspace, name: str, to: str) -> LabelDefinition:
    """The label under a new name. Annotations keep what was written; whoever reads them sees the new name.

    Raises:
        NotFound: no label has that name.
        Conflict: it is TA-Lib's or not in use any more, or the new name is taken.
        InvalidAnnotations: the new name is none.
    """
    _refuse_talibs(name, "renamed")
    _refuse_talibs(to, "given to a label of people's")
    return ws.store.labels.rename(name, to)


def merge_label(ws: Workspace, name: str, into: str) -> LabelDefinition:
    """The label `into`, which from now on also is what was written as `name`.

    Raises:
        NotFound: either is unknown.
        Conflict: `name` is TA-Lib's, either is not in use any more, or both are one.
    """
    _refuse_talibs(name, "merged into another")
    return ws.store.labels.merge(name, into)


def label_history(ws: Workspace, name: str | None = None) -> list[LabelChange]:
    """All that became of labels, oldest first: of one name, where it is changed or led to, or of all.

    Raises:
        NotFound: no label has that name.
    """
    changes = ws.store.labels.changes()
    if name is None:
        return changes
    if all(one.name != name for one in ws.store.labels.list()):
        raise NotFound(
            f"Label {name}: found no such label, expected one of `candleloop labels list --all`. "
            "Correct the name."
        )
    return [one for one in changes if one.name == name or (one.kind != "recolor" and one.value == name)]


def present_names(ws: Workspace, labels: Iterable[str]) -> dict[str, str]:
    """What each of a model's labels is called now; retired ones are missing."""
    names = ws.store.labels.names()
    return {label: names.resolve(label) for label in labels if not names.is_retired(label)}


def without_retired(facts: Facts, names: LabelNames) -> Facts:
    """The facts, under present names, without what is said of retired labels.

    A correction to a retired label still denies the prediction that it corrected.
    """
    if not names.retired_names:
        return facts
    kept = (_without_retired(one, names) for one in facts.annotations)
    return replace(
        facts,
        annotations=tuple(one for one in kept if one is not None),
        reviewed=tuple(part for one in facts.reviewed if (part := _in_use(one, names)).labels),
        talib=tuple(one for one in facts.talib if not names.is_retired(one.label)),
    )


def _without_retired(one: Annotation, names: LabelNames) -> Annotation | None:
    judged, parts = one.model_prediction, one.sub_spans
    if judged is not None and names.is_retired(judged.label):
        judged = None
    if one.label == NOTHING:
        return one if judged is one.model_prediction else None
    if names.is_retired(one.label):
        return (
            None if judged is None else replace(one, label=NOTHING, sub_spans=None, model_prediction=judged)
        )
    if parts is not None:
        parts = tuple(part for part in parts if not names.is_retired(part.label)) or None
    return replace(one, model_prediction=judged, sub_spans=parts)


def _in_use(reviewed: ReviewedRange, names: LabelNames) -> ReviewedRange:
    return replace(
        reviewed, labels=frozenset(label for label in reviewed.labels if not names.is_retired(label))
    )


def _check_key(name: str, key: str | None) -> None:
    if key is not None and (len(key) != 1 or not key.isprintable() or key.isspace()):
        raise InvalidAnnotations(
            f"Label {name}: found the key {key!r}, expected one character such as 7 or f. Choose another key."
        )


def _checked(name: str, color: str) -> str:
    if not _COLOR.fullmatch(color):
        raise InvalidAnnotations(
            f"Label {name}: found the colour {color!r}, expected #rrggbb. Write one such as #e4572e."
        )
    return color.lower()


def _refuse_talibs(name: str, what: str) -> None:
    function = function_of(name)
    if function is not None:
        raise Conflict(
            f"Label {name} cannot be {what}: found the name that TA-Lib's {function} gives its spans, "
            "expected a label of people's. Merge yours into it, or retire it "
            f"(`candleloop labels retire {name}`)."
        )
