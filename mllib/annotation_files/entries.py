"""One entry of an export as an annotation: what is taken, put right and refused.

Entries are counted from 1, in a CSV as rows below the header.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast, get_args

from mllib.annotation_files.exporting import exported
from mllib.annotation_files.limits import (
    FIT_ID,
    LONGEST_NAME,
    LONGEST_NOTES,
    MOST_LEVELS,
    MOST_SUB_SPANS,
    can_be_an_id,
)
from mllib.candle_gate import LATEST_TIME
from mllib.errors import InvalidAnnotations, InvalidCandles
from mllib.spans import Annotation, JudgedPrediction, Source, Span
from mllib.timeframes import parse_time

SOURCES: dict[str, Source] = {
    **{source: source for source in get_args(Source)},
    "model": "model_confirmed",
    "human_correction": "model_corrected",
}
"""What each written source means; older exports have two of their own."""
_OUTCOMES = ("win", "loss", "breakeven")
KEYS = frozenset(
    (
        *("id", "start_time", "end_time", "label", "confidence", "outcome", "sub_spans", "notes"),
        *("source", "model_prediction", "annotator", "created_at"),
    )
)
_BOUNDS = ("start_time", "end_time")
_JUDGED_KEYS = ("label", "confidence", "model_version", *_BOUNDS)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the file holds it, with its place for messages."""

    values: Mapping[str, Any]
    file: str
    number: int
    notes: list[str]
    noun: str = "entry"

    def refusal(
        self, key: str, expected: str, action: str = "Correct it and import the file again."
    ) -> InvalidAnnotations:
        found = repr(self.values[key])[:100] if key in self.values else "nothing"
        return InvalidAnnotations(
            f"{self.file}: {self.noun} {self.number}, {key}: found {found}, expected {expected}. {action}"
        )

    def note(self, what: str) -> None:
        self.notes.append(f"{self.noun.capitalize()} {self.number}: {what}.")


def is_point(values: Mapping[str, Any]) -> bool:
    """Whether an entry has a single time instead of bounds."""
    return "time" in values and "start_time" not in values and "end_time" not in values


def annotation_of(entry: Entry) -> Annotation:
    """The annotation that an entry describes; a single `time` is a span of one candle.

    Raises:
        InvalidAnnotations: naming file, entry and key.
    """
    values = entry.values
    start, end = _bounds(entry)
    known = KEYS | {"time"} if is_point(values) else KEYS
    extra = {key: value for key, value in values.items() if key not in known}
    if type(values.get("created_at")) in (str, float):
        extra["created_at"] = values["created_at"]  # exported as it was written
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
        notes=_optional_text(entry, "notes", LONGEST_NOTES),
        model_prediction=_model_prediction(entry),
        created_at=_created_at(entry),
        extra=extra,
    )
    _require_text(entry)
    _require_flat(entry)
    return replace(annotation, id=_id(entry, annotation))


def _require_text(entry: Entry) -> None:
    if _can_be_stored(entry.values):
        return
    key = next((key for key, value in entry.values.items() if not _can_be_stored({key: value})), "label")
    shown = key if key.isprintable() else ascii(key)
    raise replace(entry, values={shown: entry.values[key]}).refusal(shown, "text that UTF-8 can hold")


def _require_flat(entry: Entry) -> None:
    for key, value in entry.values.items():
        if _is_deeper(value, MOST_LEVELS):
            shown = key if key.isprintable() else ascii(key)
            found = replace(entry, values={shown: value})
            raise found.refusal(shown, f"at most {MOST_LEVELS} levels of lists and objects")


def _is_deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, (list, dict)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in inner)


def _can_be_stored(values: Mapping[str, Any]) -> bool:
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _id(entry: Entry, annotation: Annotation) -> str:
    """The entry's id, or one that depends on all of its content and nothing else."""
    given = entry.values.get("id")
    if given in (None, ""):
        content = json.dumps(exported(annotation), sort_keys=True, default=str)
        return f"derived-{hashlib.sha256(content.encode()).hexdigest()[:20]}"
    if type(given) not in (int, str):
        raise entry.refusal("id", "a text or nothing")
    trimmed = str(given).strip()
    if not can_be_an_id(trimmed):
        raise entry.refusal("id", FIT_ID)
    if str(given) != trimmed:
        entry.note(f"blanks around the id {given!r} were removed")
    return trimmed


