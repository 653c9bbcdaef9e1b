"""The rows of a file's bytes, JSON or CSV, before anything is made of them."""

import csv
import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from mllib.errors import InvalidAnnotations

MOST_BYTES = 100_000_000
"""A larger file is refused before it is read: a million candles with their tags are half of it."""

_DELIMITERS = ",;\t"
_INTEGERS = (
    *("start_time", "end_time", "time", "window_start", "window_end"),
    *("confidence", "created_at", "as_of"),
)
_STRUCTURES = ("sub_spans", "model_prediction")


def bytes_of(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        InvalidAnnotations: it cannot be read, or holds more than `MOST_BYTES`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1) if path.stat().st_size <= MOST_BYTES else None
    except OSError as exc:
        raise refused(path.name, exc.strerror or str(exc), "a readable file", "Check the path.") from exc
    if content is None or len(content) > MOST_BYTES:
        raise too_large(path.name, f"{path.stat().st_size:,} bytes")
    return content


def too_large(name: str, found: str) -> InvalidAnnotations:
    """The refusal of more than `MOST_BYTES`."""
    action = "Export one chart at a time, or a shorter range, and import the parts one after another."
    return refused(name, found, f"at most {MOST_BYTES:,}", action)


def refused(file: str, found: str, expected: str, action: str = "Export it again.") -> InvalidAnnotations:
    """The refusal of a file as a whole."""
    return InvalidAnnotations(f"{file}: found {found}, expected {expected}. {action}")


def text_of(content: bytes, name: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        InvalidAnnotations: the file is empty or has another encoding.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        action = "Export it again, or save it as UTF-8."
        raise refused(name, f"an odd byte at {exc.start:,}", "text encoded as UTF-8", action) from exc
    if not text.strip():
        raise refused(name, "nothing in it", "an export of annotations")
    return text


def is_json(text: str, name: str) -> bool:
    """Whether a text is JSON rather than CSV, by its name and else by how it begins."""
    return name.lower().endswith(".json") or text.lstrip()[:1] in ("{", "[")


def json_rows(text: str, file: str) -> list[dict[str, Any]]:
    """The entries of the tool's JSON export, or of a bare list of them.

    Raises:
        InvalidAnnotations: it is cut off, no JSON, or of another shape.
    """
    try:
        content = json.loads(text, parse_constant=partial(_no_number, file))
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno}, column {exc.colno}"
        raise refused(file, f"{exc.msg} at {place}", "a whole JSON file") from exc
    except RecursionError as exc:
        raise refused(file, "lists or objects nested too deep", "those of an export") from exc
    except ValueError as exc:  # nothing else is left that Python's reader refuses
        raise refused(file, "an integer of thousands of digits", "numbers that an export has") from exc
    rows = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise refused(file, f"{text[:60]!r}", '{"annotations": [{...}, ...]}')
    return rows


def _no_number(file: str, constant: str) -> NoReturn:
    raise refused(file, f"the constant {constant}, which JSON does not have", "JSON that can be read")


class CsvRows:
    """The rows of a CSV with their numbers, one at a time; `names` are those of its header.

    Empty cells are left out, numbers and structures parsed, as the JSON export would hold them.
    """

    def __init__(self, content: bytes, file: str) -> None:
        self._file = file
        delimiter = max(_DELIMITERS, key=content.partition(b"\n")[0].decode("utf-8-sig").count)
        text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
        self._rows = csv.reader(text, skipinitialspace=True, delimiter=delimiter)
        self.names = [name.strip() for name in next(self._rows, [])]

    def __iter__(self) -> Iterator[tuple[int, dict[str, Any]]]:
        try:
            for number, cells in enumerate(filter(None, self._rows), 1):
                yield number, self._values(number, cells)
        except csv.Error as exc:
            raise refused(self._file, f"{exc} at line {self._rows.line_num:,}", "a CSV") from exc

    def _values(self, number: int, cells: list[str]) -> dict[str, Any]:
        if len(cells) != len(self.names):
            found = f"row {number} with {len(cells)} cells"
            raise refused(self._file, found, f"{len(self.names)} as in the header")
        values: dict[str, Any] = {
            key: cell for key, cell in zip(self.names, cells, strict=True) if cell.strip()
        }
        for key in (*_INTEGERS, *_STRUCTURES):
            if key in values:
                values[key] = _parsed(values[key])
        return values


def _parsed(cell: str) -> Any:
    """The JSON value in a cell, or the cell itself, which the key's own check then refuses."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell
