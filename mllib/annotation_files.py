"""The annotation tool's exports, JSON and span CSV: read, checked against candles, and written.

Entries are counted from 1 in messages and notes.
"""

import csv
import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from mllib.candles import Candles
from mllib.errors import InvalidAnnotations, NotReady
from mllib.spans import Annotation, JudgedPrediction, Source, Span
from mllib.timeframes import iso_utc

_SOURCES: dict[str, Source] = {
    **{source: source for source in get_args(Source)},
    "model": "model_confirmed",
    "human_correction": "model_corrected",
}
_OUTCOMES = ("win", "loss", "breakeven")
_KEYS = frozenset(
    (
        *("id", "start_time", "end_time", "label", "confidence", "outcome", "sub_spans", "notes"),
        *("source", "model_prediction", "annotator", "created_at"),
    )
)
_JUDGED_KEYS = ("label", "confidence", "model_version", "start_time", "end_time")
_INTEGERS = ("start_time", "end_time", "confidence", "created_at")
_STRUCTURES = ("sub_spans", "model_prediction")


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """The annotations of one export, and what was put right while reading it, for a person."""

    annotations: list[Annotation]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry as the file holds it, with its place for messages."""

    values: Mapping[str, Any]
    file: str
    number: int
    notes: list[str]

    def refusal(
        self, key: str, expected: str, action: str = "Correct it and import the file again."
    ) -> InvalidAnnotations:
        found = repr(self.values[key])[:100] if key in self.values else "nothing"
        return InvalidAnnotations(
            f"{self.file}: entry {self.number}, {key}: found {found}, expected {expected}. {action}"
        )

    def note(self, what: str) -> None:
        self.notes.append(f"Entry {self.number}: {what}.")


def read_annotation_file(path: Path) -> AnnotationFile:
    """The annotations of the tool's JSON export or span CSV (`.csv`), and what was put right.

    A missing id is derived from the content, so that importing the file again gives the same one.
    A start after its end is swapped, and entries that repeat an earlier one are left out; both are
    noted. Unknown keys are kept in `extra`.

    Raises:
        InvalidAnnotations: if the file cannot be read, or naming the entry and key with an empty
            label, a time that is no integer, a confidence outside 1 to 5, an unknown source or
            outcome, or an id that stands for two different annotations.
    """
    text = _text(path)
    rows = _csv_rows(text, path.name) if path.suffix.lower() == ".csv" else _json_rows(text, path.name)
    notes: list[str] = []
    annotations: dict[str, Annotation] = {}
    for number, row in enumerate(rows, 1):
        entry = _Entry(row, path.name, number, notes)
        annotation = _annotation(entry)
        known = annotations.setdefault(annotation.id, annotation)
        if known == annotation and known is not annotation:
            entry.note("left out, it repeats an earlier one")
        elif known != annotation:
            raise entry.refusal("id", "an id of its own", "Give one of the two another id.")
    return AnnotationFile(list(annotations.values()), tuple(notes))


def check_annotations(annotations: Sequence[Annotation], candles: Candles) -> None:
    """Pass annotations whose bounds, and those of their sub-spans, are opens of these candles.

    Raises:
        InvalidAnnotations: naming the first bound that is none, the nearest candle, and how many
            annotations are concerned.
    """
    time = candles.time
    bounds = [
        (annotation, key, bound)
        for annotation in annotations
        for span in (annotation, *(annotation.sub_spans or ()))
        for key, bound in (("start_time", span.start_time), ("end_time", span.end_time))
    ]
    asked = np.array([bound for *_, bound in bounds], dtype=np.int64)
    wrong = np.flatnonzero(~np.isin(asked, time))
    if not len(wrong):
        return
    annotation, key, bound = bounds[wrong[0]]
    nearest = int(time[int(np.abs(time - bound).argmin())])
    concerned = len({bounds[at][0].id for at in wrong})
    place = "outside the candles" if bound < time[0] or bound > time[-1] else "between candles"
    raise InvalidAnnotations(
        f"{candles.name}: annotation {annotation.id} ({annotation.label}), {key}: found {_shown(bound)}, "
        f"{place}, expected the open of a candle; the nearest is {_shown(nearest)}. "
        f"{concerned} of {len(annotations)} annotations do not fit. "
        "Check pair and timeframe, or import the candles that are missing."
    )


def to_export(annotations: Sequence[Annotation]) -> dict[str, Any]:
    """The annotations in the tool's export format: `{"annotations": [...]}`, ready for JSON.

    >>> to_export([Annotation("bull_flag", 60, 120, id="a", clarity=4)])["annotations"][0]["confidence"]
    4
    """
    return {"annotations": [_exported(annotation) for annotation in annotations]}


def write_annotation_file(path: Path, annotations: Sequence[Annotation]) -> None:
    """Write the tool's JSON export, in place of an older file only once it is complete.

    Raises:
        NotReady: if the disk refuses; an older file is then as it was.
    """
    content = json.dumps(to_export(annotations), indent=2, ensure_ascii=False) + "\n"
    try:
        _write_whole(path, content)
    except OSError as exc:
        raise NotReady(
            f"{path}: found {exc.strerror or exc} when writing, expected room and permission to write. "
            "An older file is as it was. Free the disk or fix the permission, and try again."
        ) from exc


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


def _shown(time: int) -> str:
    return f"{time} ({iso_utc(time)})" if abs(time) < 1e11 else f"{time} (no Unix seconds)"


def _refuse_file(
    file: str, found: str, expected: str, action: str = "Export it again."
) -> InvalidAnnotations:
    return InvalidAnnotations(f"{file}: found {found}, expected {expected}. {action}")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as exc:
        raise _refuse_file(path.name, exc.strerror or str(exc), "a readable file", "Check the path.") from exc
    except UnicodeDecodeError as exc:
        raise _refuse_file(path.name, f"an odd byte at {exc.start:,}", "text encoded as UTF-8") from exc


def _json_rows(text: str, file: str) -> list[dict[str, Any]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno}, column {exc.colno}"
        raise _refuse_file(file, f"{exc.msg} at {place}", "a whole JSON file") from exc
    rows = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _refuse_file(file, f"{text[:60]!r}", '{"annotations": [{...}, ...]}')
    return rows


def _csv_rows(text: str, file: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    names = [name.strip() for name in reader.fieldnames or []]
    if missing := {"start_time", "end_time", "label"} - set(names):
        hint = "Export spans, not candles or windows." if "label" in names else "Export the spans again."
        expected = f"columns {', '.join(sorted(missing))} as well"
        raise _refuse_file(file, f"the header {', '.join(names)!r}", expected, hint)
    reader.fieldnames = names
    return [_csv_values(row, file, number) for number, row in enumerate(reader, 1)]


def _csv_values(row: dict[str, Any], file: str, number: int) -> dict[str, Any]:
    """A row as the JSON export would hold it: empty cells left out, numbers and structures parsed."""
    if None in row or None in row.values():
        found = f"entry {number} with more or fewer cells than the header"
        raise _refuse_file(file, found, "one cell a column")
    values: dict[str, Any] = {key: cell for key, cell in row.items() if cell.strip()}
    for key in (*_INTEGERS, *_STRUCTURES):
        if key in values:
            values[key] = _parsed(values[key])
    return values


def _parsed(cell: str) -> Any:
    """The JSON value in a cell, or the cell itself, which the key's own check then refuses."""
    try:
        return json.loads(cell)
    except json.JSONDecodeError:
        return cell


