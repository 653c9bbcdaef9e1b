"""An export in any of the tool's forms as annotations; the form is told by header and keys."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from mllib.amounts import count
from mllib.annotation_files.candle_tags import looks_tagged, tagged_spans
from mllib.annotation_files.content import CsvRows, bytes_of, is_json, json_rows, refused, text_of
from mllib.annotation_files.entries import Entry, annotation_of, is_point
from mllib.annotation_files.window_rows import has_windows, window_bounds, window_spans
from mllib.spans import PEOPLE, Annotation

MOST_NOTES = 20
"""So many entries are told of one by one."""


@dataclass(frozen=True, slots=True)
class AnnotationFile:
    """The annotations of one export, and what was put right while reading it, for a person."""

    annotations: list[Annotation]
    notes: tuple[str, ...]


def read_annotation_file(path: Path) -> AnnotationFile:
    """The annotations of the tool's JSON export or of one of its CSVs, and what was put right.

    A CSV has a row a span (`start_time end_time label`), a row a candle with BIO tags (`time open high low
    close volume label`), a row a window (`has_windows`), or a row a point (`time label`). A missing id is
    derived from the content, so that importing the file again gives the same one. A start after its end is
    swapped, and entries that repeat an earlier one are left out; both are noted, `MOST_NOTES` of them one by
    one. Unknown keys are kept in `extra`.

    Raises:
        InvalidAnnotations: if the file cannot be read, is too large or none of these, or naming the entry
            and key with an empty label, a time that is no integer, a confidence outside 1 to 5, an unknown
            source or outcome, tags that do not fit, or an id that stands for two different annotations.
    """
    return parse_annotations(bytes_of(path), path.name)


def parse_annotations(content: bytes, name: str) -> AnnotationFile:
    """What `read_annotation_file` says of a file with this content; `name` begins every message."""
    text = text_of(content, name)
    notes: list[str] = []
    if is_json(text, name):
        rows = enumerate(json_rows(text, name), 1)
        return _collected((Entry(row, name, number, notes) for number, row in rows), notes)
    del text  # a second copy of a large file
    return _collected(_csv_entries(CsvRows(content, name), name, notes), notes)


def _csv_entries(rows: CsvRows, file: str, notes: list[str]) -> Iterator[Entry]:
    entries = (Entry(values, file, number, notes, noun="row") for number, values in rows)
    names = rows.names
    bounds = window_bounds(names)
    if "label" not in names or (bounds is None and "time" not in names):
        raise refused(
            file,
            f"the header {', '.join(names)[:200]!r}",
            "start_time, end_time and label (spans, windows), or time and label (candles, points)",
        )
    if bounds is None:
        return _by_candle(entries, names)
    return window_spans(entries, bounds, notes) if has_windows(names) else entries


def _by_candle(entries: Iterator[Entry], names: list[str]) -> Iterator[Entry]:
    """Tagged candles where the rows have prices or begin with a tag, else points."""
    first = next(entries, None)
    if first is None:
        return iter(())
    every = chain([first], entries)
    return tagged_spans(every) if "close" in names or looks_tagged(first.values.get("label")) else every


def _collected(entries: Iterable[Entry], notes: list[str]) -> AnnotationFile:
    annotations: dict[str, Annotation] = {}
    points = 0
    for entry in entries:
        annotation = annotation_of(entry)
        points += is_point(entry.values)
        known = annotations.setdefault(annotation.id, annotation)
        if known == annotation and known is not annotation:
            entry.note("left out, it repeats an earlier one")
        elif known != annotation:
            raise entry.refusal("id", "an id of its own", "Give one of the two another id.")
    found = list(annotations.values())
    return AnnotationFile(found, (*_first(notes), *_remarks(found, points)))


def _first(notes: list[str]) -> list[str]:
    """So many of the notes as someone reads, and how many more there are."""
    more = len(notes) - MOST_NOTES
    return [*notes[:MOST_NOTES], f"And {more:,} more notes like these."] if more > 0 else notes


def _remarks(annotations: list[Annotation], points: int) -> Iterator[str]:
    if points:
        yield f"{count(points, 'annotation')} with a single time: each is stored as a span of that candle."
    machine = sum(annotation.source not in PEOPLE for annotation in annotations)
    if machine:
        yield (
            f"{count(machine, 'annotation')} of TA-Lib's (source talib): stored and exported, but not "
            "learned, as `candleloop label` finds TA-Lib's spans itself."
        )
