"""Use case: how good each model was week by week, from what people said of its predictions.

A confirmed prediction is a hit, a dismissed one a false alarm, an added span a miss. A correction of the
label is a false alarm and a miss, one of the bounds a hit where both overlap by an IoU of at least 0.5. A
place where nothing was missing is neither.
Places of the queue were chosen because the model is weak there, so only the random audit slice says how good
it is at large. Its draw is of candles: a span counts there in proportion to its length.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mllib.candle_gate import check_pair
from mllib.errors import NotFound
from mllib.evaluation.spans import SpanCounts
from mllib.matching import overlaps
from mllib.pipeline.workspace import Workspace
from mllib.spans import Span, positions
from mllib.store import Verdict
from mllib.timeframes import SECONDS, parse_timeframe

AUDIT = "audit"
"""The origin of places that were drawn at random."""
HIT_IOU = 0.5
LEVEL = 0.95
_RESAMPLES = 1_000
_MOST_BINS, _LEAST_IN_A_BIN = 10, 10
_WEEK_S = 7 * 86_400
_FIRST_MONDAY = 4 * 86_400
_SCORED = {
    "hit": (1, 0, 0),
    "false_alarm": (0, 1, 0),
    "both": (0, 1, 1),
    "miss": (0, 0, 1),
    "nothing": (0, 0, 0),
}
"""Hits, false alarms and misses that a verdict of each outcome stands for."""

Outcome = Literal["hit", "false_alarm", "both", "miss", "nothing"]
Slice = Literal["audit", "queue"]
Interval = tuple[float, float]
_Key = tuple[int, str | None, Slice]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekScore:
    """The verdicts of a week (from Monday 0:00 UTC, Unix s) on one model version, of one slice.

    `actions` counts them by action. Intervals are 95 %: bootstrap over verdicts for `span_f1`, Wilson's for
    `confirmed`, the share of judged predictions that were right. `mean_confidence` and `ece` (expected
    calibration error, at most 10 bins of at least 10) are over predictions of known confidence. None is what
    too few verdicts cannot say.
    """

    week: int
    model_version: str | None
    slice: Slice
    verdicts: int
    actions: dict[str, int]
    hits: int
    false_alarms: int
    misses: int
    span_f1: float | None
    span_f1_interval: Interval | None
    predictions: int
    confirmed: float | None
    confirmed_interval: Interval | None
    mean_confidence: float | None
    ece: float | None


def verdict_history(
    ws: Workspace, *, pair: str | None = None, timeframe: str | None = None
) -> list[WeekScore]:
    """The scores of each week, model version and slice, oldest first.

    What others settled and skips do not count, and of an annotator's verdicts on one prediction only the
    newest does.

    Raises:
        InvalidCandles: the pair or the timeframe cannot name a series.
    """
    pair = None if pair is None else check_pair(pair)
    timeframe = None if timeframe is None else parse_timeframe(timeframe)
    times: dict[tuple[str, str], NDArray[np.int64] | None] = {}
    groups: dict[_Key, list[tuple[Verdict, Outcome]]] = {}
    standing = ws.store.verdicts.list(pair, timeframe, with_settled=True)
    settled = {verdict_id for one in standing for verdict_id in one.settles}
    for verdict in (one for one in _newest(standing) if one.id not in settled):
        series = verdict.pair, verdict.timeframe
        if series not in times:
            times[series] = _times(ws, *series)
        key: _Key = _week(verdict), verdict.model_version, "audit" if verdict.origin == AUDIT else "queue"
        groups.setdefault(key, []).append((verdict, outcome(verdict, times[series])))
    order = sorted(groups, key=lambda key: (key[0], _version_order(key[1]), key[2]))
    return [_score(key, groups[key]) for key in order]


def outcome(verdict: Verdict, time: NDArray[np.int64] | None) -> Outcome:
    """What a verdict says of the prediction, on its series' opens, or (None) on a grid without gaps."""
    if verdict.action == "nothing":
        return "nothing"
    if verdict.action == "add":
        return "miss"
    if verdict.action == "dismiss":
        return "false_alarm"
    if verdict.action == "confirm":
        return "hit"
    same = verdict.span.label == verdict.place.label
    return "hit" if same and _iou(verdict.span, verdict.place, verdict.timeframe, time) >= HIT_IOU else "both"


