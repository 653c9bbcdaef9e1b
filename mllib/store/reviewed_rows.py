"""Reviewed ranges to rows and back."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, insert, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.spans import ReviewedRange
from mllib.store import tables
from mllib.store.database import now_s
from mllib.store.standing import is_in_force, verdict_is_in_force

_Identity = tuple[int, int, tuple[str, ...]]


def add_reviewed(
    session: Session,
    series_id: int,
    ranges: Iterable[ReviewedRange],
    *,
    annotation_id: str | None = None,
    verdict_id: str | None = None,
) -> None:
    """Store the ranges that are not there yet, tied to an annotation, or to a verdict without one."""
    table, wanted = tables.ReviewedRange, dict.fromkeys(map(_identity, ranges))
    if not wanted:
        return
    stored = {
        (row.start_time, row.end_time, tuple(row.labels))
        for row in session.scalars(
            select(table).where(
                col(table.series_id) == series_id,
                _is(col(table.annotation_id), annotation_id),
                _is(col(table.verdict_id), verdict_id),
            )
        )
    }
    tied = {"series_id": series_id, "annotation_id": annotation_id, "verdict_id": verdict_id}
    new = [tied | _to_row(identity) for identity in wanted if identity not in stored]
    if new:
        session.execute(insert(table), new)


def effective_reviewed(session: Session, series_id: int) -> list[ReviewedRange]:
    """Each range that still counts, once, by start time."""
    table = tables.ReviewedRange
    rows = session.execute(
        select(col(table.start_time), col(table.end_time), col(table.labels))
        .where(
            col(table.series_id) == series_id,
            or_(col(table.annotation_id).is_(None), is_in_force(col(table.annotation_id))),
            or_(col(table.verdict_id).is_(None), verdict_is_in_force(col(table.verdict_id))),
        )
        .order_by(col(table.start_time), col(table.end_time), col(table.id))
    )
    return list(dict.fromkeys(ReviewedRange(start, end, frozenset(labels)) for start, end, labels in rows))


def _identity(one: ReviewedRange) -> _Identity:
    start_time, end_time = sorted((one.start_time, one.end_time))
    return start_time, end_time, tuple(sorted(one.labels))


def _to_row(identity: _Identity) -> dict[str, object]:
    start_time, end_time, labels = identity
    return {
        "start_time": start_time,
        "end_time": end_time,
        "labels": list(labels),
        "created_at": now_s(),
    }


def _is(column: Any, value: str | None) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.is_(None) if value is None else column == value
    return found