def _label(entry: Entry) -> str:
    label = entry.values.get("label")
    if not isinstance(label, str) or not label.strip() or not label.strip().isprintable():
        raise entry.refusal("label", "the name of a pattern")
    if len(label.strip()) > LONGEST_NAME:
        raise entry.refusal("label", _at_most(LONGEST_NAME))
    if label != label.strip():
        entry.note(f"blanks around the label {label!r} were removed")
    return label.strip()


def _at_most(characters: int) -> str:
    return f"at most {characters:,} characters"


def _bounds(entry: Entry) -> tuple[int, int]:
    if is_point(entry.values):
        time = time_of(entry, "time")
        return time, time
    start, end = (time_of(entry, key) for key in _BOUNDS)
    if start > end:
        entry.note(f"start_time {start} was after end_time {end}; they were swapped")
    return min(start, end), max(start, end)


def time_of(entry: Entry, key: str) -> int:
    """The Unix seconds under a key; raises InvalidAnnotations where there are none."""
    time = entry.values.get(key)
    if type(time) is not int:
        raise entry.refusal(key, "Unix seconds as an integer")
    if abs(time) > 1e11:
        raise entry.refusal(key, "Unix seconds", "This looks like milliseconds: divide by 1000.")
    return time


def _created_at(entry: Entry) -> int:
    """When it was said (Unix s), 0 where the entry does not say."""
    written = entry.values.get("created_at")
    if written is None:
        return 0
    expected = f"Unix seconds up to {LATEST_TIME} or an ISO 8601 date from 1970 on, or null"
    if type(written) not in (int, float, str):
        raise entry.refusal("created_at", expected)
    try:
        time = parse_time(written) if isinstance(written, str) else int(written)
    except (InvalidCandles, ValueError, OverflowError) as exc:
        raise entry.refusal("created_at", expected) from exc
    if 0 <= time <= LATEST_TIME:
        return time
    if 0 <= time // 1000 <= LATEST_TIME:
        raise entry.refusal("created_at", expected, "This looks like milliseconds: divide by 1000.")
    raise entry.refusal("created_at", expected)


def _clarity(entry: Entry) -> int | None:
    clarity = entry.values.get("confidence")
    if isinstance(clarity, float) and clarity.is_integer():
        clarity = int(clarity)
    if clarity is None or (type(clarity) is int and 1 <= clarity <= 5):
        return clarity
    raise entry.refusal("confidence", "1 to 5 or null")


def _outcome(entry: Entry) -> str | None:
    outcome = entry.values.get("outcome")
    if outcome is None or outcome in _OUTCOMES:
        return cast(str | None, outcome)
    raise entry.refusal("outcome", f"{', '.join(_OUTCOMES)} or null")


def _source(entry: Entry) -> Source:
    source = entry.values.get("source")
    if source is None:
        return "human"
    if isinstance(source, str) and source in SOURCES:
        return SOURCES[source]
    raise entry.refusal("source", f"one of {', '.join(SOURCES)}")


def _optional_text(entry: Entry, key: str, longest: int = LONGEST_NAME) -> str | None:
    text = entry.values.get(key)
    if text is not None and not isinstance(text, str):
        raise entry.refusal(key, "a text or null")
    if text is not None and len(text) > longest:
        raise entry.refusal(key, _at_most(longest))
    return text


def _sub_spans(entry: Entry) -> tuple[Span, ...] | None:
    listed = entry.values.get("sub_spans")
    if listed is None:
        return None
    if not isinstance(listed, list) or not all(isinstance(sub_span, dict) for sub_span in listed):
        raise entry.refusal("sub_spans", "a list of {label, start_time, end_time} or null")
    if len(listed) > MOST_SUB_SPANS:
        raise entry.refusal("sub_spans", f"at most {MOST_SUB_SPANS:,} of them")
    inner = [replace(entry, values=one) for one in listed]
    return tuple(Span(_label(one), *_bounds(one)) for one in inner)


def _model_prediction(entry: Entry) -> JudgedPrediction | None:
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
    bounds = {key: None if judged.get(key) is None else time_of(inner, key) for key in _BOUNDS}
    start, end = bounds.values()
    if start is not None and end is not None and start > end:
        start, end = end, start
        entry.note("the bounds of model_prediction were swapped")
    return JudgedPrediction(
        label=_label(inner),
        confidence=confidence,
        model_version=_optional_text(inner, "model_version"),
        start_time=start,
        end_time=end,
    )
