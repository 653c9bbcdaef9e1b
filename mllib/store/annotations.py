"""Annotations: append-only, idempotent by their id, undone by retraction."""

from builtins import list as list_  # `list` is a method's name here
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, insert, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import Conflict, NotFound
from mllib.spans import Annotation, ReviewedRange
from mllib.store import tables
from mllib.store.annotation_rows import Row, from_row, is_effective, same_content, to_row
from mllib.store.database import Database, now_s, upsert
from mllib.store.reviewed_rows import add_reviewed, effective_reviewed
from mllib.store.series import ensure_series, find_series

_IDS_A_QUERY = 500
"""SQLite takes some 32,000 parameters, older builds 999."""


@dataclass(frozen=True, slots=True)
class AddOutcome:
    """How many annotations were new or already there, and the ids that are stored with other content."""

    added: int
    unchanged: int
    conflicts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many effective annotations of one label and source a series has."""

    pair: str
    timeframe: str
    label: str
    source: str
    count: int


class AnnotationRepository:
    """What people said about candles, and where they looked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        pair: str,
        timeframe: str,
        annotations: Sequence[Annotation],
        *,
        reviewed: Sequence[ReviewedRange] = (),
    ) -> AddOutcome:
        """Store all that is new, in one transaction; nothing stored is ever overwritten.

        An id that is stored with the same content is unchanged, even where it was retracted since; one
        with other content is a conflict and not written. Content leaves out `created_at`, which is the
        present where an annotation has none (0). An empty id gets one of ours.
        """
        ordered = [_in_order(annotation) for annotation in annotations]
        with self._database.write() as session:
            series_id = ensure_series(session, pair, timeframe)
            known = _stored_under(session, series_id, [one.id for one in ordered if one.id])
            rows, outcome = _sort_out(ordered, known, series_id)
            if rows:
                session.execute(insert(tables.Annotation), rows)
            add_reviewed(session, series_id, reviewed)
        return outcome

    def list(self, pair: str, timeframe: str, *, sources: Collection[str] | None = None) -> list_[Annotation]:
        """The effective annotations of a series by time, label and id, of some sources or (None) of all."""
        table = tables.Annotation
        with self._database.read() as session:
            query = select(table).where(
                col(table.series_id) == find_series(session, pair, timeframe), is_effective()
            )
            if sources is not None:
                query = query.where(col(table.source).in_(sorted(sources)))
            shown_id = func.coalesce(col(table.external_id), col(table.id))
            order = (col(table.start_time), col(table.end_time), col(table.label), shown_id)
            return [from_row(row) for row in session.scalars(query.order_by(*order))]

    def retract(
        self,
        annotation_id: str,
        *,
        annotator: str | None = None,
        reason: str | None = None,
        pair: str | None = None,
        timeframe: str | None = None,
    ) -> None:
        """Undo an annotation, and with it the reviewed ranges that it carries; twice is as once.

        Raises:
            NotFound: no annotation has that id.
            Conflict: several series have an imported annotation of that id; name pair and timeframe.
        """
        with self._database.write() as session:
            key = _find(session, annotation_id, pair, timeframe)
            retract_row(session, key, annotator=annotator, reason=reason)

    def reviewed(self, pair: str, timeframe: str) -> list_[ReviewedRange]:
        """The ranges that someone looked at and whose annotation, if any, was not retracted."""
        with self._database.read() as session:
            series_id = find_series(session, pair, timeframe)
            return [] if series_id is None else effective_reviewed(session, series_id)

    def counts(self) -> list_[LabelCount]:
        """Effective annotations per series, label and source."""
        series, table = tables.Series, tables.Annotation
        groups = (col(series.pair), col(series.timeframe), col(table.label), col(table.source))
        query = select(*groups, func.count()).join(table, col(table.series_id) == col(series.id))
        with self._database.read() as session:
            rows = session.execute(query.where(is_effective()).group_by(*groups).order_by(*groups)).all()
        return [LabelCount(*row) for row in rows]


def retract_row(session: Session, key: str, *, annotator: str | None, reason: str | None) -> None:
    """Retract the annotation of that key unless it is retracted already."""
    row = upsert(session, tables.Retraction).values(
        annotation_id=key, annotator=annotator, reason=reason, created_at=now_s()
    )
    session.execute(row.on_conflict_do_nothing(index_elements=["annotation_id"]))


def _in_order(annotation: Annotation) -> Annotation:
    if annotation.start_time <= annotation.end_time:
        return annotation
    return replace(annotation, start_time=annotation.end_time, end_time=annotation.start_time)


def _stored_under(session: Session, series_id: int, ids: Sequence[str]) -> dict[str, Annotation]:
    """The annotations of a series that are stored under these ids, external or ours."""
    table = tables.Annotation
    found: dict[str, Annotation] = {}
    for start in range(0, len(ids), _IDS_A_QUERY):
        some = ids[start : start + _IDS_A_QUERY]
        rows = session.scalars(
            select(table).where(
                col(table.series_id) == series_id,
                or_(col(table.external_id).in_(some), col(table.id).in_(some)),
                col(table.supersedes).is_(None),
            )
        )
        for row in rows:
            found[row.external_id or row.id] = from_row(row)
    return found


def _sort_out(
    annotations: Iterable[Annotation], known: dict[str, Annotation], series_id: int
) -> tuple[list_[Row], AddOutcome]:
    """The rows to insert, and what became of each annotation; a batch may repeat its own ids."""
    rows: list_[Row] = []
    unchanged = 0
    conflicts: dict[str, None] = {}
    for annotation in annotations:
        stored = known.get(annotation.id)
        if stored is None:
            rows.append(to_row(annotation, series_id))
            if annotation.id:
                known[annotation.id] = annotation
        elif same_content(stored, annotation):
            unchanged += 1
        else:
            conflicts[annotation.id] = None
    return rows, AddOutcome(len(rows), unchanged, tuple(conflicts))


def _find(session: Session, annotation_id: str, pair: str | None, timeframe: str | None) -> str:
    series, table = tables.Series, tables.Annotation
    query = (
        select(col(table.id), col(series.pair), col(series.timeframe))
        .join(series, col(table.series_id) == col(series.id))
        .where(or_(col(table.id) == annotation_id, col(table.external_id) == annotation_id))
        .where(col(table.supersedes).is_(None))
    )
    if pair is not None:
        query = query.where(col(series.pair) == pair)
    if timeframe is not None:
        query = query.where(col(series.timeframe) == timeframe)
    found = session.execute(query).all()
    if not found:
        raise NotFound(
            f"Annotation {annotation_id} cannot be retracted: found no annotation of that id, expected "
            "one that is stored. List the annotations of its series."
        )
    if len(found) > 1:
        places = " and ".join(sorted(f"{row.pair} {row.timeframe}" for row in found))
        raise Conflict(
            f"Annotation {annotation_id} cannot be retracted: found it in {places}, expected it in one "
            "series. Name the pair and the timeframe."
        )
    return str(found[0].id)
