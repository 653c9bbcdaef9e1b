"""Bodies that carry candles or predictions: read and written with msgspec, which models would slow down."""

import json
import math
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np
from fastapi import Request

from api.problems import Problem, ProblemBody, invalid_request
from mllib.candle_gate import check_arrays, check_pair
from mllib.candles import PRICE_COLUMNS, Candles
from mllib.errors import CandleloopError
from mllib.inference import ModelInfo, Prediction
from mllib.spans import PredictedSpan
from mllib.timeframes import parse_time, parse_timeframe

_EXPLAINED_BYTES = 2**20
"""Python's parser is slow and lets nothing else run meanwhile."""

_BEYOND_SECONDS = 10**11
"""As seconds, beyond the year 5000; as milliseconds, 1973 and later."""

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Body = TypeVar("Body")


class CandleBody(msgspec.Struct, gc=False):
    """One candle; `time` is its open in Unix seconds UTC. Other keys are ignored."""

    time: Int64
    open: float
    high: float
    low: float
    close: float
    volume: float | msgspec.UnsetType = msgspec.UNSET


class PredictRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Candles to label. `since` is the open of the first one that is new or changed since the last answer."""

    pair: str
    timeframe: str
    candles: list[CandleBody]
    since: Int64 | None = None


class BatchRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Stored candles to label; both dates are ISO 8601 or Unix seconds, and included."""

    pair: str
    timeframe: str
    start_date: Int64 | str | None = None
    end_date: Int64 | str | None = None


class DetectRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Candles in which to look for TA-Lib's patterns; an empty list looks for all."""

    candles: list[CandleBody]
    patterns: list[str] = []


class PerCandle(msgspec.Struct, gc=False):
    """The label of one candle, `O` in no pattern, with its confidence in [0, 1]."""

    time: int
    label: str
    confidence: float


class Answer(msgspec.Struct):
    """What the model says of the candles asked for."""

    pair: str
    timeframe: str
    spans: list[PredictedSpan]
    per_candle: list[PerCandle]
    model_info: ModelInfo


class PredictResponse(Answer, omit_defaults=True):
    """What the model says of the candles sent.

    Asked with `since`, it holds what can have changed: the candles from `changed_from` on, and every span
    that ends there or later. It takes the place of all that was known from there on.
    """

    changed_from: int | msgspec.UnsetType = msgspec.UNSET


class BatchResponse(Answer):
    """What the model says of stored candles, and how many there were."""

    candle_count: int


class BatchStart(msgspec.Struct, tag="start"):
    """The first line of a stream."""

    pair: str
    timeframe: str
    candle_count: int
    model_info: ModelInfo


class BatchPart(msgspec.Struct, tag="part"):
    """The next candles in order of time, the spans that start there, and how far the stream is, 0 to 1."""

    spans: list[PredictedSpan]
    per_candle: list[PerCandle]
    candles_done: int
    progress: float


class BatchEnd(msgspec.Struct, tag="end"):
    """The last line of a stream that is whole."""

    candle_count: int


class BatchError(msgspec.Struct, tag="error"):
    """The last line of a stream that broke off."""

    problem: ProblemBody


BatchLine = BatchStart | BatchPart | BatchEnd | BatchError


async def read_body(request: Request) -> bytes:
    """The request's body, which the edge has kept within its limits."""
    return await request.body()


def decoded(body: bytes, shape: type[Body]) -> Body:
    """The body in its documented shape.

    Raises:
        Problem: naming the place, such as `$.candles[3].high`.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as exc:
        message, _, place = str(exc).partition(" - at ")
        said = message[0].lower() + message[1:]
        raise invalid_request(f"{place.strip('`') or '$'}: {said}. Correct the request.") from exc
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise invalid_request(_why_not_json(body, exc)) from exc


def refuse_too_many(body: bytes, most: int) -> None:
    """Refuses a body with more candles than a request may have, before it is decoded.

    Raises:
        Problem: 413.
    """
    found = body.count(b'"time"')
    if found > most:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"$.candles: found {found:,} candles, expected at most {most:,} a request. Send fewer, or store "
            "the history (POST /candles/import) and ask for it with /predict/batch.",
        )


def checked_candles(pair: str, timeframe: str, rows: Sequence[CandleBody]) -> Candles:
    """Candles that have passed the gate.

    Raises:
        InvalidCandles: naming the first offending candle.
        Problem: some candles have a volume and some have none.
    """
    check_pair(pair)
    canonical = parse_timeframe(timeframe)
    prices = {name: np.array([getattr(row, name) for row in rows], np.float64) for name in PRICE_COLUMNS}
    time = np.array([row.time for row in rows], np.int64)
    candles = Candles(pair, canonical, time, **prices, volume=_volumes(rows))
    check_arrays(candles)
    return candles


def bounds(request: BatchRequest) -> tuple[int | None, int | None]:
    """The first and the last open asked for (Unix s); an end date without a time means that whole day.

    Raises:
        Problem: a date cannot be read, or the range ends before it starts.
    """
    start = _bound("start_date", request.start_date, last=False)
    end = _bound("end_date", request.end_date, last=True)
    if start is not None and end is not None and start > end:
        raise invalid_request(
            f"$.end_date: found {request.end_date!r} before start_date {request.start_date!r}, "
            "expected a later one. Swap them."
        )
    return start, end


def per_candle(prediction: Prediction) -> list[PerCandle]:
    """The label and confidence of each candle."""
    rows = zip(
        prediction.candles.time.tolist(),
        prediction.label.tolist(),
        prediction.confidence.tolist(),
        strict=True,
    )
    return [PerCandle(time, prediction.names[label], confidence) for time, label, confidence in rows]


def _volumes(rows: Sequence[CandleBody]) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    volumes = [row.volume for row in rows if not isinstance(row.volume, msgspec.UnsetType)]
    if not volumes:
        return None
    if len(volumes) == len(rows):
        return np.array(volumes, np.float64)
    bar = next(i for i, row in enumerate(rows) if isinstance(row.volume, msgspec.UnsetType))
    raise invalid_request(
        f"$.candles[{bar}].volume: found none, but {len(volumes):,} of {len(rows):,} candles have one, "
        "expected a volume in every candle or in none. Add it, or leave it out everywhere."
    )


def _bound(name: str, value: int | str | None, *, last: bool) -> int | None:
    if value is None:
        return None
    try:
        time = parse_time(value, last=last)
    except (CandleloopError, ValueError, OverflowError) as exc:
        raise invalid_request(
            f"$.{name}: found {value!r}, expected Unix seconds or an ISO 8601 date. "
            "Write 2020-01-31 or 2020-01-31T10:00:00Z."
        ) from exc
    if not isinstance(value, str) and abs(time) >= _BEYOND_SECONDS:
        raise invalid_request(
            f"$.{name}: found {value!r}, expected seconds, not milliseconds. Divide by 1000."
        )
    return time


def _why_not_json(body: bytes, exc: Exception) -> str:
    """Why a body is no JSON; Python's parser takes NaN and Infinity, which lets us say where they are."""
    try:
        place = next(_not_finite(json.loads(body), "$"), None) if len(body) <= _EXPLAINED_BYTES else None
    except (ValueError, RecursionError):
        place = None
    if place is None:
        return f"request body: {exc}, expected JSON in UTF-8. Correct the request."
    return f"{place}: found NaN or an infinity, expected a finite number. Correct or leave out the candle."


def _not_finite(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, float) and not math.isfinite(value):
        yield place
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _not_finite(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _not_finite(inner, f"{place}[{i}]")
