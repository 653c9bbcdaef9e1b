"""Annotations that come again with other content, in words."""

from dataclasses import dataclass
from typing import Any

from mllib.annotation_files import exported
from mllib.spans import Annotation
from mllib.store import Contradiction, LabelNames
from mllib.timeframes import iso_utc

_TIMES = ("start_time", "end_time")


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One key of the tool's export with the value that is stored and the one given now."""

    field: str
    stored: Any
    given: Any


@dataclass(frozen=True, slots=True)
class Conflicting:
    """An annotation that is stored with other content; `retracted` says that it was taken back since."""

    id: str
    label: str
    retracted: bool
    differences: tuple[FieldDifference, ...]

    @property
    def words(self) -> str:
        """In one line, such as `a17 (bull_flag): end_time 2017-01-02T10:00:00Z, now 2017-01-02T12:00:00Z`."""
        told = "; ".join(
            f"{one.field} {_said(one.field, one.stored)}, now {_said(one.field, one.given)}"
            for one in self.differences
        )
        taken_back = " (taken back since, so it stays so)" if self.retracted else ""
        return f"{self.id} ({self.label}){taken_back}: {told}"


def conflicting(found: Contradiction, names: LabelNames) -> Conflicting:
    """The keys in which an annotation differs from the stored one; labels by their present names."""
    stored, given = (_content(names.annotation(one)) for one in (found.stored, found.given))
    differences = tuple(
        FieldDifference(key, stored.get(key), given.get(key))
        for key in dict.fromkeys((*stored, *given))
        if stored.get(key) != given.get(key)
    )
    return Conflicting(found.id, stored["label"], found.retracted, differences)


def _content(annotation: Annotation) -> dict[str, Any]:
    return {key: value for key, value in exported(annotation).items() if key not in ("id", "created_at")}


def _said(field: str, value: Any) -> str:
    if value is None:
        return "nothing"
    if field in _TIMES and isinstance(value, int):
        return iso_utc(value)
    return str(value)
