"""Where the time of one prediction goes, in this process; `python -m benchmarks.serving --stages`."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from api.candle_bodies import PredictRequest, PredictResponse, checked_candles, decoded, per_candle
from mllib.candles import Candles
from mllib.inference import Prediction, Predictor
from mllib.inference.prediction import predicted

Row = tuple[str, list[float]]


def stages(predictor: Predictor, bodies: Sequence[bytes]) -> Iterator[Row]:
    """The milliseconds of each part of a prediction from the request's candles alone."""
    encoder = predictor.encoder
    charts, ms = timed(_read, bodies)
    yield "JSON in, and the candle gate", ms
    rows, ms = timed(encoder.propose, charts)
    yield "features", ms
    P, ms = timed(lambda r: predictor.calibration.apply(predictor.model.predict_proba(r.X)), rows)
    yield "model, calibrated", ms
    predictions, ms = timed(
        lambda one: predicted(one[0], encoder.labels, encoder.decode(*one), encoder.coverage(*one)),
        list(zip(charts, rows, P, strict=True)),
    )
    yield "decode", ms
    _, ms = timed(lambda prediction: _write(prediction, predictor), predictions)
    yield "JSON out", ms


def timed(function: Callable[[Any], Any], inputs: Iterable[Any]) -> tuple[list[Any], list[float]]:
    """The results over distinct inputs, and the milliseconds of each."""
    results, ms = [], []
    for one in inputs:
        started = time.perf_counter()
        results.append(function(one))
        ms.append((time.perf_counter() - started) * 1e3)
    return results, ms


def _read(body: bytes) -> Candles:
    asked = decoded(body, PredictRequest)
    return checked_candles(asked.pair, asked.timeframe, asked.candles)


def _write(prediction: Prediction, predictor: Predictor) -> bytes:
    candles = prediction.candles
    answer = PredictResponse(
        pair=candles.pair,
        timeframe=candles.timeframe,
        spans=prediction.spans,
        per_candle=per_candle(prediction),
        model_info=predictor.info,
    )
    return msgspec.json.encode(answer)
