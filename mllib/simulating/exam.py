"""What a learned model is worth: span F1 on a later block of time that nothing was learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.errors import TrainingFailed
from mllib.evaluation import SpanCounts
from mllib.evaluation.spans import pooled
from mllib.matching import count_matches, mostly_on
from mllib.simulating.learner import Learned
from mllib.spans import Span, positions
from mllib.training import LabelledSeries

LEAST_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Exam:
    """The candles of the test and some before them, the spans there, and the bars that count `(n_bars,)`."""

    candles: Candles
    truth: tuple[Span, ...]
    labels: tuple[str, ...]
    counts: NDArray[np.bool_]

    @property
    def spans(self) -> int:
        """How many true spans count."""
        return int(mostly_on(positions(self.truth, self.candles.time), self.counts).sum())

    def score(self, learned: Learned) -> SpanCounts:
        """True, predicted and matched spans at IoU 0.5, of all labels together."""
        rows, P = learned.scored(self.candles)
        found = learned.encoder.decode(self.candles, rows, P)
        return pooled(self._counted(found, label) for label in self.labels)

    def _counted(self, found: Sequence[Span], label: str) -> SpanCounts:
        predicted, truth = (
            positions([one for one in spans if one.label == label], self.candles.time)
            for spans in (found, self.truth)
        )
        matches = count_matches(predicted, truth, self.counts, least_iou=LEAST_IOU)
        return SpanCounts(matches.true, matches.predicted, matches.matched)


@dataclass(frozen=True, slots=True, eq=False)
class Divided:
    """A labelled series in two: an earlier pool to ask about and a later test.

    Places lie on the first `usable_bars` of the pool, so that no span that reaches beyond it is asked about.
    """

    pool: Candles
    truth: tuple[Span, ...]
    labels: tuple[str, ...]
    usable_bars: int
    exam: Exam


def divide(series: LabelledSeries, *, test_share: float, purge_bars: int) -> Divided:
    """The pool is what comes before the last `test_share` of the bars; `purge_bars` keep both apart.

    Spans across the edge belong to neither, and bars within `purge_bars` after it count for nobody, so that
    no feature of a bar that counts reads one that was learned from.

    Raises:
        TrainingFailed: the pool or the test is left without a span.
    """
    candles, n = series.candles, len(series.candles)
    edge = round(n * (1 - test_share))
    pool, later = candles[:edge], candles[max(edge - purge_bars, 0) :]
    truth = tuple(s for s in series.spans if s.end_time <= pool.time[-1] and s.start_time >= pool.time[0])
    seen = tuple(s for s in series.spans if s.end_time >= later.time[0])
    counts = np.arange(len(later)) >= len(later) - (n - edge) + purge_bars
    labels = tuple(sorted({label for part in series.reviewed for label in part.labels}))
    exam = Exam(later, seen, labels, counts)
    if not truth or not exam.spans:
        where = "the test" if truth else "the pool"
        raise TrainingFailed(
            f"{candles.name}: found no span in {where}, expected some before and after {edge} of {n} "
            "candles. Label more of the series, or choose another share for the test."
        )
    return Divided(pool, truth, labels, max(edge - purge_bars, 0), exam)
