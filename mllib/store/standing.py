"""Which facts stand: conditions that annotations and verdicts were neither taken back nor settled."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import col

from mllib.store import tables


def is_effective() -> ColumnElement[bool]:
    """The condition on `tables.Annotation` that a row is neither retracted, nor settled, nor superseded."""
    later = aliased(tables.Annotation)
    superseded = exists().where(col(later.supersedes) == col(tables.Annotation.id))
    return and_(is_in_force(col(tables.Annotation.id)), ~superseded)


def is_in_force(annotation_id: Any) -> ColumnElement[bool]:
    """The condition that the annotation which a column names is neither retracted nor settled."""
    return and_(is_not_retracted(annotation_id), ~is_settled(annotation_id))


def is_not_retracted(annotation_id: Any) -> ColumnElement[bool]:
    """The condition that the annotation which a column names was not retracted."""
    return ~exists().where(col(tables.Retraction.annotation_id) == annotation_id)


def is_settled(annotation_id: Any) -> ColumnElement[bool]:
    """The condition that a verdict which was not taken back decided otherwise than the annotation says."""
    return _is_decided(col(tables.Settlement.annotation_id) == annotation_id)


def verdict_is_in_force(verdict_id: Any) -> ColumnElement[bool]:
    """The condition that the verdict without an annotation which a column names stands and is not settled."""
    return and_(verdict_is_not_retracted(verdict_id), ~verdict_is_settled(verdict_id))


def verdict_is_not_retracted(verdict_id: Any) -> ColumnElement[bool]:
    """The condition that the verdict without an annotation which a column names was not taken back."""
    return ~exists().where(col(tables.VerdictRetraction.verdict_id) == verdict_id)


def verdict_is_settled(verdict_id: Any) -> ColumnElement[bool]:
    """The condition that another verdict which was not taken back decided otherwise than this one."""
    return _is_decided(col(tables.Settlement.settled_verdict_id) == verdict_id)


def stands(*, with_skips: bool, with_settled: bool) -> ColumnElement[bool]:
    """The condition on `tables.Verdict` that it was not taken back, and not settled where that matters."""
    table = tables.Verdict
    verdict_id, annotation_id = col(table.id), col(table.annotation_id)
    if with_settled:
        counts, said_nothing = is_not_retracted(annotation_id), verdict_is_not_retracted(verdict_id)
    else:
        counts, said_nothing = is_in_force(annotation_id), verdict_is_in_force(verdict_id)
    found = [
        and_(annotation_id.is_not(None), counts),
        and_(col(table.action) == "nothing", said_nothing),
    ]
    if with_skips:
        found.append(and_(col(table.action) == "skip", verdict_is_not_retracted(verdict_id)))
    return or_(*found)


def _is_decided(is_about: ColumnElement[bool]) -> ColumnElement[bool]:
    settlement, verdict, retraction = tables.Settlement, aliased(tables.Verdict), aliased(tables.Retraction)
    taken_back = aliased(tables.VerdictRetraction)
    return exists().where(
        is_about,
        col(settlement.verdict_id) == col(verdict.id),
        ~exists().where(col(retraction.annotation_id) == col(verdict.annotation_id)),
        ~exists().where(col(taken_back.verdict_id) == col(verdict.id)),
    )
