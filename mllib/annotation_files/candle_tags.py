"""The tool's CSV of one row a candle, BIO-tagged, as entries of one span each."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from mllib.annotation_files.entries import Entry, time_of
from mllib.errors import InvalidAnnotations
from mllib.spans import NOTHING
from mllib.timeframes import iso_utc

_TAG = re.compile(r"([BI])-(\S.*)")


@dataclass(frozen=True, slots=True)
class _Open:
    """A span whose last candle is not known yet."""

    label: str
    first: int
    last: int


def looks_tagged(label: Any) -> bool:
    """Whether a cell is `O`, `B-<label>` or `I-<label>`."""
    return isinstance(label, str) and (label.strip() == NOTHING or bool(_TAG.fullmatch(label.strip())))


def tagged_spans(entries: Iterable[Entry]) -> Iterator[Entry]:
    """An entry a span, under the number of the row where it begins; `B-` begins one, `I-` goes on with it.

    Raises:
        InvalidAnnotations: naming the row whose time does not rise, as where two charts are in one file, or
            whose tag is none or does not fit the one before.
    """
    before: int | None = None
    started: Entry | None = None
    span: _Open | None = None
    for entry in entries:
        time = _rising(entry, before)
        prefix, label = _tag(entry)
        if prefix == "I":
            span = replace(_continued(entry, span, label), last=time)
        else:
            yield from _ended(started, span)
            started, span = entry, _Open(label, time, time) if prefix == "B" else None
        before = time
    yield from _ended(started, span)


def _ended(started: Entry | None, span: _Open | None) -> Iterator[Entry]:
    if started is not None and span is not None:
        values = {"label": span.label, "start_time": span.first, "end_time": span.last}
        yield replace(started, values=values)


def _rising(entry: Entry, before: int | None) -> int:
    time = time_of(entry, "time")
    if before is not None and time <= before:
        raise _misfit(
            entry,
            f"time {time} ({iso_utc(time)}) after {before} ({iso_utc(before)})",
            "times that rise from row to row",
            "Two charts seem to be in this file: export each into its own.",
        )
    return time


def _tag(entry: Entry) -> tuple[str, str]:
    cell = entry.values.get("label")
    written = cell.strip() if isinstance(cell, str) else ""
    if written == NOTHING:
        return NOTHING, ""
    found = _TAG.fullmatch(written)
    if found is None:
        raise entry.refusal("label", "O, B-<label> or I-<label>")
    return found[1], found[2]


def _continued(entry: Entry, span: _Open | None, label: str) -> _Open:
    if span is None or span.label != label:
        before = "no span" if span is None else f"a span of {span.label}"
        raise _misfit(
            entry, f"I-{label} after {before}", f"B-{label} or I-{label} before it", "Correct the tags."
        )
    return span


def _misfit(entry: Entry, found: str, expected: str, action: str) -> InvalidAnnotations:
    return InvalidAnnotations(
        f"{entry.file}: row {entry.number}: found {found}, expected {expected}. {action}"
    )
