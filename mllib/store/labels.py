"""Label definitions: the colour and the shortcut key of each label, and what became of it."""

from builtins import list as list_  # `list` is a method's name here
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, cast

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import Conflict, InvalidAnnotations, NotFound
from mllib.spans import NOTHING
from mllib.store import tables
from mllib.store.database import Database, now_s, upsert
from mllib.store.engines import by_code_point
from mllib.store.label_names import LabelNames, label_names
from mllib.store.palette import free_key, next_color

ChangeKind = Literal["rename", "merge", "retire", "restore", "recolor"]


@dataclass(frozen=True, slots=True)
class LabelDefinition:
    """A label with its `#rrggbb` colour and its shortcut key, if it has one.

    `leads_to` is the label that it was renamed to or merged into; `retired` says that it, or that one, is
    not used any more.
    """

    name: str
    color: str
    key: str | None
    created_at: int
    leads_to: str | None = None
    retired: bool = False

    @property
    def is_offered(self) -> bool:
        """Whether annotators may still give it."""
        return self.leads_to is None and not self.retired


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One fact about a label; `value` is where a rename or merge leads, or the colour before a new one."""

    name: str
    kind: ChangeKind
    value: str | None
    created_at: int


class LabelRepository:
    """Gives labels a colour and a key, and remembers what became of them; no change is ever forgotten."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, names: Iterable[str]) -> list_[LabelDefinition]:
        """The definitions of `names` in their order, made for those unseen; `O` is no label and left out."""
        wanted = [name for name in dict.fromkeys(names) if name != NOTHING]
        with self._database.write() as session:
            known = {definition.name: definition for definition in _all(session)}
            for name in wanted:
                if name not in known:
                    known[name] = _new(name, known.values())
                    _insert(session, known[name])
        return [known[name] for name in wanted]

    def add(self, name: str, *, color: str | None = None, key: str | None = None) -> LabelDefinition:
        """A new label; without a colour it gets the next of its family, without a key a free digit.

        Raises:
            InvalidAnnotations: the name is empty or `O`.
            Conflict: the name or the key is taken.
        """
        with self._database.write() as session:
            known = _all(session)
            _require_new(name, known)
            _require_free_key(name, key, known)
            made = _new(name, known)
            made = replace(made, color=color or made.color, key=key or made.key)
            _insert(session, made)
        return made

    def recolor(self, name: str, color: str) -> LabelDefinition:
        """The label in another colour; the one before is remembered.

        Raises:
            NotFound: no label has that name.
        """
        with self._database.write() as session:
            known = _require(name, session)
            _record(session, name, "recolor", known.color)
            session.execute(
                update(tables.LabelDefinition)
                .where(col(tables.LabelDefinition.name) == name)
                .values(color=color)
            )
        return replace(known, color=color)

    def set_key(self, name: str, key: str | None) -> LabelDefinition:
        """The label with another shortcut key, or (None) without one; keys leave no trace in its history.

        Raises:
            NotFound: no label has that name.
            Conflict: the key is another label's, or the label is not in use any more.
        """
        with self._database.write() as session:
            known = _require_offered(name, session, "get a key")
            _require_free_key(name, key, _all(session))
            table = tables.LabelDefinition
            session.execute(update(table).where(col(table.name) == name).values(key=key))
        return replace(known, key=key)

    def rename(self, name: str, to: str) -> LabelDefinition:
        """The label under a new name, with its colour and key; what was written under the old one follows.

        Raises:
            NotFound: no label has that name.
            Conflict: it is not in use any more, or the new name is taken.
            InvalidAnnotations: the new name is empty or `O`.
        """
        with self._database.write() as session:
            known = _require_offered(name, session, "be renamed")
            _require_new(to, _all(session), hint=f"Merge {name} into {to}")
            table = tables.LabelDefinition
            session.execute(update(table).where(col(table.name) == name).values(key=None))
            made = replace(known, name=to, created_at=now_s())
            _insert(session, made)
            _record(session, name, "rename", to)
        return made

    def merge(self, name: str, into: str) -> LabelDefinition:
        """The label `into`, which now is also what was written as `name`; its key becomes free.

        Raises:
            NotFound: either is unknown.
            Conflict: either is not in use any more, or both are one.
        """
        with self._database.write() as session:
            target = _require_offered(into, session, f"take in {name}")
            _require_offered(name, session, "be merged")
            if name == into:
                raise Conflict(
                    f"Label {name} cannot be merged: found itself as the target, expected another label. "
                    "Name the label that stays."
                )
            table = tables.LabelDefinition
            session.execute(update(table).where(col(table.name) == name).values(key=None))
            _record(session, name, "merge", into)
        return target

    def retire(self, name: str) -> None:
        """Take a label out of use: its annotations stay, but nobody learns from them or is offered it.

        Raises:
            NotFound: no label has that name.
            Conflict: it is not in use any more.
        """
        with self._database.write() as session:
            _require_offered(name, session, "be retired")
            _record(session, name, "retire", None)

    def restore(self, name: str) -> LabelDefinition:
        """Take back the retirement, renaming or merging of a label: it stands for itself again.

        Raises:
            NotFound: no label has that name.
            Conflict: it is in use.
        """
        with self._database.write() as session:
            known = _require(name, session)
            names = label_names(session)
            if name not in names.leads_to and name not in names.retired_names:
                raise Conflict(
                    f"Label {name} cannot be restored: found it in use, expected a retired, renamed or "
                    "merged one. `candleloop labels list --all` shows them."
                )
            _record(session, name, "restore", None)
        return replace(known, leads_to=None, retired=False)

    def list(self) -> list_[LabelDefinition]:
        """Every label that ever was, oldest first; `is_offered` says which are in use."""
        with self._database.read() as session:
            return _all(session)

    def colors(self) -> dict[str, str]:
        """The `#rrggbb` colour of every label that ever was, in one short query: pages ask each time."""
        table = tables.LabelDefinition
        with self._database.read() as session:
            rows = session.execute(select(col(table.name), col(table.color)))
            return {row.name: row.color for row in rows}

    def names(self) -> LabelNames:
        """Which label each written name stands for now."""
        with self._database.read() as session:
            return label_names(session)

    def changes(self) -> list_[LabelChange]:
        """All that became of labels, oldest first."""
        table = tables.LabelChange
        columns = (col(table.name), col(table.kind), col(table.value), col(table.created_at))
        with self._database.read() as session:
            rows = session.execute(select(*columns).order_by(col(table.id)))
            return [LabelChange(name, cast(ChangeKind, kind), to, at) for name, kind, to, at in rows]


