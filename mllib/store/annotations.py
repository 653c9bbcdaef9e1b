"""Annotations: append-only, idempotent by their id, undone by retraction."""

from builtins import list as list_  # `list` is a method's name here
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, insert, or_, select
from sqlalchemy.orm import Session, aliased
from sqlmodel import col

from mllib.annotators import annotator_name
from mllib.errors import Conflict
from mllib.spans import Annotation, ReviewedRange
from mllib.store import tables
from mllib.store.annotation_rows import Row, from_row, same_content, to_row
from mllib.store.annotation_search import (
    AnnotationFilter,
    AnnotationPage,
    StoredAnnotation,
    find_page,
    find_root,
    find_stored,
)
from mllib.store.database import Database, now_s, upsert
from mllib.store.engines import by_code_point
from mllib.store.label_names import LabelNames, label_names
from mllib.store.reviewed_rows import add_reviewed, effective_reviewed
from mllib.store.series import ensure_series, find_series
from mllib.store.standing import is_effective

_IDS_A_QUERY = 500
"""SQLite takes some 32,000 parameters, older builds 999."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An id under which something else is stored; `retracted` says that it was taken back since."""

    stored: Annotation
    given: Annotation
    retracted: bool = False

    @property
    def id(self) -> str:
        return self.given.id


@dataclass(frozen=True, slots=True)
class AddOutcome:
    """How many annotations were new, already there or put in place of older ones, and which were not."""

    added: int
    unchanged: int
    conflicts: tuple[Contradiction, ...] = ()
    updated: int = 0


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
        update: bool = False,
    ) -> AddOutcome:
        """Store all that is new, in one transaction; nothing stored is ever overwritten.

        An id that is stored with the same content is unchanged, even where it was retracted since. One
        with other content is a conflict and not written; with `update` it supersedes what is stored,
        unless that was retracted. Content leaves out `created_at`, which is the present where an annotation
        has none (0), and takes labels by their present names. An empty id gets one of ours.
        """
        ordered = [annotation.in_order() for annotation in annotations]
        with self._database.write() as session:
            series_id = ensure_series(session, pair, timeframe)
            known = _stored_under(session, series_id, [one.id for one in ordered if one.id])
            rows, outcome = _sort_out(ordered, known, series_id, label_names(session), update=update)
            if rows:
                session.execute(insert(tables.Annotation), rows)
            add_reviewed(session, series_id, reviewed)
        return outcome

    def compare(
        self, pair: str, timeframe: str, annotations: Sequence[Annotation], *, update: bool = False
    ) -> AddOutcome:
        """What `add` would say of these; nothing is written."""
        ordered = [annotation.in_order() for annotation in annotations]
        with self._database.read() as session:
            series_id = find_series(session, pair, timeframe)
            ids = [one.id for one in ordered if one.id]
            known = {} if series_id is None else _stored_under(session, series_id, ids)
            return _sort_out(ordered, known, series_id or 0, label_names(session), update=update)[1]

    def supersede(self, stored: StoredAnnotation, annotation: Annotation) -> None:
        """Put other content in place of what is stored under an id; the older content is kept as history.

        Raises:
            Conflict: it was retracted, or changed since it was looked up.
        """
        with self._database.write() as session:
            now = find_stored(session, annotation.id, stored.pair, stored.timeframe)
            if now.retracted or now.key != stored.key:
                raise _changed_meanwhile(annotation.id)
            series_id = ensure_series(session, stored.pair, stored.timeframe)
            own = {"supersedes": stored.key, "created_at": now_s()}
            session.execute(insert(tables.Annotation), [to_row(annotation.in_order(), series_id) | own])

    def get(
        self, annotation_id: str, *, pair: str | None = None, timeframe: str | None = None
    ) -> StoredAnnotation:
        """What is stored under an id now, retracted or not; raises as `retract` does."""
        with self._database.read() as session:
            return find_stored(session, annotation_id, pair, timeframe)

    def page(
        self,
        pair: str,
        timeframe: str,
        wanted: AnnotationFilter,
        *,
        after: str | None = None,
        limit: int,
    ) -> AnnotationPage:
        """The effective annotations that are meant, by start, from a place on; raises as `find_page` does."""
        with self._database.read() as session:
            return find_page(session, pair, timeframe, wanted, after=after, limit=limit)

    def list(
        self,
        pair: str,
        timeframe: str,
        *,
        sources: Collection[str] | None = None,
        as_written: bool = False,
    ) -> list_[Annotation]:
        """The effective annotations of a series by time, label and id, of some sources or (None) of all.

        Labels are the present ones, `as_written` those that the annotator gave.
        """
        table = tables.Annotation
        with self._database.read() as session:
            query = select(table).where(
                col(table.series_id) == find_series(session, pair, timeframe), is_effective()
            )
            if sources is not None:
                query = query.where(col(table.source).in_(sorted(sources)))
            shown_id = func.coalesce(col(table.external_id), col(table.id))
            labels_and_ids = by_code_point(col(table.label)), by_code_point(shown_id)
            order = (col(table.start_time), col(table.end_time), *labels_and_ids)
            found = [from_row(row) for row in session.scalars(query.order_by(*order))]
            return found if as_written else [*map(label_names(session).annotation, found)]

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
        annotator = annotator_name(annotator, f"annotation {annotation_id}")
        with self._database.write() as session:
            key = find_root(session, annotation_id, pair, timeframe)
            retract_row(session, key, annotator=annotator, reason=reason)

    def reviewed(self, pair: str, timeframe: str) -> list_[ReviewedRange]:
        """The ranges that someone looked at and whose annotation, if any, was not retracted."""
        with self._database.read() as session:
            series_id = find_series(session, pair, timeframe)
            if series_id is None:
                return []
            return label_names(session).reviewed(effective_reviewed(session, series_id))

    def counts(self) -> list_[LabelCount]:
        """Effective annotations per series, present label and source."""
        series, table = tables.Series, tables.Annotation
        groups = (col(series.pair), col(series.timeframe), col(table.label), col(table.source))
        query = select(*groups, func.count()).join(table, col(table.series_id) == col(series.id))
        with self._database.read() as session:
            rows = session.execute(query.where(is_effective()).group_by(*groups)).all()
            names = label_names(session)
        counted: Counter[tuple[str, str, str, str]] = Counter()
        for pair, timeframe, label, source, count in rows:
            counted[pair, timeframe, names.resolve(label), source] += count
        return [LabelCount(*key, count) for key, count in sorted(counted.items())]


