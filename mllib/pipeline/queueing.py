"""Use case: places worth a person's minute."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from mllib.inference import Predictor
from mllib.models import Progress
from mllib.pipeline.disagreements import find_undecided
from mllib.pipeline.predicting import StoredCandles, Sweep
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, PredictedSpan

Origin = Literal["uncertainty", "committee", "disagreement", "label_error", "audit"]


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A place with the reason why it is worth looking at."""

    pair: str
    timeframe: str
    span: PredictedSpan
    origin: Origin
    score: float
    why: str
    regime: str
    human: Annotation | None


def review_queue(
    ws: Workspace,
    stored: StoredCandles,
    predictor: Predictor,
    *,
    series: Sequence[tuple[str, str]] | None,
    size: int,
    labels: Collection[str] | None = None,
    progress: Progress | None = None,
) -> list[QueueEntry]:
    """The most uncertain predictions of the series, at most `size`."""
    found: list[QueueEntry] = []
    for pair, timeframe in series or [(one.pair, one.timeframe) for one in ws.candles.list()]:
        if progress is not None:
            progress(len(found) / size, f"{pair} {timeframe}")
        sweep = Sweep.over(predictor, stored, pair=pair, timeframe=timeframe)
        spans = [s for s in sweep.whole().spans if labels is None or s.label in labels]
        for span in find_undecided(ws, sweep, spans, limit=size):
            score = 1 - 2 * abs(span.avg_confidence - 0.5)
            why = f"the model is {span.avg_confidence:.0%} sure"
            found.append(QueueEntry(pair, timeframe, span, "uncertainty", score, why, "", None))
    return sorted(found, key=lambda one: -one.score)[:size]
