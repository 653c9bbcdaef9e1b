"""Use cases of the review deck: places of a series with all that there is to see around them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mllib.candles import Candles
from mllib.inference import Predictor
from mllib.matching import overlaps
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.review import ReviewWindow, review_window
from mllib.pipeline.sweeps import swept
from mllib.pipeline.workspace import Workspace
from mllib.spans import PredictedSpan, Span, positions
from mllib.store import Verdict

CONTEXT_BARS = 160
"""So many candles are shown around a place that needs no more."""
MOST_BARS = 3_000
_PLACE_SHARE = 1 / 3
"""A long span takes up at most so much of its window."""
SAME_PLACE_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A window around what is asked about.

    `span` is what the model says there, None where only the candles are looked at. Under `as_of` (Unix s,
    the last candle shown) it is what the model says without the later candles; `peeked` tells that it does
    not say so without them, and then `span` is what it says with them.
    """

    window: ReviewWindow
    span: PredictedSpan | None
    as_of: int | None
    peeked: bool

    @property
    def verdicts(self) -> list[Verdict]:
        """What has been said of predictions on these candles (IoU of at least 0.5), newest first."""
        if self.span is None:
            return []
        said = [v for v in self.window.verdicts if v.prediction is not None]
        judged, time = [v.place for v in said], self.window.candles.time
        _, about, iou = overlaps(positions([self.span], time), positions(judged, time))
        return [said[i] for i in sorted(about[iou >= SAME_PLACE_IOU].tolist())]


def place_of(  # noqa: PLR0913  # which place, and how much of it
    ws: Workspace,
    stored: StoredCandles,
    predictor: Predictor | None,
    *,
    pair: str,
    timeframe: str,
    span: Span,
    bars: int = CONTEXT_BARS,
    hidden_after: bool = False,
    with_talib: bool = False,
) -> Place:
    """The place of a span in the middle of a window of `bars` candles, or of more where the span is long.

    A span that is no prediction only says which candles to look at. With `hidden_after` the candles after the
    span are left out, and the model does not know them either.

    Raises:
        NotFound: the series is not stored.
    """
    history = stored.read(pair, timeframe)
    first, length = window_around(span, history, bars=bars)
    predicted = span if isinstance(span, PredictedSpan) else None
    as_of = span.end_time if hidden_after and predicted is not None else None
    kept = None
    if predictor is not None and as_of is None:
        kept = swept(ws, stored, predictor, pair=pair, timeframe=timeframe)
    window = review_window(
        ws,
        stored,
        predictor if kept is None else None,
        pair=pair,
        timeframe=timeframe,
        first_bar=first,
        bars=length,
        with_talib=with_talib,
        as_of=as_of,
    )
    if kept is not None:
        window = replace(window, predictions=_touching(kept.spans, window.candles))
    if predicted is None or as_of is None:
        return Place(window, predicted, as_of, peeked=False)
    without_later = _same_place(predicted, window.predictions, window.candles)
    return Place(window, without_later or predicted, as_of, peeked=without_later is None)


def window_around(span: Span, history: Candles, *, bars: int) -> tuple[int, int]:
    """First bar and length of the window with a span in its middle, inside the series.

    >>> import numpy as np
    >>> time = np.arange(1_000, dtype=np.int64)
    >>> history = Candles("EURUSD", "1h", time, *(time * 1.0,) * 4)
    >>> window_around(Span("flag", 500, 509), history, bars=100)
    (455, 100)
    >>> window_around(Span("flag", 400, 499), history, bars=100)
    (300, 300)
    """
    start, end = positions([span], history.time)[0].tolist()
    length = min(max(bars, round((end - start) / _PLACE_SHARE)), MOST_BARS, len(history))
    first = max(0, min((start + end) // 2 - length // 2, len(history) - length))
    return first, length


def in_order_of_time(
    spans: Sequence[PredictedSpan],
    *,
    at: int,
    threshold: float,
    labels: Collection[str],
    around: int,
) -> tuple[list[PredictedSpan], int, int]:
    """The predictions next to a time that pass the filters: `around` before it and as many from it on.

    With them the number of those that pass in the whole series, and how many of them come before the first
    one returned.
    """
    passing = [s for s in spans if s.label in labels and s.avg_confidence >= threshold]
    passing.sort(key=lambda one: (one.start_time, one.end_time, one.label))
    here = int(np.searchsorted([one.start_time for one in passing], at, "left"))
    first = max(here - around, 0)
    return passing[first : here + around], len(passing), first


def _touching(spans: Sequence[PredictedSpan], candles: Candles) -> list[PredictedSpan]:
    first, last = int(candles.time[0]), int(candles.time[-1])
    return [span for span in spans if span.end_time >= first and span.start_time <= last]


def _same_place(span: Span, found: Sequence[PredictedSpan], candles: Candles) -> PredictedSpan | None:
    """Of the predictions of a span's label the one on most of its candles, at an IoU of at least 0.5."""
    same = [one for one in found if one.label == span.label]
    _, j, iou = overlaps(positions([span], candles.time), positions(same, candles.time))
    best = int(np.argmax(iou)) if len(iou) else -1
    return same[int(j[best])] if best >= 0 and iou[best] >= SAME_PLACE_IOU else None