def _iou(a: Span, b: Span, timeframe: str, time: NDArray[np.int64] | None) -> float:
    _, _, iou = overlaps(_bars(a, timeframe, time), _bars(b, timeframe, time))
    return float(iou[0]) if len(iou) else 0.0


def _bars(span: Span, timeframe: str, time: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if time is not None:
        return positions([span], time)
    return np.array([[span.start_time, span.end_time + SECONDS[timeframe]]], np.int64)


def _times(ws: Workspace, pair: str, timeframe: str) -> NDArray[np.int64] | None:
    try:
        return ws.candles.read(pair, timeframe).time
    except NotFound:
        return None


def _newest(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Of each annotator's verdicts on one prediction of a version the newest; they come newest first."""
    kept: dict[tuple[object, ...], Verdict] = {}
    for one in verdicts:
        place = one.place
        bounds = (place.label, place.start_time, place.end_time, one.prediction is None)
        kept.setdefault((one.pair, one.timeframe, one.annotator, one.model_version, *bounds), one)
    return list(kept.values())


def _week(verdict: Verdict) -> int:
    return verdict.created_at - (verdict.created_at - _FIRST_MONDAY) % _WEEK_S


def _version_order(version: str | None) -> tuple[int, str]:
    number = version or ""
    return (int(number) if number.isascii() and number.isdigit() else -1), number


def _score(key: _Key, said: Sequence[tuple[Verdict, Outcome]]) -> WeekScore:
    outcomes = Counter(found for _, found in said)
    hits, false_alarms, misses = (
        sum(_SCORED[name][i] * count for name, count in outcomes.items()) for i in range(3)
    )
    judged = hits + false_alarms
    confidence, right = _calibration(said)
    return WeekScore(
        week=key[0],
        model_version=key[1],
        slice=key[2],
        verdicts=len(said),
        actions=dict(Counter(verdict.action for verdict, _ in said)),
        hits=hits,
        false_alarms=false_alarms,
        misses=misses,
        span_f1=SpanCounts(hits + misses, judged, hits).f1 if judged + misses else None,
        span_f1_interval=_f1_interval(outcomes),
        predictions=judged,
        confirmed=hits / judged if judged else None,
        confirmed_interval=_wilson(hits, judged),
        mean_confidence=float(confidence.mean()) if len(confidence) else None,
        ece=_calibration_error(confidence, right),
    )


def _calibration(
    said: Sequence[tuple[Verdict, Outcome]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the predictions of known confidence that confidence, and 1 where it was right, else 0."""
    found = [
        (verdict.prediction.confidence, float(how == "hit"))
        for verdict, how in said
        if verdict.prediction is not None and verdict.prediction.confidence is not None
    ]
    return np.array([row[0] for row in found]), np.array([row[1] for row in found])


def _calibration_error(confidence: NDArray[np.float64], right: NDArray[np.float64]) -> float | None:
    """The mean distance of confidence and share right over bins of equal mass, none of a few predictions."""
    count = len(confidence)
    if not count:
        return None
    bins = min(max(count // _LEAST_IN_A_BIN, 1), _MOST_BINS)
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    return float(sum(abs(confidence[part].sum() - right[part].sum()) for part in parts) / count)


def _f1_interval(outcomes: "Counter[Outcome]") -> Interval | None:
    """Of span F1 when as many verdicts that bear on it are drawn again; always the same draws."""
    names = sorted(name for name in outcomes if any(_SCORED[name]))
    total = sum(outcomes[name] for name in names)
    if total < 2:
        return None
    shares = np.array([outcomes[name] for name in names]) / total
    drawn = np.random.default_rng(0).multinomial(total, shares, size=_RESAMPLES)
    hits, false_alarms, misses = (drawn @ np.array([_SCORED[name] for name in names])).T
    f1 = 2 * hits / np.maximum(2 * hits + false_alarms + misses, 1)
    low, high = np.quantile(f1, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _wilson(hits: int, count: int) -> Interval | None:
    if not count:
        return None
    from scipy.stats import binomtest  # costs half a second

    between = binomtest(hits, count).proportion_ci(LEVEL, method="wilson")
    return float(between.low), float(between.high)
