"""The patient annotator: knows everything, tells only what is asked, and counts what it was asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.matching import Positions, covered
from mllib.spans import ReviewedRange, Span, positions


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of a pool of candles: half-open places looked at `(n, 2)`, and the spans there."""

    candles: Candles
    labels: frozenset[str]
    places: Positions
    spans: tuple[Span, ...]

    @classmethod
    def nothing(cls, candles: Candles, labels: frozenset[str]) -> "Known":
        """Nothing was looked at."""
        return cls(candles, labels, np.empty((0, 2), np.int64), ())

    @property
    def looked(self) -> NDArray[np.bool_]:
        """The bars that were looked at: `bool (n_bars,)`."""
        return covered(self.places, len(self.candles))

    @property
    def reviewed(self) -> list[ReviewedRange]:
        """The places, for all labels; and each span told, for its own label, where it leaves its place."""
        time = self.candles.time
        found = [
            ReviewedRange(int(time[start]), int(time[end - 1]), self.labels)
            for start, end in self.places.tolist()
        ]
        told = [ReviewedRange(one.start_time, one.end_time, frozenset({one.label})) for one in self.spans]
        return found + told

    def told(self, places: Positions, spans: Sequence[Span]) -> "Known":
        """The same with an answer added; a span that was told before is not told twice."""
        named = {(one.label, one.start_time, one.end_time): one for one in [*self.spans, *spans]}
        together = np.concatenate([self.places, places])
        return Known(self.candles, self.labels, together, tuple(named.values()))


@dataclass(slots=True)
class Annotator:
    """Answers a place with every span that shares a bar with it, in its true bounds.

    `spent` counts the places shown, whatever was there.
    """

    candles: Candles
    truth: Sequence[Span]
    spent: int = 0
    _found: Positions = field(init=False)

    def __post_init__(self) -> None:
        self._found = positions(self.truth, self.candles.time)

    def look(self, places: Positions) -> list[Span]:
        """The spans on the places `(n, 2)`, each once; an empty list says that nothing is there."""
        self.spent += len(places)
        start, end = self._found.T
        on_any = np.zeros(len(self.truth), bool)
        for first, last in places.tolist():
            on_any |= (start < last) & (end > first)
        return [self.truth[i] for i in np.flatnonzero(on_any).tolist()]
