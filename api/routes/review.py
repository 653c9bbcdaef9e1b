"""What to look at next: where people and the model differ, and what the model is unsure of."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from typing import Annotated, TypeVar

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request

from api.lanes import overdue
from api.openapi import problems
from api.schemas import Name, SpanBody, UnixTime
from api.schemas.review import DisagreementBody, Disagreements, PredictedBody, Queue
from api.service import Service, ServiceDep
from mllib.inference import Prediction
from mllib.pipeline.disagreements import Disagreement, find_disagreements, find_undecided
from mllib.pipeline.predicting import Sweep
from mllib.spans import PredictedSpan

router = APIRouter(tags=["review"])

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/disagreements", responses=problems(404, 422, 429, 503))
async def disagreements(
    request: Request,
    service: ServiceDep,
    pair: Name,
    timeframe: Name,
    start_time: UnixTime | None = None,
    end_time: UnixTime | None = None,
    limit: Limit = 1_000,
) -> Disagreements:
    """Compares the model's spans with people's where people have reviewed stored candles, newest first.

    Spans are about the same candles from an intersection over union of 0.5 on. `label_mismatch` has both,
    `missed_by_human` the prediction alone, `missed_by_model` the person's span alone.
    """
    opening = partial(_sweep, service, pair, timeframe, start_time, end_time)
    sweep, spans, ends_at = await _predicted(service, request, opening)
    found = await _by(ends_at, partial(find_disagreements, service.ws, sweep, spans, limit=limit))
    return Disagreements(
        pair=sweep.history.pair,
        timeframe=sweep.history.timeframe,
        model_version=sweep.predictor.info.model_version,
        disagreements=[_disagreement(one) for one in found],
    )


@router.get("/queue", responses=problems(404, 422, 429, 503))
async def queue(
    request: Request,
    service: ServiceDep,
    pair: Name,
    timeframe: Name,
    start_time: UnixTime | None = None,
    end_time: UnixTime | None = None,
    limit: Limit = 20,
) -> Queue:
    """Lists predictions on stored candles that nobody has judged or annotated, the most uncertain first.

    Those nearest to a confidence of 0.5 come first; no two share a candle.
    """
    opening = partial(_sweep, service, pair, timeframe, start_time, end_time)
    sweep, spans, ends_at = await _predicted(service, request, opening)
    found = await _by(ends_at, partial(find_undecided, service.ws, sweep, spans, limit=limit))
    return Queue(
        pair=sweep.history.pair,
        timeframe=sweep.history.timeframe,
        model_version=sweep.predictor.info.model_version,
        spans=[PredictedBody(**asdict(one)) for one in found],
    )


def _sweep(
    service: Service, pair: str, timeframe: str, start_time: int | None, end_time: int | None
) -> Sweep:
    return Sweep.over(
        service.champion.require(),
        service.stored,
        pair=pair,
        timeframe=timeframe,
        start_time=start_time,
        end_time=end_time,
    )


async def _predicted(
    service: Service, request: Request, opening: "partial[Sweep]"
) -> tuple[Sweep, list[PredictedSpan], float]:
    """The model's spans, and until when (the loop's time) the answer has to be there.

    They are computed piece by piece, so that a client that has gone ends the work.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + service.limits.batch_s
    sweep = await service.sweeps.run(opening, request, within_s=service.limits.batch_s)
    spans: list[PredictedSpan] = []
    parts = sweep.parts()
    while part := await service.sweeps.run(
        partial(_next_part, parts), request, within_s=ends_at - loop.time(), admitted=True
    ):
        spans += part.spans
    return sweep, spans, ends_at


async def _by(ends_at: float, work: "partial[T]") -> T:
    """What `work` returns; it is left to itself where it takes longer than the request has.

    Raises:
        Problem: 503 where `ends_at` has passed.
    """
    try:
        async with asyncio.timeout_at(ends_at):
            return await run_sync(work, abandon_on_cancel=True)
    except TimeoutError as exc:
        raise overdue() from exc


def _next_part(parts: Iterator[Prediction]) -> Prediction | None:
    return next(parts, None)


def _disagreement(one: Disagreement) -> DisagreementBody:
    human = one.human
    return DisagreementBody(
        kind=one.kind,
        human=None
        if human is None
        else SpanBody(label=human.label, start_time=human.start_time, end_time=human.end_time),
        predicted=None if one.predicted is None else PredictedBody(**asdict(one.predicted)),
    )
