"""Annotations in the tool's own formats: its JSON export and its span CSV."""

import csv
import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mllib.errors import NotReady
from mllib.spans import Annotation, JudgedPrediction, Span

_COLUMNS = (
    *("id", "start_time", "end_time", "label", "confidence", "outcome", "sub_spans", "notes", "source"),
    "model_prediction",
)


def to_export(annotations: Sequence[Annotation]) -> dict[str, Any]:
    """The annotations in the tool's export format: `{"annotations": [...]}`, ready for JSON.

    >>> to_export([Annotation("bull_flag", 60, 120, id="a", clarity=4)])["annotations"][0]["confidence"]
    4
    """
    return {"annotations": [exported(annotation) for annotation in annotations]}


def write_export(path: Path, content: str) -> None:
    """Write an export's text, in place of an older file only once it is complete.

    Raises:
        NotReady: if the disk refuses; an older file is then as it was.
    """
    try:
        _write_whole(path, content)
    except OSError as exc:
        raise NotReady(
            f"{path}: found {exc.strerror or exc} when writing, expected room and permission to write. "
            "An older file is as it was. Free the disk or fix the permission, and try again."
        ) from exc


def to_csv(annotations: Sequence[Annotation]) -> str:
    """The annotations in the tool's span CSV: a row a span, what has a structure as JSON in its cell."""
    return rows_to_csv([exported(annotation) for annotation in annotations])


def rows_to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Entries of the JSON export as a CSV whose first columns are those of the tool's span CSV."""
    columns = list(dict.fromkeys((*_COLUMNS, *(key for row in rows for key in row))))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def to_json(annotations: Sequence[Annotation]) -> str:
    """The text of the tool's JSON export."""
    return json.dumps(to_export(annotations), indent=2, ensure_ascii=False) + "\n"


def _write_whole(path: Path, content: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:50]}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def exported(annotation: Annotation) -> dict[str, Any]:
    """The annotation's entry in the tool's JSON export."""
    sub_spans = annotation.sub_spans
    exported = {
        "id": annotation.id,
        **_span(annotation),
        "confidence": annotation.clarity,
        "outcome": annotation.outcome,
        "sub_spans": None if sub_spans is None else [_span(sub_span) for sub_span in sub_spans],
        "notes": annotation.notes,
        "source": annotation.source,
        "model_prediction": _judged(annotation.model_prediction),
    }
    if annotation.annotator is not None:
        exported["annotator"] = annotation.annotator
    if annotation.created_at:
        exported["created_at"] = annotation.created_at
    return {**exported, **annotation.extra}


def _span(span: Span) -> dict[str, Any]:
    return {"start_time": span.start_time, "end_time": span.end_time, "label": span.label}


def _judged(prediction: JudgedPrediction | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    judged = {name: getattr(prediction, name) for name in ("label", "confidence", "model_version")}
    bounds = {name: getattr(prediction, name) for name in ("start_time", "end_time")}
    return {**judged, **{name: bound for name, bound in bounds.items() if bound is not None}}
