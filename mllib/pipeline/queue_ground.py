"""A swept series with all that people have said of it: what queues of places are found on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.acquisition import regimes
from mllib.candles import Candles
from mllib.encoders import reviewed_bars
from mllib.matching import Positions, covered, overlaps, wholly_on
from mllib.pipeline.sweeps import SweptSeries
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, Annotation, PredictedSpan, positions

_SETTLED_FROM_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What a model and people say of a series, for k labels.

    Of the predicted `spans`, `at int64 (n, 2)` are half-open bar positions, `column int64 (n,)` the labels.
    `coverage float32 (n_bars, k)`, `reviewed bool (n_bars, k)`: where someone has looked for each label;
    `said bool (n_bars,)`: where someone annotated, judged or skipped; `judged int64 (m, 2)`: the places of
    verdicts; `regime int64 (n_bars,)`.
    """

    candles: Candles
    model_version: str
    labels: tuple[str, ...]
    spans: list[PredictedSpan]
    at: Positions
    column: NDArray[np.int64]
    coverage: NDArray[np.float32]
    people: list[Annotation]
    reviewed: NDArray[np.bool_]
    said: NDArray[np.bool_]
    judged: Positions
    regime: NDArray[np.int64]

    @classmethod
    def of(cls, ws: Workspace, swept: SweptSeries, labels: Sequence[str]) -> "Ground":
        """The ground of a sweep, for those of the labels that its model knows."""
        candles, known = swept.candles, tuple(label for label in labels if label in swept.labels)
        number = {label: i for i, label in enumerate(known)}
        spans = [span for span in swept.spans if span.label in number]
        series = candles.pair, candles.timeframe
        said = ws.store.annotations.list(*series, sources=PEOPLE)
        verdicts = ws.store.verdicts.list(*series, with_skips=True, with_settled=True)
        judged = positions([one.place for one in verdicts], candles.time)
        reviewed = ws.store.annotations.reviewed(*series)
        looked = [reviewed_bars(label, candles, reviewed) for label in known]
        return cls(
            candles,
            swept.model_version,
            known,
            spans,
            positions(spans, candles.time),
            np.array([number[span.label] for span in spans], np.int64),
            columns_of(swept, known),
            [one for one in said if one.label != NOTHING],
            np.stack(looked, axis=1) if looked else np.zeros((len(candles), 0), bool),
            covered(np.concatenate([positions(said, candles.time), judged]), len(candles)),
            judged,
            regimes(candles),
        )

    def untouched(self, at: Positions) -> NDArray[np.bool_]:
        """Which places share no bar with anything that anybody said: `bool (n,)`."""
        total = np.concatenate([[0], np.cumsum(self.said)])
        free: NDArray[np.bool_] = total[at[:, 1]] == total[at[:, 0]]
        return free

    def settled(self, at: Positions) -> NDArray[np.bool_]:
        """Which places somebody has given a verdict on: `bool (n,)`."""
        found = np.zeros(len(at), bool)
        i, _, iou = overlaps(at, self.judged)
        found[i[iou >= _SETTLED_FROM_IOU]] = True
        return found

    def looked_for(self, at: Positions, column: NDArray[np.int64]) -> NDArray[np.bool_]:
        """In which places someone has looked for the label on every bar: `bool (n,)`."""
        found = np.zeros(len(at), bool)
        for i in range(len(self.labels)):
            own = column == i
            found[own] = wholly_on(at[own], self.reviewed[:, i])
        return found

    def span_at(self, at: NDArray[np.int64], label: str, confidence: float) -> PredictedSpan:
        """A span of that label over half-open bar positions `(2,)`."""
        first, end = at.tolist()
        bounds = int(self.candles.time[first]), int(self.candles.time[end - 1])
        return PredictedSpan(label, *bounds, avg_confidence=confidence, candle_count=end - first)


def columns_of(swept: SweptSeries, labels: Sequence[str]) -> NDArray[np.float32]:
    """The coverage of these labels: `float32 (n_bars, k)`."""
    return swept.coverage[:, [swept.labels.index(label) for label in labels]]
