"""Reviewed ranges to rows and back."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, insert, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.spans import ReviewedRange
from mllib.store import tables
from mllib.store.annotation_rows import is_in_force
from mllib.store.database import now_s

_Identity = tuple[int, int, tuple[str, ...], str | None]


def add_reviewed(
    session: Session, series_id: int, ranges: Iterable[ReviewedRange], *, annotation_id: str | None = None
) -> None:
    """Store the ranges that are not there yet, tied to an annotation or to none."""
    wanted = dict.fromkeys(_identity(one, annotation_id) for one in ranges)
    if not wanted:
        return
    stored = {
        (row.start_time, row.end_time, tuple(row.labels), row.annotation_id)
        for row in session.scalars(
            select(tables.ReviewedRange).where(
                col(tables.ReviewedRange.series_id) == series_id, _is_tied_to(annotation_id)
            )
        )
    }
    new = [_to_row(series_id, identity) for identity in wanted if identity not in stored]
    if new:
        session.execute(insert(tables.ReviewedRange), new)


def effective_reviewed(session: Session, series_id: int) -> list[ReviewedRange]:
    """Each range that still counts, once, by start time."""
    table = tables.ReviewedRange
    rows = session.execute(
        select(col(table.start_time), col(table.end_time), col(table.labels))
        .where(
            col(table.series_id) == series_id,
            or_(col(table.annotation_id).is_(None), is_in_force(col(table.annotation_id))),
        )
        .order_by(col(table.start_time), col(table.end_time), col(table.id))
    )
    return list(dict.fromkeys(ReviewedRange(start, end, frozenset(labels)) for start, end, labels in rows))


def _identity(one: ReviewedRange, annotation_id: str | None) -> _Identity:
    start_time, end_time = sorted((one.start_time, one.end_time))
    return start_time, end_time, tuple(sorted(one.labels)), annotation_id


def _to_row(series_id: int, identity: _Identity) -> dict[str, object]:
    start_time, end_time, labels, annotation_id = identity
    return {
        "series_id": series_id,
        "start_time": start_time,
        "end_time": end_time,
        "labels": list(labels),
        "annotation_id": annotation_id,
        "created_at": now_s(),
    }


def _is_tied_to(annotation_id: str | None) -> ColumnElement[bool]:
    column = col(tables.ReviewedRange.annotation_id)
    return column.is_(None) if annotation_id is None else column == annotation_id
