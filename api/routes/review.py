"""Where to look next."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.openapi import problems
from api.schemas import Name, UnixTime
from api.schemas.review import DrawnBody, PredictedBody, Queue, QueueEntryBody
from api.service import Service, ServiceDep
from api.sweeping import whole_series
from mllib.pipeline.predicting import Sweep
from mllib.pipeline.queueing import QueueEntry, QueueRequest, ReviewQueue, find_places
from mllib.pipeline.sweeps import sweep_steps
from mllib.spans import NOTHING, Annotation

router = APIRouter(tags=["review"])

Limit = Annotated[int, Query(ge=1, le=10_000)]
Labels = Annotated[list[Name] | None, Query(description="By default those that people give.")]


async def _opened(
    service: ServiceDep,
    pair: Name,
    timeframe: Name,
    start_time: UnixTime | None = None,
    end_time: UnixTime | None = None,
) -> Callable[[], Sweep]:
    """What reads the stored candles asked for, once it is its turn."""
    return partial(
        Sweep.over,
        service.champion.require(),
        service.stored,
        pair=pair,
        timeframe=timeframe,
        start_time=start_time,
        end_time=end_time,
    )


Opening = Annotated[Callable[[], Sweep], Depends(_opened)]


@router.get("/queue", responses=problems(404, 422, 429, 503))
async def queue(
    request: Request, service: ServiceDep, opening: Opening, labels: Labels = None, limit: Limit = 20
) -> Queue:
    """Lists places worth a person's minute, in the order in which to look at them, and why.

    They come from what the model is unsure of, what it and a model of another type differ on, what people and
    it contradict, what held-out models doubt, and an audit drawn at random: `stages.acquisition` says how
    many. `spans` are those of them that are predictions which nobody has judged or annotated.
    """
    sweep, found = await _found(request, service, opening, labels, limit)
    return Queue(
        pair=sweep.history.pair,
        timeframe=sweep.history.timeframe,
        model_version=sweep.predictor.info.model_version,
        spans=[PredictedBody(**asdict(one.span)) for one in found.entries if _is_prediction(one)],
        entries=[_entry(one) for one in found.entries],
        notes=found.notes,
    )


async def _found(
    request: Request, service: Service, opening: Opening, labels: list[str] | None, limit: int
) -> tuple[Sweep, ReviewQueue]:
    """The stretch of candles, and what is worth looking at in it, within the time of a batch.

    Raises:
        Problem: 503 where that has passed.
    """
    within_s = service.limits.batch_s
    ends_at = asyncio.get_running_loop().time() + within_s
    sweep = await service.sweeps.run(opening, request, within_s=within_s)
    pair, timeframe = sweep.history.pair, sweep.history.timeframe
    steps = sweep_steps(service.ws, service.stored, sweep.predictor, pair=pair, timeframe=timeframe)
    await whole_series(steps, service.sweeps, request, ends_at=ends_at)
    if not len(sweep):
        return sweep, ReviewQueue([], [])
    wanted = QueueRequest(
        size=limit,
        series=[(pair, timeframe)],
        labels=labels,
        start_time=int(sweep.history.time[sweep.first]),
        end_time=int(sweep.history.time[sweep.last - 1]),
        only_kept=True,
    )
    work = partial(find_places, service.ws, service.stored, sweep.predictor, wanted)
    left_s = ends_at - asyncio.get_running_loop().time()
    # In the lane as well: many of these at once in threads of their own only wait for each other.
    return sweep, await service.sweeps.run(work, request, within_s=left_s, admitted=True)


def _is_prediction(one: QueueEntry) -> bool:
    return one.origin in ("uncertainty", "committee", "audit") and one.span.label != NOTHING


def _entry(one: QueueEntry) -> QueueEntryBody:
    return QueueEntryBody(
        span=PredictedBody(**asdict(one.span)),
        origin=one.origin,
        score=one.score,
        why=one.why,
        regime=one.regime,
        human=None if one.human is None else _drawn(one.human),
    )


def _drawn(human: Annotation) -> DrawnBody:
    return DrawnBody(
        label=human.label,
        start_time=human.start_time,
        end_time=human.end_time,
        id=human.id,
        annotator=human.annotator,
    )