def _annotation(entry: _Entry) -> Annotation:
    values = entry.values
    start, end = _bounds(entry)
    extra = {key: value for key, value in values.items() if key not in _KEYS}
    created_at = values.get("created_at")
    if created_at is not None and type(created_at) is not int:
        extra["created_at"] = created_at
    annotation = Annotation(
        _label(entry),
        start,
        end,
        id="",
        source=_source(entry),
        annotator=_optional_text(entry, "annotator"),
        clarity=_clarity(entry),
        outcome=_outcome(entry),
        sub_spans=_sub_spans(entry),
        notes=_optional_text(entry, "notes"),
        model_prediction=_model_prediction(entry),
        created_at=created_at if type(created_at) is int else 0,
        extra=extra,
    )
    return replace(annotation, id=_id(entry, annotation))


def _id(entry: _Entry, annotation: Annotation) -> str:
    """The entry's id, or one that depends on all of its content and nothing else."""
    given = entry.values.get("id")
    if type(given) is int or (isinstance(given, str) and given.strip()):
        return str(given).strip()
    if given not in (None, ""):
        raise entry.refusal("id", "a text or nothing")
    content = json.dumps(_exported(annotation), sort_keys=True, default=str)
    return f"derived-{hashlib.sha256(content.encode()).hexdigest()[:20]}"


