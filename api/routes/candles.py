"""Stored candles: read them, see which there are, and import files of them."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request, Response

from api.candle_bodies import CandleBody
from api.openapi import json_response, problems
from api.schemas import Name, UnixTime
from api.schemas.stored import (
    CandleFormat,
    CandlesImported,
    CandlesResponse,
    GapBody,
    SplitBody,
    StoredSeries,
    SuspectedSplitBody,
)
from api.service import Service, ServiceDep
from api.uploads import received
from mllib.candle_gate import check_pair
from mllib.candles import PRICE_COLUMNS, Candles
from mllib.timeframes import parse_timeframe

if TYPE_CHECKING:
    from mllib.pipeline.data import CandleImport

Adjust = Literal["none", "split"]

router = APIRouter(prefix="/candles", tags=["candles"])

MOST_CANDLES = 50_000
_USUAL_CANDLES = 10_000
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": _FILE,
            "application/vnd.apache.parquet": _FILE,
            "application/json": {
                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/CandleBody"}}
            },
        },
    }
}


@router.get(
    "", response_class=Response, responses={**json_response(CandlesResponse), **problems(404, 422, 503)}
)
def stored_candles(
    service: ServiceDep,
    pair: Name,
    timeframe: Name,
    start_time: UnixTime | None = None,
    end_time: UnixTime | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_CANDLES)] = _USUAL_CANDLES,
) -> Response:
    """Shows stored candles that open between two times, both included: the newest `limit` of them.

    Ask for older ones with an `end_time` before the first one shown.
    """
    history = service.stored.read(pair, parse_timeframe(timeframe)).between(start_time, end_time)
    shown = history[max(len(history) - limit, 0) :]
    answer = CandlesResponse(history.pair, history.timeframe, _bodies(shown), len(history))
    return Response(msgspec.json.encode(answer), media_type="application/json")


@router.get("/series", responses=problems(503))
def stored_series(service: ServiceDep) -> list[StoredSeries]:
    """Lists the series that are stored; one whose file is damaged is left out, and asking for it says why."""
    return [
        StoredSeries(
            **asdict(one) | {"splits": [SplitBody(**split._asdict()) for split in one.splits]},
        )
        for one in service.stored.list()
    ]


@router.post("/import", responses=problems(422, 503), openapi_extra=_UPLOAD)
async def import_candles(
    request: Request,
    service: ServiceDep,
    pair: Name,
    timeframe: Name,
    adjust: Adjust = "none",
    format: CandleFormat | None = None,
) -> CandlesImported:
    """Checks a file of candles and merges it into the stored series by time; all of it or nothing.

    The body is the file itself: CSV (also packed with gzip), Parquet, or JSON. Without `format` it is told by
    how it begins.
    """
    check_pair(pair)
    asked = partial(_import, service, pair=pair, timeframe=parse_timeframe(timeframe), adjust=adjust)
    async with received(request, service.ws.home, "candles") as file:
        return await run_sync(partial(asked, file, kind=format), limiter=service.imports)


def _import(
    service: Service, file: Path, *, pair: str, timeframe: str, adjust: Adjust, kind: CandleFormat | None
) -> CandlesImported:
    from mllib.candle_files import kind_of  # pandas, which serving does not need
    from mllib.pipeline.data import import_candles

    begins_as = kind_of(file)
    suffix = begins_as if kind is None or begins_as.startswith(kind) else kind
    named = file.rename(file.with_name(f"{file.name}.{suffix}"))
    return _imported(import_candles(service.ws, named, pair=pair, timeframe=timeframe, adjust=adjust))


def _imported(done: "CandleImport") -> CandlesImported:
    report, merged = done.report, done.merged
    assert merged is not None, "an import merges"
    return CandlesImported(
        **asdict(merged),
        pair=report.pair,
        timeframe=report.timeframe,
        gap_count=len(report.gaps),
        longest_gap=None if report.longest_gap is None else GapBody(**report.longest_gap._asdict()),
        suspected_splits=[
            SuspectedSplitBody(time=one.time, ratio=one.ratio, doubts=list(one.doubts))
            for one in report.splits
        ],
        adjusted=[SplitBody(**split._asdict()) for split in done.adjusted],
        notes=list(done.notes),
    )


def _bodies(candles: Candles) -> list[CandleBody]:
    """The candles as they are sent, `volume` only where there is one."""
    columns = [getattr(candles, name).tolist() for name in ("time", *PRICE_COLUMNS)]
    if candles.volume is not None:
        columns.append(candles.volume.tolist())
    return [CandleBody(*row) for row in zip(*columns, strict=True)]
