"""Predictions over candles that are sent, and over candles that are stored."""

from collections.abc import AsyncIterator
from functools import partial

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from api import metrics
from api.candle_bodies import (
    BatchLine,
    BatchRequest,
    BatchResponse,
    PredictRequest,
    PredictResponse,
    bounds,
    checked_candles,
    decoded,
    per_candle,
    read_body,
    refuse_too_many,
)
from api.openapi import json_request, json_response, ndjson_response, problems
from api.prediction_cache import Kept
from api.service import Service, ServiceDep
from api.sweeping import NDJSON, in_one_piece, line_by_line
from mllib.candle_gate import check_pair
from mllib.inference import Predictor
from mllib.pipeline.predicting import Sweep, predict_candles

router = APIRouter(tags=["predictions"])

_CANDLE = {"time": 1_704_189_600, "open": 1.10, "high": 1.12, "low": 1.09, "close": 1.11}
_PREDICT_EXAMPLE = {"pair": "EURUSD", "timeframe": "1h", "candles": [_CANDLE]}
_BATCH_EXAMPLE = {"pair": "EURUSD", "timeframe": "1h", "start_date": "2024-01-01", "end_date": 1_706_745_600}


@router.post(
    "/predict",
    response_class=Response,
    responses={**json_response(PredictResponse), **problems(413, 422, 429, 503)},
    openapi_extra=json_request(PredictRequest, _PREDICT_EXAMPLE),
)
async def predict(request: Request, service: ServiceDep) -> Response:
    """Labels the candles sent; stored candles around them serve as context where they agree.

    With `since`, the open of the first candle that is new or changed, it answers only what can have changed.
    """
    body = await read_body(request)
    predictor = service.champion.require()
    answer = service.cache.find(predictor, body)
    if answer is not None:
        metrics.cache_hit()
    else:
        metrics.cache_miss()
        work = partial(_predict, service, predictor, body)
        kept = await service.charts.run(work, request, within_s=service.limits.predict_s)
        service.cache.keep(predictor, body, kept)
        answer = kept.answer
    return Response(answer, media_type="application/json")


@router.post(
    "/predict/batch",
    response_class=Response,
    responses={**ndjson_response(BatchResponse, BatchLine), **problems(404, 413, 422, 429, 503)},
    openapi_extra=json_request(BatchRequest, _BATCH_EXAMPLE),
)
async def predict_batch(request: Request, service: ServiceDep) -> Response:
    """Labels stored candles, all of them or those between two dates.

    With `Accept: application/x-ndjson` the answer is a stream of lines, each a JSON object with a `type`:
    `start`, then `part`s with their progress, then `end`, or `error` where it broke off. Closing the
    connection cancels it.
    """
    body = await read_body(request)
    predictor = service.champion.require()
    opening = partial(_sweep, service, predictor, body)
    sweep = await service.sweeps.run(opening, request, within_s=service.limits.batch_s)
    if NDJSON in request.headers.get("accept", ""):
        lines: AsyncIterator[bytes] = line_by_line(
            sweep, service.sweeps, request, piece_s=service.limits.predict_s
        )
        return StreamingResponse(lines, media_type=NDJSON)
    answer = await in_one_piece(sweep, service.sweeps, request, within_s=service.limits.batch_s)
    return Response(answer, media_type="application/json")


def _predict(service: Service, predictor: Predictor, body: bytes) -> Kept:
    refuse_too_many(body, service.limits.candles)
    asked = decoded(body, PredictRequest)
    candles = checked_candles(asked.pair, asked.timeframe, asked.candles)
    version = service.cache.series_version(candles.pair, candles.timeframe)
    prediction = predict_candles(predictor, service.stored, candles, since=asked.since)
    metrics.observe_prediction(prediction)
    metrics.observe_input(predictor.profile, candles)
    answer = PredictResponse(
        pair=candles.pair,
        timeframe=candles.timeframe,
        spans=prediction.spans,
        per_candle=per_candle(prediction),
        model_info=predictor.info,
        changed_from=msgspec.UNSET if asked.since is None else int(prediction.candles.time[0]),
    )
    return Kept(candles.pair, candles.timeframe, version, msgspec.json.encode(answer))


def _sweep(service: Service, predictor: Predictor, body: bytes) -> Sweep:
    asked = decoded(body, BatchRequest)
    start_time, end_time = bounds(asked)
    return Sweep.over(
        predictor,
        service.stored,
        pair=check_pair(asked.pair),
        timeframe=asked.timeframe,
        start_time=start_time,
        end_time=end_time,
    )
