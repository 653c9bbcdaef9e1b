"""Candles that are stored and candles that come: what becomes of both."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.candle_gate import check_arrays
from mllib.candles import PRICE_COLUMNS, Candles
from mllib.errors import InvalidCandles


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge did: candles added, changed and left as they were, and what is stored now."""

    added: int
    changed: int
    unchanged: int
    total: int
    first_time: int
    last_time: int


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What a merge would do; `stored` are the candles that are there (None: the series is new).

    `changed_times` are the opens (Unix s) of stored candles that would get other prices or another volume.
    """

    report: MergeReport
    stored: Candles | None
    changed_times: NDArray[np.int64]


def compared(stored: Candles | None, new: Candles) -> Comparison:
    """What `merge_candles` would do; raises as it does."""
    _, report = merge_candles(stored, new)
    changed = np.empty(0, np.int64) if stored is None else _changed_times(stored, new)
    return Comparison(report, stored, changed)


def merge_candles(stored: Candles | None, new: Candles) -> tuple[Candles, MergeReport]:
    """Old and new candles in order of time, the new ones in place of old ones of the same time.

    Raises:
        InvalidCandles: if old and new together do not pass the gate, or only one has a volume.
    """
    if stored is None:
        times = int(new.time[0]), int(new.time[-1])
        return new, MergeReport(len(new), 0, 0, len(new), *times)
    again = np.isin(new.time, stored.time, assume_unique=True)
    kept = np.isin(stored.time, new.time, assume_unique=True, invert=True)
    if (stored.volume is None) != (new.volume is None) and kept.any():
        has, lacks = ("stored", "new") if new.volume is None else ("new", "stored")
        raise InvalidCandles(
            f"{new.name}: found a volume in the {has} candles only, expected it in the {lacks} ones as well. "
            "Import all of them with a volume or none; deleting the stored series first is one way."
        )
    changed = len(_changed_times(stored, new))
    merged = _joined(stored, kept, new)
    check_arrays(merged)
    total, added = len(merged), int((~again).sum())
    times = int(merged.time[0]), int(merged.time[-1])
    return merged, MergeReport(added, changed, int(again.sum()) - changed, total, *times)


def _changed_times(stored: Candles, new: Candles) -> NDArray[np.int64]:
    """The opens of candles that both have, but not alike."""
    times, i, j = np.intersect1d(stored.time, new.time, assume_unique=True, return_indices=True)
    if (stored.volume is None) != (new.volume is None):
        return times
    return np.asarray(times[(_matrix(stored)[:, i] != _matrix(new)[:, j]).any(axis=0)])


def _matrix(candles: Candles) -> NDArray[np.float64]:
    values = [getattr(candles, name) for name in PRICE_COLUMNS]
    return np.stack(values if candles.volume is None else [*values, candles.volume])


def _joined(stored: Candles, kept: NDArray[np.bool_], new: Candles) -> Candles:
    time = np.concatenate([stored.time[kept], new.time])
    order = np.argsort(time, kind="stable")
    columns = {
        name: np.concatenate([getattr(stored, name)[kept], getattr(new, name)])[order]
        for name in PRICE_COLUMNS
    }
    volume = None
    if new.volume is not None:
        old = stored.volume[kept] if stored.volume is not None else np.empty(0)
        volume = np.concatenate([old, new.volume])[order]
    return Candles(new.pair, new.timeframe, time[order], **columns, volume=volume)
