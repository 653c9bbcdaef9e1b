"""Annotations to rows and back."""

import json
from dataclasses import asdict
from typing import Any
from uuid import uuid4

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


def _as_json(annotation: Annotation) -> str:
    return json.dumps(content_of(annotation), sort_keys=True)
