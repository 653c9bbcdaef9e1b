"""Use case: where to look next, over one series or several, with the reason for each place."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.acquisition import ORIGINS, REGIMES, AcquisitionConfig, Candidates, Origin, spread
from mllib.errors import InvalidConfig
from mllib.inference import HeldOut, Predictor
from mllib.pipeline.labels import present_names
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.queue_ground import Ground, columns_of
from mllib.pipeline.queue_origins import (
    Considered,
    Found,
    disputed,
    drawn_at_random,
    split_committee,
    suspicious,
    uncertain,
)
from mllib.pipeline.queue_sweeps import Reading, Sweeps
from mllib.pipeline.review import labels_to_review
from mllib.pipeline.sweeps import SweptSeries
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.spans import Annotation, PredictedSpan

_NOT_HELD_OUT = (
    "No label is called into doubt: no candles with people's labels were held out of this model. Models that "
    "are trained from now on keep what they say of candles held out."
)


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A place that is worth a person's minute, and why.

    Of a place that was drawn at random and on which the model sees nothing, the span's label is `O`. `score`
    lies in [0, 1] and compares within an origin alone. `regime` is that of the market at the place's last
    bar, such as `calm, rising`. `human` is what a person drew there, where that is in question.
    """

    pair: str
    timeframe: str
    span: PredictedSpan
    origin: Origin
    score: float
    why: str
    regime: str
    human: Annotation | None


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """Places in the order in which to look at them, and what could not be looked for, in sentences."""

    entries: list[QueueEntry]
    notes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRequest:
    """What a queue is to hold.

    Without `series` (pair and timeframe each), all stored ones of the timeframes that the model was trained
    on; without `labels`, those that people give. `start_time` and `end_time` (Unix s) hold whole places. With
    `only_kept` a rival's predictions are taken from what is kept of it, and not computed.
    """

    size: int
    series: Sequence[tuple[str, str]] | None = None
    labels: Collection[str] | None = None
    start_time: int | None = None
    end_time: int | None = None
    only_kept: bool = False


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
    """The entries of `find_places`."""
    request = QueueRequest(size=size, series=series, labels=labels)
    return find_places(ws, stored, predictor, request, progress=progress).entries


def find_places(
    ws: Workspace,
    stored: StoredCandles,
    predictor: Predictor,
    request: QueueRequest,
    *,
    progress: Progress | None = None,
) -> ReviewQueue:
    """Places worth a person's minute, mixed and spread out as `stages.acquisition` says.

    Places that anybody annotated, judged or skipped are left out, but for what people and the model, or the
    data, contradict and no verdict has settled.

    Raises:
        NotFound: a series is not stored.
        InvalidCandles: a series that was named has fewer candles than the features look back.
        InvalidConfig: the model knows none of the labels that were named.
    """
    settings = ws.config.stages.acquisition
    labels = _labels(ws, predictor, request.labels)
    reading = Reading(ws, stored, predictor, [])
    rival = reading.find_rival(labels) if settings.shares.committee else None
    swept = reading.sweeps(request.series, rival, only_kept=request.only_kept, progress=progress)
    grounds = [Ground.of(ws, one.own, labels) for one in swept]
    found = [
        (i, one)
        for i, (ground, sweeps) in enumerate(zip(grounds, swept, strict=True))
        for one in _on(ws, ground, sweeps, predictor, request)
    ]
    notes = reading.notes
    if not any(one.origin == "label_error" for _, one in found):
        notes.append(_NOT_HELD_OUT)
    return ReviewQueue(_entries(grounds, found, request.size, settings), notes)


def _labels(ws: Workspace, predictor: Predictor, labels: Collection[str] | None) -> tuple[str, ...]:
    if labels is None:
        return labels_to_review(ws, predictor)
    known = tuple(label for label in predictor.labels if label in labels)
    if labels and not known:
        raise InvalidConfig(
            f"labels: found {', '.join(labels)}, expected some that model version "
            f"{predictor.info.model_version} knows: {', '.join(predictor.labels)}. Choose one of these."
        )
    return known


