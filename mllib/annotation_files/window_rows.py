"""The tool's CSV of one row a window as entries of one span each."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from mllib.amounts import count
from mllib.annotation_files.entries import KEYS, Entry, time_of
from mllib.spans import NOTHING

BOUNDS = ("start_time", "end_time")
WINDOW_BOUNDS = (("window_start", "window_end"), ("window_start_time", "window_end_time"))
_AS_OF = "as_of"
"""What a verdict had seen, which our own exports tell."""
_OF_A_WINDOW = re.compile(
    r".*window.*|(open|high|low|close|volume|[ohlcv])_?\d+|candles|ohlcv|features", re.I
)


def has_windows(names: Sequence[str]) -> bool:
    """Whether a header is that of windows: it speaks of them, or has prices of several candles."""
    return any(_OF_A_WINDOW.fullmatch(name) for name in names)


def window_bounds(names: Sequence[str]) -> tuple[str, str] | None:
    """The columns of a window's first and last candle; `start_time` and `end_time` come before the others."""
    return next((pair for pair in (BOUNDS, *WINDOW_BOUNDS) if set(pair) <= set(names)), None)


def window_spans(entries: Iterable[Entry], bounds: tuple[str, str], notes: list[str]) -> Iterator[Entry]:
    """An entry a span: the window itself, under its label.

    A window labelled `O` says that nothing is there and gives none. Windows without an id of their own that
    overlap and say the same, as sliding ones do, give one span together. Columns of prices and features are
    left out.
    """
    read = 0
    labelled: list[Entry] = []
    for entry in entries:
        read += 1
        if str(entry.values.get("label", "")).strip() != NOTHING:
            labelled.append(replace(entry, values=_values(entry, bounds)))
    joined = _joined(labelled)
    notes.append(
        f"One row a window: {read} read, {read - len(labelled)} labelled {NOTHING} (nothing is there), "
        f"{count(len(labelled), 'labelled window')} gave {count(len(joined), 'span')}."
    )
    yield from joined


def _values(entry: Entry, bounds: tuple[str, str]) -> dict[str, Any]:
    first, last = sorted(time_of(entry, name) for name in bounds)
    kept = {key: value for key, value in entry.values.items() if key in KEYS or key == _AS_OF}
    return kept | {"start_time": first, "end_time": last}


def _joined(entries: Sequence[Entry]) -> list[Entry]:
    """Windows that overlap and say the same as one; those with an id stay apart."""
    found: list[Entry] = []
    newest: dict[str, int] = {}
    for entry in sorted(entries, key=lambda one: (one.values["start_time"], one.number)):
        said = repr(sorted((key, value) for key, value in entry.values.items() if key not in BOUNDS))
        at = newest.get(said)
        if at is not None and entry.values["start_time"] <= found[at].values["end_time"]:
            end = max(found[at].values["end_time"], entry.values["end_time"])
            found[at] = replace(found[at], values={**found[at].values, "end_time": end})
            continue
        newest[said] = len(found)
        found.append(entry)
    return found
