"""What changed from one dataset to another: spans by label and source, candles, reviewed ranges."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mllib.candles import PRICE_COLUMNS, Candles
from mllib.spans import Annotation
from mllib.training import LabelledSeries

_CHANGES = ("added", "removed", "changed", "unchanged")


@dataclass(frozen=True, slots=True)
class Change:
    """How many of something came, went, changed and stayed; `changed` ones kept their id or time."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0

    @property
    def is_none(self) -> bool:
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True)
class Difference:
    """`spans` by (label, source), `candles` and `reviewed` by series such as `EURUSD 1h`."""

    spans: dict[tuple[str, str], Change]
    candles: dict[str, Change]
    reviewed: dict[str, Change]

    @property
    def is_none(self) -> bool:
        """Whether nothing came, went or changed."""
        parts: list[Mapping[Any, Change]] = [self.spans, self.candles, self.reviewed]
        return all(change.is_none for part in parts for change in part.values())


def compare(before: Sequence[LabelledSeries], after: Sequence[LabelledSeries]) -> Difference:
    """What has changed from one dataset's series to another's."""
    old = {one.candles.name: one for one in before}
    new = {one.candles.name: one for one in after}
    names = sorted(old.keys() | new.keys())
    return Difference(
        spans=_spans(before, after),
        candles={name: _candles(_part(old, name), _part(new, name)) for name in names},
        reviewed={name: _reviewed(old.get(name), new.get(name)) for name in names},
    )


def _part(series: Mapping[str, LabelledSeries], name: str) -> Candles | None:
    return series[name].candles if name in series else None


def _spans(
    before: Sequence[LabelledSeries], after: Sequence[LabelledSeries]
) -> dict[tuple[str, str], Change]:
    """A span whose label or source changed counts where it stands now, as changed."""
    old, new = _by_id(before), _by_id(after)
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(_CHANGES, 0))
    for key, span in new.items():
        kind = "added" if key not in old else "unchanged" if old[key] == span else "changed"
        counts[span.label, span.source][kind] += 1
    for key in old.keys() - new.keys():
        counts[old[key].label, old[key].source]["removed"] += 1
    return {key: Change(**counts[key]) for key in sorted(counts)}


def _by_id(series: Sequence[LabelledSeries]) -> dict[tuple[str, str], Annotation]:
    spans = ((one.candles.name, span) for one in series for span in one.spans)
    return {(name, span.id): span for name, span in spans if isinstance(span, Annotation)}


def _candles(old: Candles | None, new: Candles | None) -> Change:
    if old is None or new is None:
        return Change(added=0 if new is None else len(new), removed=0 if old is None else len(old))
    _, i, j = np.intersect1d(old.time, new.time, assume_unique=True, return_indices=True)
    same = np.logical_and.reduce([getattr(old, p)[i] == getattr(new, p)[j] for p in PRICE_COLUMNS])
    volumes = [np.full(len(one), np.nan) if one.volume is None else one.volume for one in (old, new)]
    same &= np.isclose(volumes[0][i], volumes[1][j], rtol=0, atol=0, equal_nan=True)
    unchanged = int(same.sum())
    return Change(len(new) - len(j), len(old) - len(i), len(i) - unchanged, unchanged)


def _reviewed(old: LabelledSeries | None, new: LabelledSeries | None) -> Change:
    before = set() if old is None else set(old.reviewed)
    after = set() if new is None else set(new.reviewed)
    return Change(len(after - before), len(before - after), 0, len(before & after))
