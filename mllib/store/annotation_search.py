"""Annotations by what they say, page by page, and one by its id."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import Conflict, InvalidAnnotations, NotFound
from mllib.spans import Annotation, Source
from mllib.store import tables
from mllib.store.annotation_rows import from_row
from mllib.store.label_names import LabelNames, label_names
from mllib.store.series import find_series
from mllib.store.standing import is_effective, is_in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationFilter:
    """Which annotations are meant: those with a bar from `start_time` to `end_time` (Unix s); None is any.

    `text` stands, in whatever case, in the notes, the label or the annotator's name.
    """

    start_time: int | None = None
    end_time: int | None = None
    label: str | None = None
    source: Source | None = None
    annotator: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class AnnotationPage:
    """Annotations by start, and after which place the next page begins, if there is one."""

    annotations: list[Annotation]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class StoredAnnotation:
    """The newest content under an id as it was written, in its series; `key` is the row's own."""

    pair: str
    timeframe: str
    annotation: Annotation
    key: str
    retracted: bool


def find_page(
    session: Session, pair: str, timeframe: str, wanted: AnnotationFilter, *, after: str | None, limit: int
) -> AnnotationPage:
    """The effective annotations of a series that are meant, under present names.

    Raises:
        InvalidAnnotations: `after` is not where a page ended.
    """
    table, names = tables.Annotation, label_names(session)
    query = (
        select(table)
        .where(col(table.series_id) == find_series(session, pair, timeframe), is_effective())
        .where(*_conditions(wanted, names), *([] if after is None else [_is_after(after)]))
        .order_by(col(table.start_time), col(table.id))
        .limit(limit + 1)
    )
    rows = list(session.scalars(query))
    shown = rows[:limit]
    next_after = f"{shown[-1].start_time}.{shown[-1].id}" if len(rows) > limit else None
    return AnnotationPage([names.annotation(from_row(row)) for row in shown], next_after)


def find_root(session: Session, annotation_id: str, pair: str | None, timeframe: str | None) -> str:
    """The key of the first content stored under an id, external or ours.

    Raises:
        NotFound: no annotation has that id.
        Conflict: several series have one of that id.
    """
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
            f"Annotation {annotation_id}: found no annotation of that id, expected one that is stored. "
            "List the annotations of its series."
        )
    if len(found) > 1:
        places = " and ".join(sorted(f"{row.pair} {row.timeframe}" for row in found))
        raise Conflict(
            f"Annotation {annotation_id}: found it in {places}, expected it in one series. "
            "Name the pair and the timeframe."
        )
    return str(found[0].id)


def find_stored(
    session: Session, annotation_id: str, pair: str | None, timeframe: str | None
) -> StoredAnnotation:
    """What is stored under an id now, retracted or not; raises as `find_root` does.

    What a verdict settled is as good as retracted.
    """
    table, key = tables.Annotation, find_root(session, annotation_id, pair, timeframe)
    while later := session.scalar(select(col(table.id)).where(col(table.supersedes) == key)):
        key = later
    row, series, counts = session.execute(
        select(table, tables.Series, is_in_force(col(table.id)))
        .join(tables.Series, col(table.series_id) == col(tables.Series.id))
        .where(col(table.id) == key)
    ).one()
    return StoredAnnotation(series.pair, series.timeframe, from_row(row), key, not counts)


def _conditions(wanted: AnnotationFilter, names: LabelNames) -> list[ColumnElement[bool]]:
    table = tables.Annotation
    conditions = []
    if wanted.start_time is not None:
        conditions.append(col(table.end_time) >= wanted.start_time)
    if wanted.end_time is not None:
        conditions.append(col(table.start_time) <= wanted.end_time)
    if wanted.label is not None:
        present = names.resolve(wanted.label)
        written = {present, *(name for name in names.leads_to if names.resolve(name) == present)}
        conditions.append(col(table.label).in_(sorted(written)))
    if wanted.source is not None:
        conditions.append(col(table.source) == wanted.source)
    if wanted.annotator is not None:
        conditions.append(col(table.annotator) == wanted.annotator)
    if wanted.text:
        conditions.append(_says(wanted.text, names))
    return conditions


def _says(text: str, names: LabelNames) -> ColumnElement[bool]:
    table = tables.Annotation
    columns = (col(table.notes), col(table.label), col(table.annotator))
    renamed = [name for name in names.leads_to if text.lower() in names.resolve(name).lower()]
    found = [column.icontains(text, autoescape=True) for column in columns]
    return or_(*found, col(table.label).in_(renamed))


def _is_after(place: str) -> ColumnElement[bool]:
    table = tables.Annotation
    time, _, key = place.partition(".")
    if not (time.removeprefix("-").isascii() and time.removeprefix("-").isdigit() and len(time) < 16 and key):
        raise InvalidAnnotations(
            f"after: found {place[:80]!r}, expected what the page before gave as `next`. "
            "Take it from there, or leave it out for the first page."
        )
    start = int(time)
    return or_(col(table.start_time) > start, and_(col(table.start_time) == start, col(table.id) > key))
