"""Predictions over candles that are sent, and over candles that are stored."""

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.candle_bodies import (
    BatchRequest,
    BatchResponse,
    PredictRequest,
    PredictResponse,
    bounds,
    checked_candles,
    decoded,
    read_body,
    response_fields,
)
from api.openapi import json_request, json_response, problems
from api.service import Service, ServiceDep
from mllib.candle_gate import check_pair
from mllib.pipeline.predicting import predict_candles, predict_stored

router = APIRouter(tags=["predictions"])

_CANDLE = {"time": 1_704_189_600, "open": 1.10, "high": 1.12, "low": 1.09, "close": 1.11}
_PREDICT_EXAMPLE = {"pair": "EURUSD", "timeframe": "1h", "candles": [_CANDLE]}
_BATCH_EXAMPLE = {"pair": "EURUSD", "timeframe": "1h", "start_date": "2024-01-01", "end_date": 1_706_745_600}


@router.post(
    "/predict",
    response_class=Response,
    responses={**json_response(PredictResponse), **problems(413, 422, 503)},
    openapi_extra=json_request(PredictRequest, _PREDICT_EXAMPLE),
)
async def predict(request: Request, service: ServiceDep) -> Response:
    """Labels the candles sent; stored candles around them serve as context where they agree."""
    body = await read_body(request)
    return _json(await run_in_threadpool(_predict, service, body))


@router.post(
    "/predict/batch",
    response_class=Response,
    responses={**json_response(BatchResponse), **problems(404, 413, 422, 503)},
    openapi_extra=json_request(BatchRequest, _BATCH_EXAMPLE),
)
async def predict_batch(request: Request, service: ServiceDep) -> Response:
    """Labels stored candles, all of them or those between two dates."""
    body = await read_body(request)
    return _json(await run_in_threadpool(_predict_batch, service, body))


def _predict(service: Service, body: bytes) -> bytes:
    asked = decoded(body, PredictRequest)
    candles = checked_candles(asked.pair, asked.timeframe, asked.candles)
    predictor = service.champion.require()
    prediction = predict_candles(predictor, service.stored, candles)
    return msgspec.json.encode(PredictResponse(**response_fields(prediction, predictor)))


def _predict_batch(service: Service, body: bytes) -> bytes:
    asked = decoded(body, BatchRequest)
    start_time, end_time = bounds(asked)
    predictor = service.champion.require()
    prediction = predict_stored(
        predictor,
        service.stored,
        pair=check_pair(asked.pair),
        timeframe=asked.timeframe,
        start_time=start_time,
        end_time=end_time,
    )
    fields = response_fields(prediction, predictor)
    return msgspec.json.encode(BatchResponse(**fields, candle_count=len(prediction.candles)))


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
