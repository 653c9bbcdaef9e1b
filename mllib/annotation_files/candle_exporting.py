"""The tool's two CSVs that hold prices: one row a candle, BIO-tagged, and one row a window."""

import csv
import io
from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from mllib.annotation_files.exporting import exported, rows_to_csv
from mllib.candles import Candles
from mllib.spans import NOTHING, PEOPLE, Annotation

MOST_SHOWN = 1_000
"""CSV readers, ours too, take cells of at most 131,072 characters."""
_PRICES = ("open", "high", "low", "close")


def to_tagged_csv(annotations: Sequence[Annotation], candles: Candles) -> str:
    """A row a candle, `time open high low close volume label`, tagged `B-`, `I-` or `O`.

    Without volume its cells are empty. A row has one label and says nothing of a source: see `tagged_of` for
    the spans that it tells of.
    """
    labels = [NOTHING] * len(candles)
    for annotation in tagged_of(annotations):
        first, last = _bars(annotation, candles)
        labels[first:last] = [
            f"{'B' if bar == first else 'I'}-{annotation.label}" for bar in range(first, last)
        ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("time", *_PRICES, "volume", "label"))
    rows = zip(candles.time.tolist(), _prices(candles), labels, strict=True)
    writer.writerows((time, *prices, label) for time, prices, label in rows)
    return text.getvalue()


def tagged_of(annotations: Sequence[Annotation]) -> list[Annotation]:
    """People's spans of which none shares a candle with another, by start.

    Of those that do, the longest stays whole, and of equally long ones the earliest, then the first by label
    and id. TA-Lib's, and what was dismissed, are left out.

    >>> spans = [Annotation("flag", 0, 60, id="a"), Annotation("wedge", 60, 240, id="b")]
    >>> [span.label for span in tagged_of(spans)]
    ['wedge']
    """
    said = [one for one in annotations if one.source in PEOPLE and one.label != NOTHING]
    said.sort(key=lambda one: (one.start_time - one.end_time, one.start_time, one.label, one.id))
    kept: list[Annotation] = []
    for one in said:
        after = bisect_right(kept, one.end_time, key=attrgetter("start_time"))
        if after == 0 or kept[after - 1].end_time < one.start_time:
            kept.insert(after, one)
    return kept


def to_window_csv(annotations: Sequence[Annotation], candles: Candles) -> str:
    """A row a window, which is a span: the columns of the span CSV, and `candles`, what it looks like.

    `candles` is JSON: `[open, high, low, close, volume]` of each candle, volume null where there is none, and
    empty where the window has more than `MOST_SHOWN` candles.
    What was dismissed is left out.
    """
    return rows_to_csv([_window(one, candles) for one in annotations if one.label != NOTHING])


def _window(annotation: Annotation, candles: Candles) -> dict[str, Any]:
    first, last = _bars(annotation, candles)
    shown = _prices(candles[first:last]) if last - first <= MOST_SHOWN else None
    return exported(annotation) | {"candles": shown}


def _bars(annotation: Annotation, candles: Candles) -> tuple[int, int]:
    first = int(candles.time.searchsorted(annotation.start_time, "left"))
    return first, int(candles.time.searchsorted(annotation.end_time, "right"))


def _prices(candles: Candles) -> list[list[float | None]]:
    volume = [None] * len(candles) if candles.volume is None else candles.volume.tolist()
    columns = [getattr(candles, name).tolist() for name in _PRICES]
    return [list(row) for row in zip(*columns, volume, strict=True)]
