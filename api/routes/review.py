"""What to look at next: what the model is unsure of."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, TypeVar

from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Query, Request

from api.lanes import overdue
from api.openapi import problems
from api.schemas import Name, UnixTime
from api.schemas.review import PredictedBody, Queue
from api.service import Service, ServiceDep
from api.sweeping import whole_series
from mllib.pipeline.disagreements import find_undecided
from mllib.pipeline.predicting import Sweep
from mllib.pipeline.sweeps import sweep_steps

router = APIRouter(tags=["review"])

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=10_000)]


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
async def queue(request: Request, service: ServiceDep, opening: Opening, limit: Limit = 20) -> Queue:
    """Lists predictions on stored candles that nobody has judged or annotated, the most uncertain first.

    Those nearest to a confidence of 0.5 come first; no two share a candle.
    """
    sweep, found = await _found(find_undecided, request, service, opening, limit)
    return Queue(**_where(sweep), spans=[PredictedBody(**asdict(one)) for one in found])


async def _found(
    find: Callable[..., list[T]], request: Request, service: Service, opening: Opening, limit: int
) -> tuple[Sweep, list[T]]:
    """The stretch of candles, and what is found in the model's spans of it, within the time of a batch.

    Raises:
        Problem: 503 where that has passed.
    """
    within_s = service.limits.batch_s
    ends_at = asyncio.get_running_loop().time() + within_s
    sweep = await service.sweeps.run(opening, request, within_s=within_s)
    series = {"pair": sweep.history.pair, "timeframe": sweep.history.timeframe}
    steps = sweep_steps(service.ws, service.stored, sweep.predictor, **series)
    swept = await whole_series(steps, service.sweeps, request, ends_at=ends_at)
    work = partial(find, service.ws, sweep, swept.touching(sweep.first, sweep.last), limit=limit)
    try:
        async with asyncio.timeout_at(ends_at):
            return sweep, await run_sync(work, abandon_on_cancel=True)
    except TimeoutError as exc:
        raise overdue() from exc


def _where(sweep: Sweep) -> dict[str, str]:
    return {
        "pair": sweep.history.pair,
        "timeframe": sweep.history.timeframe,
        "model_version": sweep.predictor.info.model_version,
    }
