"""TA-Lib's candlestick functions, over candles that are sent."""

from functools import partial
from http import HTTPStatus
from itertools import pairwise

from fastapi import APIRouter, Request

from api.candle_bodies import CandleBody, DetectRequest, checked_candles, decoded, read_body, refuse_too_many
from api.openapi import json_request, problems
from api.problems import Problem
from api.schemas import Detected, DetectedSpan, DetectionCount, Pattern
from api.service import ServiceDep
from mllib.errors import InvalidConfig
from mllib.patterns import DISPLAY_NAME, FUNCTIONS, check_functions, detect
from mllib.timeframes import SECONDS, likely_timeframe

router = APIRouter(prefix="/patterns", tags=["patterns"])

_SERIES = "candles"
"""What messages call candles whose pair the request does not name."""


@router.get("/available", responses=problems())
async def available() -> list[Pattern]:
    """Lists every TA-Lib CDL function."""
    return [Pattern(function_name=name, display_name=DISPLAY_NAME[name]) for name in FUNCTIONS]


@router.post(
    "/detect",
    responses=problems(400, 413, 422, 429, 503),
    openapi_extra=json_request(DetectRequest),
)
async def detect_patterns(request: Request, service: ServiceDep) -> Detected:
    """Finds patterns in the candles sent; an empty list looks for all."""
    body, limits = await read_body(request), service.limits
    work = partial(_detect, body, limits.candles)
    return await service.charts.run(work, request, within_s=limits.predict_s)


def _detect(body: bytes, most_candles: int) -> Detected:
    refuse_too_many(body, most_candles)
    asked = decoded(body, DetectRequest)
    try:
        functions = check_functions(asked.patterns)
    except InvalidConfig as exc:
        raise Problem(HTTPStatus.BAD_REQUEST, str(exc)) from exc
    found = detect(
        checked_candles(_SERIES, likely_timeframe(_spacing_s(asked.candles)), asked.candles), functions
    )
    spans = sorted(
        (span for spans in found.values() for span in spans), key=lambda s: (s.start_time, s.end_time)
    )
    annotations = [
        DetectedSpan(label=s.label, start_time=s.start_time, end_time=s.end_time, confidence=s.avg_confidence)
        for s in spans
    ]
    return Detected(annotations=annotations, metadata=DetectionCount(count=len(annotations)))


def _spacing_s(rows: list[CandleBody]) -> int:
    """The closest that two neighbours lie, from which the gate knows the timeframe that nobody named."""
    times = [row.time for row in rows]
    return max(min((b - a for a, b in pairwise(times)), default=SECONDS["1h"]), 1)