def _label(entry: _Entry) -> str:
    label = entry.values.get("label")
    if not isinstance(label, str) or not label.strip():
        raise entry.refusal("label", "the name of a pattern")
    if label != label.strip():
        entry.note(f"blanks around the label {label!r} were removed")
    return label.strip()


def _bounds(entry: _Entry) -> tuple[int, int]:
    start, end = (_time(entry, key) for key in ("start_time", "end_time"))
    if start > end:
        entry.note(f"start_time {start} was after end_time {end}; they were swapped")
    return min(start, end), max(start, end)


def _time(entry: _Entry, key: str) -> int:
    time = entry.values.get(key)
    if type(time) is not int:
        raise entry.refusal(key, "Unix seconds as an integer")
    if abs(time) > 1e11:
        raise entry.refusal(key, "Unix seconds", "This looks like milliseconds: divide by 1000.")
    return time


def _clarity(entry: _Entry) -> int | None:
    clarity = entry.values.get("confidence")
    if isinstance(clarity, float) and clarity.is_integer():
        clarity = int(clarity)
    if clarity is None or (type(clarity) is int and 1 <= clarity <= 5):
        return clarity
    raise entry.refusal("confidence", "1 to 5 or null")


def _outcome(entry: _Entry) -> str | None:
    outcome = entry.values.get("outcome")
    if outcome is None or outcome in _OUTCOMES:
        return cast(str | None, outcome)
    raise entry.refusal("outcome", f"{', '.join(_OUTCOMES)} or null")


def _source(entry: _Entry) -> Source:
    source = entry.values.get("source")
    if source is None:
        return "human"
    if isinstance(source, str) and source in _SOURCES:
        return _SOURCES[source]
    raise entry.refusal("source", f"one of {', '.join(_SOURCES)}")


def _optional_text(entry: _Entry, key: str) -> str | None:
    text = entry.values.get(key)
    if text is None or isinstance(text, str):
        return text
    raise entry.refusal(key, "a text or null")


def _sub_spans(entry: _Entry) -> tuple[Span, ...] | None:
    listed = entry.values.get("sub_spans")
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(sub_span, dict) for sub_span in listed):
        raise entry.refusal("sub_spans", "a list of {label, start_time, end_time} or null")
    inner = [replace(entry, values=one) for one in listed]
    return tuple(Span(_label(one), *_bounds(one)) for one in inner)


def _model_prediction(entry: _Entry) -> JudgedPrediction | None:
    judged = entry.values.get("model_prediction")
    if judged is None:
        return None
    if not isinstance(judged, dict):
        raise entry.refusal("model_prediction", "{label, confidence, model_version} or null")
    inner = replace(entry, values=judged)
    if unknown := sorted(set(judged) - set(_JUDGED_KEYS)):
        entry.note(f"left out of model_prediction: {', '.join(unknown)}")
    confidence = judged.get("confidence")
    if confidence is not None and (type(confidence) not in (int, float) or not 0 <= confidence <= 1):
        raise inner.refusal("confidence", "a probability from 0 to 1 or null, as model_prediction has it")
    return JudgedPrediction(
        label=_label(inner),
        confidence=confidence,
        model_version=_optional_text(inner, "model_version"),
        start_time=_time(inner, "start_time") if judged.get("start_time") is not None else None,
        end_time=_time(inner, "end_time") if judged.get("end_time") is not None else None,
    )


def _exported(annotation: Annotation) -> dict[str, Any]:
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
