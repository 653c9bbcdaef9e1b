"""Label definitions: the colour and the shortcut key of each label."""

from builtins import list as list_  # `list` is a method's name here
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import Conflict
from mllib.spans import NOTHING
from mllib.store import tables
from mllib.store.database import Database, now_s, upsert
from mllib.store.palette import free_key, next_color


@dataclass(frozen=True, slots=True)
class LabelDefinition:
    """A label with its `#rrggbb` colour and its shortcut key, if it has one."""

    name: str
    color: str
    key: str | None
    created_at: int


class LabelRepository:
    """Gives labels a colour and a key, and remembers them."""

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
                    _store(session, known[name])
        return [known[name] for name in wanted]

    def define(self, name: str, color: str, key: str | None) -> LabelDefinition:
        """The label with this colour and key, new or changed.

        Raises:
            Conflict: another label has the key.
        """
        try:
            with self._database.write() as session:
                _store(session, LabelDefinition(name, color, key, now_s()))
                return next(one for one in _all(session) if one.name == name)
        except IntegrityError as exc:
            raise Conflict(
                f"Label {name} cannot have the key {key}: found it at another label, expected a free key. "
                "Choose another key, or take it from the other label first."
            ) from exc

    def list(self) -> list_[LabelDefinition]:
        """Every label, oldest first."""
        with self._database.read() as session:
            return _all(session)


def _new(name: str, known: Iterable[LabelDefinition]) -> LabelDefinition:
    others = list(known)
    color = next_color(name, [other.color for other in others])
    return LabelDefinition(name, color, free_key(other.key for other in others), now_s())


def _store(session: Session, label: LabelDefinition) -> None:
    row = upsert(session, tables.LabelDefinition).values(
        name=label.name, color=label.color, key=label.key, created_at=label.created_at
    )
    session.execute(
        row.on_conflict_do_update(index_elements=["name"], set_={"color": label.color, "key": label.key})
    )


def _all(session: Session) -> list_[LabelDefinition]:
    table = tables.LabelDefinition
    rows = session.execute(
        select(col(table.name), col(table.color), col(table.key), col(table.created_at)).order_by(
            col(table.created_at), col(table.name)
        )
    )
    return [LabelDefinition(*row) for row in rows]