def retract_row(session: Session, key: str, *, annotator: str | None, reason: str | None) -> None:
    """Retract the annotation of that key, and all that supersedes it, unless it is retracted already."""
    table = tables.Annotation
    later: str | None = key
    while later is not None:
        row = upsert(session, tables.Retraction).values(
            annotation_id=later, annotator=annotator, reason=reason, created_at=now_s()
        )
        session.execute(row.on_conflict_do_nothing(index_elements=["annotation_id"]))
        later = session.scalar(select(col(table.id)).where(col(table.supersedes) == later))


def _changed_meanwhile(annotation_id: str) -> Conflict:
    return Conflict(
        f"Annotation {annotation_id} cannot be changed: found it changed or retracted by someone else "
        "meanwhile, expected it as it was. Look at it again."
    )


@dataclass(frozen=True, slots=True)
class _Stored:
    """What an id stands for now: the newest row of its chain, unless that is only given yet (no key)."""

    annotation: Annotation
    key: str | None = None
    retracted: bool = False


def _stored_under(session: Session, series_id: int, ids: Sequence[str]) -> dict[str, _Stored]:
    """What is stored in a series under these ids, external or ours; of edited ones the newest content."""
    table, taken_back = tables.Annotation, tables.Retraction
    newer = aliased(table)
    found: dict[str, _Stored] = {}
    for start in range(0, len(ids), _IDS_A_QUERY):
        some = ids[start : start + _IDS_A_QUERY]
        rows = session.execute(
            select(table, col(taken_back.id))
            .outerjoin(taken_back, col(taken_back.annotation_id) == col(table.id))
            .where(
                col(table.series_id) == series_id,
                or_(col(table.external_id).in_(some), col(table.id).in_(some)),
                ~exists().where(col(newer.supersedes) == col(table.id)),
            )
        )
        for row, retraction in rows:
            found[row.external_id or row.id] = _Stored(from_row(row), row.id, retraction is not None)
    return found


def _sort_out(
    annotations: Iterable[Annotation],
    known: dict[str, _Stored],
    series_id: int,
    names: LabelNames,
    *,
    update: bool,
) -> tuple[list_[Row], AddOutcome]:
    """The rows to insert, and what became of each annotation; a batch may repeat its own ids."""
    rows: list_[Row] = []
    unchanged = updated = 0
    conflicts: dict[str, Contradiction] = {}
    for annotation in annotations:
        stored = known.get(annotation.id)
        if stored is None:
            rows.append(to_row(annotation, series_id))
        elif same_content(names.annotation(stored.annotation), names.annotation(annotation)):
            unchanged += 1
            continue
        elif update and stored.key is not None and not stored.retracted:
            rows.append(to_row(annotation, series_id) | {"supersedes": stored.key})
            updated += 1
        else:
            conflicts[annotation.id] = Contradiction(stored.annotation, annotation, stored.retracted)
            continue
        if annotation.id:
            known[annotation.id] = _Stored(annotation)
    outcome = AddOutcome(len(rows) - updated, unchanged, tuple(conflicts.values()), updated)
    return rows, outcome
