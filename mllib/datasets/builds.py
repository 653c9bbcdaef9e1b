"""Which datasets were built, and when: a line each in `builds.jsonl`, appended and never changed."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

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


def count_spans(series: Sequence[LabelledSeries]) -> dict[str, dict[str, int]]:
    """Spans by label and source."""
    found = Counter((s.label, s.source) for one in series for s in one.spans if isinstance(s, Annotation))
    counts: dict[str, dict[str, int]] = {}
    for (label, source), n in sorted(found.items()):
        counts.setdefault(label, {})[source] = n
    return counts


def record(folder: Path, build: Build) -> None:
    """Appends a build; a single write, so that two processes never mix their lines."""
    line = json.dumps(asdict(build), sort_keys=True) + "\n"
    descriptor = os.open(folder / _FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def list_builds(folder: Path) -> list[Build]:
    """Every build, newest first.

    Raises:
        NotReady: the file was altered.
    """
    path = folder / _FILE
    if not path.is_file():
        return []
    builds = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            builds.append(Build(**json.loads(line)))
        except (ValueError, TypeError) as exc:
            raise NotReady(
                f"{path}: found line {number} unreadable ({exc}), expected a build. "
                "Remove that line; the datasets themselves are not touched by it."
            ) from exc
    return builds[::-1]
