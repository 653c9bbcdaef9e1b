"""Which datasets were built, and when: a line each in `builds.jsonl`, appended and never changed.

A line that a crash has cut short was never told as stored: it is not read, and the next one takes its place.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter

from mllib.errors import NotReady
from mllib.spans import Annotation
from mllib.training import LabelledSeries

_FILE = "builds.jsonl"


@dataclass(frozen=True, slots=True)
class Build:
    """One dataset as it was built: its version, for whom, and what is in it.

    `made_by` is `build`, `train`, `repro` or `restore`, `built_at` Unix seconds UTC. `series` maps names
    such as `EURUSD 1h` to candles, `spans` labels to sources to spans, `reviewed` counts the reviewed ranges.
    """

    version: str
    made_by: str
    built_at: int
    run_id: str | None
    series: dict[str, int]
    spans: dict[str, dict[str, int]]
    reviewed: int


_BUILD = TypeAdapter(Build)


def count_spans(series: Sequence[LabelledSeries]) -> dict[str, dict[str, int]]:
    """Spans by label and source."""
    found = Counter((s.label, s.source) for one in series for s in one.spans if isinstance(s, Annotation))
    counts: dict[str, dict[str, int]] = {}
    for (label, source), n in sorted(found.items()):
        counts.setdefault(label, {})[source] = n
    return counts


def record(folder: Path, build: Build) -> None:
    """Appends a build; processes take turns, so that lines never mix."""
    line = json.dumps(asdict(build), sort_keys=True) + "\n"
    descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        _drop_cut_line(descriptor)
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def list_builds(folder: Path) -> list[Build]:
    """Every build, newest first.

    Raises:
        NotReady: the file was altered, or cannot be read.
    """
    path = folder / _FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise NotReady(
            f"{path}: found that it cannot be read ({exc.strerror}), expected a build a line. "
            "Give this user the right to read it, or move it away."
        ) from exc
    *lines, _cut = content.split(b"\n")
    return [_parsed(line, f"{path}: found line {i}") for i, line in enumerate(lines, start=1)][::-1]


def builds_stamp(folder: Path) -> str:
    """A token that changes whenever a build is recorded, or a dataset comes or goes."""
    try:
        status = [path.stat() for path in (folder, folder / _FILE)]
    except FileNotFoundError:
        return ""
    return "-".join(f"{one.st_mtime_ns:x}" for one in status)


def _parsed(line: bytes, found: str) -> Build:
    try:
        return _BUILD.validate_json(line)
    except ValueError as exc:
        raise NotReady(
            f"{found} unreadable, expected a build as JSON in UTF-8. "
            "Remove that line; the datasets themselves are not touched by it."
        ) from exc


def _drop_cut_line(descriptor: int) -> None:
    """Cuts off what follows the last whole line."""
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.ftruncate(descriptor, os.pread(descriptor, size, 0).rfind(b"\n") + 1)