def _on(
    ws: Workspace, ground: Ground, swept: Sweeps, predictor: Predictor, request: QueueRequest
) -> list[Found]:
    """What each origin finds on a series, where the request looks."""
    settings = ws.config.stages.acquisition
    considered = Considered.on(ground, near_miss_from=settings.near_miss_from)
    found = [uncertain(ground, considered, settings), disputed(ws, ground)]
    if swept.rival is not None:
        found.append(
            split_committee(ground, considered, swept.rival, settings, model_types=swept.model_types)
        )
    held_out = _held_out(ws, ground, swept.own, predictor)
    if not np.isnan(held_out).all():
        found.append(suspicious(ground, held_out, settings))
    outside = _outside(ground, request)
    total = np.concatenate([[0], np.cumsum(outside)])
    found = [one.take(total[one.at[:, 1]] == total[one.at[:, 0]]) for one in found]
    return [*found, drawn_at_random(ground, settings, outside, most=_audits(request.size, settings))]


def _outside(ground: Ground, request: QueueRequest) -> NDArray[np.bool_]:
    """The bars that the request does not ask about: `bool (n_bars,)`."""
    time = ground.candles.time
    outside = np.zeros(len(time), bool)
    if request.start_time is not None:
        outside |= time < request.start_time
    if request.end_time is not None:
        outside |= time > request.end_time
    return outside


def _held_out(ws: Workspace, ground: Ground, swept: SweptSeries, predictor: Predictor) -> NDArray[np.float32]:
    """Coverage out of sample, `float32 (n_bars, k)`: what was held out, and what training has not seen."""
    candles = ground.candles
    seen = np.zeros(len(candles), bool)
    for part in predictor.trained_on:
        if (part.pair, part.timeframe) == (candles.pair, candles.timeframe):
            seen |= (candles.time >= part.start_time) & (candles.time <= part.end_time)
    found = columns_of(swept, ground.labels)
    found[seen] = np.nan
    kept = HeldOut.load(ws.predictors / predictor.info.run_id)
    of = None if kept is None else kept.of(candles.pair, candles.timeframe)
    if kept is not None and of is not None:
        said, now = of.on(candles), present_names(ws, kept.labels)
        for i, label in enumerate(kept.labels):
            if now.get(label) in ground.labels:
                column = ground.labels.index(now[label])
                found[seen, column] = np.fmax(found[seen, column], said[seen, i])
    return found


def _audits(size: int, settings: AcquisitionConfig) -> int:
    return int(size * settings.audit_share + 0.5)


def _entries(
    grounds: Sequence[Ground], found: Sequence[tuple[int, Found]], size: int, settings: AcquisitionConfig
) -> list[QueueEntry]:
    if not found:
        return []
    candidates = Candidates.joined([_candidates(i, grounds[i], one) for i, one in found])
    origin = np.concatenate([np.full(len(one.at), ORIGINS.index(one.origin)) for _, one in found])
    rank = np.concatenate([one.rank for _, one in found])
    drawn = np.flatnonzero(origin == ORIGINS.index("audit"))
    reserved = drawn[np.argsort(-rank[drawn], kind="stable")][: _audits(size, settings)]
    offered = (origin != ORIGINS.index("audit")) | np.isin(np.arange(len(rank)), reserved)
    at = np.flatnonzero(offered)
    chosen = spread(
        candidates.take(at),
        rank[at],
        size=size,
        quotas=settings.quotas,
        origin=origin[at],
        shares=list(settings.origin_shares().values()),
        reserved=np.searchsorted(at, reserved).tolist(),
    )
    firsts = np.cumsum([0, *(len(one.at) for _, one in found)])
    return [_entry(grounds, found, firsts, int(i)) for i in at[chosen]]


def _candidates(i: int, ground: Ground, one: Found) -> Candidates:
    series = np.full(len(one.at), i, np.int64)
    return Candidates(series, one.at, one.label, ground.regime[one.at[:, 1] - 1])


def _entry(
    grounds: Sequence[Ground], found: Sequence[tuple[int, Found]], firsts: NDArray[np.int64], i: int
) -> QueueEntry:
    part = int(np.searchsorted(firsts, i, "right")) - 1
    series, one = found[part]
    ground, own = grounds[series], i - int(firsts[part])
    shown = one.explain(own)
    return QueueEntry(
        pair=ground.candles.pair,
        timeframe=ground.candles.timeframe,
        span=shown.span,
        origin=one.origin,
        score=float(one.score[own]),
        why=shown.why,
        regime=REGIMES[int(ground.regime[one.at[own, 1] - 1])],
        human=shown.human,
    )
