"""Annotations to rows and back, and which of the rows count."""

import json
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, exists
from sqlalchemy.orm import aliased
from sqlmodel import col

from mllib.spans import Annotation, JudgedPrediction, Span
from mllib.store import tables
from mllib.store.database import now_s

Row = dict[str, Any]
_CONTENT = (
    *("label", "start_time", "end_time", "clarity", "outcome", "sub_spans", "notes"),
    *("source", "annotator", "model_prediction", "extra"),
)


def to_row(annotation: Annotation, series_id: int) -> Row:
    """A row of `tables.Annotation` with a new key; the annotation's own id becomes its external id."""
    return {
        "id": uuid4().hex,
        "series_id": series_id,
        "external_id": annotation.id or None,
        **content_of(annotation),
        "created_at": annotation.created_at or now_s(),
        "supersedes": None,
    }


def content_of(annotation: Annotation) -> Row:
    """What an annotator said, as columns: everything but ids and the time of storing."""
    content = {name: getattr(annotation, name) for name in _CONTENT}
    if annotation.sub_spans is not None:
        content["sub_spans"] = [asdict(span) for span in annotation.sub_spans]
    if annotation.model_prediction is not None:
        content["model_prediction"] = asdict(annotation.model_prediction)
    content["extra"] = dict(annotation.extra) or None
    return content


def same_content(one: Annotation, other: Annotation) -> bool:
    """Whether two annotations say the same, as JSON sees it."""
    return _as_json(one) == _as_json(other)


def from_row(row: tables.Annotation) -> Annotation:
    """The annotation of a row, under its external id where it has one."""
    sub_spans = None if row.sub_spans is None else tuple(Span(**span) for span in row.sub_spans)
    judged = None if row.model_prediction is None else JudgedPrediction(**row.model_prediction)
    plain = {name: getattr(row, name) for name in _CONTENT}
    return Annotation(
        **plain | {"sub_spans": sub_spans, "model_prediction": judged, "extra": row.extra or {}},
        id=row.external_id or row.id,
        created_at=row.created_at,
    )


def is_effective() -> ColumnElement[bool]:
    """The condition on `tables.Annotation` that a row is neither retracted, nor settled, nor superseded."""
    later = aliased(tables.Annotation)
    superseded = exists().where(col(later.supersedes) == col(tables.Annotation.id))
    return and_(is_in_force(col(tables.Annotation.id)), ~superseded)


def is_in_force(annotation_id: Any) -> ColumnElement[bool]:
    """The condition that the annotation which a column names is neither retracted nor settled."""
    return and_(is_not_retracted(annotation_id), ~is_settled(annotation_id))


def is_settled(annotation_id: Any) -> ColumnElement[bool]:
    """The condition that a verdict which was not retracted decided otherwise than the annotation says."""
    settlement, verdict, taken_back = tables.Settlement, aliased(tables.Verdict), aliased(tables.Retraction)
    return exists().where(
        col(settlement.annotation_id) == annotation_id,
        col(settlement.verdict_id) == col(verdict.id),
        ~exists().where(col(taken_back.annotation_id) == col(verdict.annotation_id)),
    )


def is_not_retracted(annotation_id: Any) -> ColumnElement[bool]:
    """The condition that the annotation which a column names was not retracted."""
    return ~exists().where(col(tables.Retraction.annotation_id) == annotation_id)


def _as_json(annotation: Annotation) -> str:
    return json.dumps(content_of(annotation), sort_keys=True)