def _new(name: str, known: Iterable[LabelDefinition]) -> LabelDefinition:
    others = list(known)
    color = next_color(name, [other.color for other in others])
    return LabelDefinition(name, color, free_key(other.key for other in others), now_s())


def _insert(session: Session, label: LabelDefinition) -> None:
    row = upsert(session, tables.LabelDefinition).values(
        name=label.name, color=label.color, key=label.key, created_at=label.created_at
    )
    session.execute(row.on_conflict_do_nothing(index_elements=["name"]))


def _all(session: Session) -> list_[LabelDefinition]:
    table = tables.LabelDefinition
    names = label_names(session)
    rows = session.execute(
        select(col(table.name), col(table.color), col(table.key), col(table.created_at)).order_by(
            col(table.created_at), by_code_point(col(table.name))
        )
    )
    return [
        LabelDefinition(name, color, key, created_at, names.leads_to.get(name), names.is_retired(name))
        for name, color, key, created_at in rows
    ]


def _record(session: Session, name: str, kind: ChangeKind, value: str | None) -> None:
    session.execute(
        insert(tables.LabelChange), [{"name": name, "kind": kind, "value": value, "created_at": now_s()}]
    )


def _require(name: str, session: Session) -> LabelDefinition:
    known = {definition.name: definition for definition in _all(session)}
    if name not in known:
        used = ", ".join(one.name for one in known.values() if one.is_offered) or "(none)"
        raise NotFound(f"Label {name}: found no such label, expected one of {used}. Correct the name.")
    return known[name]


def _require_offered(name: str, session: Session, what: str) -> LabelDefinition:
    known = _require(name, session)
    if known.is_offered:
        return known
    found = "it retired" if known.leads_to is None else f"that it became {known.leads_to}"
    raise Conflict(
        f"Label {name} cannot {what}: found {found}, expected a label in use. "
        f"Restore it first (`candleloop labels restore {name}`) or name another."
    )


def _require_free_key(name: str, key: str | None, known: Iterable[LabelDefinition]) -> None:
    other = next((one for one in known if one.key == key and one.name != name), None)
    if key is not None and other is not None:
        raise Conflict(
            f"Label {name} cannot have the key {key}: found it at {other.name}, expected a free key. "
            "Choose another key."
        )


def _require_new(name: str, known: Iterable[LabelDefinition], *, hint: str = "Use it as it is") -> None:
    if not name.strip() or name != name.strip() or name == NOTHING:
        raise InvalidAnnotations(
            f"Label {name!r}: found no name for a pattern, expected one without blanks around it, and not "
            f"{NOTHING}, which says that nothing is there. Choose another name."
        )
    taken = next((one for one in known if one.name == name), None)
    if taken is None:
        return
    if taken.is_offered:
        raise Conflict(f"Label {name}: found it in use already, expected a free name. {hint}.")
    became = "retired" if taken.leads_to is None else f"became {taken.leads_to}"
    raise Conflict(
        f"Label {name}: found that it was a label before and {became}, expected a free name. "
        f"Restore it first (`candleloop labels restore {name}`)."
    )
