"""Use cases of review: a window of a series with all that is said of it, and verdicts on predictions."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from mllib.annotation_files import check_annotations, check_open
from mllib.candle_gate import check_pair
from mllib.candles import Candles
from mllib.errors import NotFound
from mllib.inference import Predictor
from mllib.pipeline.predicting import StoredCandles, predict_stored
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE, Annotation, PredictedSpan, Span
from mllib.store import Feedback, Verdict
from mllib.store.feedback import WITHOUT_ANNOTATION, judge
from mllib.timeframes import parse_timeframe


@dataclass(frozen=True, slots=True, eq=False)
class ReviewWindow:
    """The candles of a window and what people, TA-Lib and the model say of them.

    `first_bar` is the position of its first candle among the `series_bars` stored ones. Spans share at
    least one bar with the window and may reach beyond it.
    """

    candles: Candles
    first_bar: int
    series_bars: int
    people: list[Annotation]
    talib: list[Annotation]
    predictions: list[PredictedSpan]
    verdicts: list[Verdict]

    def verdict_on(self, prediction: Span, annotator: str | None) -> Verdict | None:
        """What this annotator said last of a prediction with that label and those bounds."""
        return next(
            (v for v in self.verdicts if v.annotator == annotator and _judges(v, prediction)),
            None,
        )


def review_window(  # noqa: PLR0913  # what to look at, and how much of it
    ws: Workspace,
    stored: StoredCandles,
    predictor: Predictor | None,
    *,
    pair: str,
    timeframe: str,
    first_bar: int,
    bars: int,
    with_talib: bool = False,
    as_of: int | None = None,
) -> ReviewWindow:
    """What there is to see in `bars` candles from `first_bar` on, moved to lie inside the series.

    With `as_of` the series ends with the candle that opens then (Unix s): later bars move no prediction, and
    no span is shown that reaches beyond. Hand the other functions `stored.until(as_of)`.

    Raises:
        NotFound: the series is not stored.
    """
    stored = stored if as_of is None else stored.until(as_of)
    history = stored.read(pair, timeframe)
    first = window_start(first_bar, bars=bars, series_bars=len(history))
    candles = history[first : first + bars]
    people = ws.store.annotations.list(pair, timeframe, sources=PEOPLE)
    talib = ws.store.talib.spans(pair, timeframe) if with_talib else []
    can_predict = predictor is not None and (as_of is None or len(history) >= predictor.encoder.needed_bars)
    predictions = _predictions(predictor, stored, candles) if predictor is not None and can_predict else []
    verdicts = ws.store.verdicts.list(pair, timeframe, with_settled=True)
    return ReviewWindow(
        candles,
        first,
        len(history),
        [s for s in _seen(_touching(people, candles), as_of) if s.label != NOTHING],
        _seen(_touching(talib, candles), as_of),
        predictions,
        [v for v in verdicts if as_of is None or max(v.end_time, v.place.end_time) <= as_of],
    )


def window_start(first_bar: int, *, bars: int, series_bars: int) -> int:
    """The nearest first bar of a window that lies inside the series.

    >>> window_start(950, bars=100, series_bars=1_000), window_start(-5, bars=100, series_bars=1_000)
    (900, 0)
    """
    return max(0, min(first_bar, series_bars - bars))


def series_to_review(ws: Workspace, predictor: Predictor | None) -> list[str]:
    """The stored series as `PAIR TIMEFRAME`: those that the model was trained on first."""
    names = [f"{one.pair} {one.timeframe}" for one in ws.candles.list()]
    trained = () if predictor is None else predictor.trained_on
    known = {f"{part.pair} {part.timeframe}" for part in trained}
    return sorted(names, key=lambda name: name not in known)


def labels_to_review(ws: Workspace, predictor: Predictor | None) -> tuple[str, ...]:
    """The model's labels that people give themselves; all that it has where there are none of these."""
    if predictor is None:
        return ()
    used = {count.label for count in ws.store.annotations.counts()}
    known = predictor.labels
    return tuple(label for label in known if label in used) or known


def record_verdict(ws: Workspace, feedback: Feedback) -> tuple[Verdict, bool]:
    """The stored verdict, and whether it is new; its label gets a colour if it has none yet.

    Raises:
        InvalidCandles: the pair or the timeframe cannot name a series.
        InvalidAnnotations: the feedback says nothing, or a bound or `as_of` is not the open of a stored
            candle.
        NotFound: no verdict has an id that it settles.
        Conflict: the client's id is stored with other content, or what it settles was settled already.
    """
    feedback = replace(
        feedback, pair=check_pair(feedback.pair), timeframe=parse_timeframe(feedback.timeframe)
    )
    judgement = judge(feedback)
    places = {
        f"prediction of {feedback.client_id}": judgement.predicted,
        feedback.client_id: judgement.result,
    }
    spans = [
        Annotation(span.label, span.start_time, span.end_time, id=name)
        for name, span in places.items()
        if span is not None
    ]
    with suppress(NotFound):  # a chart may show series that are not stored here
        history = ws.candles.read(feedback.pair, feedback.timeframe)
        check_annotations(spans, history)
        if feedback.as_of is not None:
            check_open(feedback.as_of, history, f"feedback {feedback.client_id}, as_of")
    recorded = ws.store.verdicts.record(feedback)
    if judgement.action not in WITHOUT_ANNOTATION:
        ws.store.labels.ensure(judgement.labels)
    return recorded


def _predictions(predictor: Predictor, stored: StoredCandles, candles: Candles) -> list[PredictedSpan]:
    if not len(candles):
        return []
    return predict_stored(
        predictor,
        stored,
        pair=candles.pair,
        timeframe=candles.timeframe,
        start_time=int(candles.time[0]),
        end_time=int(candles.time[-1]),
    ).spans


def _touching(spans: Sequence[Annotation], candles: Candles) -> list[Annotation]:
    if not len(candles):
        return []
    first, last = int(candles.time[0]), int(candles.time[-1])
    return [span for span in spans if span.end_time >= first and span.start_time <= last]


def _seen(spans: Sequence[Annotation], as_of: int | None) -> list[Annotation]:
    """Those that do not reach beyond the last visible candle."""
    return [span for span in spans if as_of is None or span.end_time <= as_of]


def _judges(verdict: Verdict, prediction: Span) -> bool:
    bounds = (prediction.label, prediction.start_time, prediction.end_time)
    place = verdict.place
    return verdict.prediction is not None and (place.label, place.start_time, place.end_time) == bounds
