"""Answers about long histories, piece by piece: memory is bounded, a client that has gone ends the work."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect

from api import metrics
from api.candle_bodies import BatchEnd, BatchError, BatchStart, per_candle
from api.lanes import Lane
from api.problems import Problem, problem_of
from mllib.errors import CandleloopError
from mllib.inference import Prediction
from mllib.pipeline.predicting import Sweep
from mllib.pipeline.sweeps import Step, SweptSeries

NDJSON = "application/x-ndjson"
_LOOKS_AGAIN_AFTER_S = 0.1


class _Piece(NamedTuple):
    """Elements of two JSON lists without their brackets, and how many candles they are about."""

    spans: bytes
    bars: bytes
    candles: int


T = TypeVar("T")


async def line_by_line(sweep: Sweep, lane: Lane, request: Request, *, piece_s: float) -> AsyncIterator[bytes]:
    """The lines of a stream; each piece has `piece_s`, waiting for the lane included.

    It ends without a last line where the client has gone, as nobody reads that.
    """
    yield _line(BatchStart(sweep.history.pair, sweep.history.timeframe, len(sweep), sweep.predictor.info))
    done = 0
    try:
        async for piece in _swept(sweep, lane, request, _piece, left_s=lambda: piece_s):
            done += piece.candles
            yield _part_line(piece, done, len(sweep))
    except (CandleloopError, Problem) as exc:
        yield _line(BatchError(problem_of(request, exc)))
    except ClientDisconnect:
        return
    else:
        yield _line(BatchEnd(done))


async def in_one_piece(sweep: Sweep, lane: Lane, request: Request, *, within_s: float) -> bytes:
    """The same as the JSON of one `BatchResponse`.

    Raises:
        Problem: it takes longer than `within_s`.
        ClientDisconnect: the client has gone.
    """
    left_s = _until(asyncio.get_running_loop().time() + within_s)
    pieces = [piece async for piece in _swept(sweep, lane, request, _piece, left_s=left_s)]
    return await asyncio.to_thread(_whole, sweep, pieces)


async def whole_series(steps: Iterator[Step], lane: Lane, request: Request, *, ends_at: float) -> SweptSeries:
    """What a model says of a whole series, computed in the lane step by step unless it is kept.

    Where another request or process computes the same, it is waited for beside the lane. `ends_at` is in the
    loop's time; raises as `in_one_piece` does.
    """
    left_s = _until(ends_at)
    admitted = False
    following: Callable[[], Step] = partial(next, steps)
    while True:
        step = await lane.run(following, request, within_s=left_s(), admitted=admitted)
        admitted = True
        if step.swept is not None:
            return step.swept
        if step.waiting:
            await asyncio.sleep(min(_LOOKS_AGAIN_AFTER_S, max(left_s(), 0)))


async def _swept(
    sweep: Sweep,
    lane: Lane,
    request: Request,
    what: Callable[[Prediction], T],
    *,
    left_s: Callable[[], float],
) -> AsyncIterator[T]:
    """What is made of each piece, in the lane; `left_s` says before each how long it may take."""
    parts = sweep.parts()

    def following() -> tuple[T] | None:
        return next(((what(part),) for part in parts), None)

    while found := await lane.run(following, request, within_s=left_s(), admitted=True):
        yield found[0]


def _until(ends_at: float) -> Callable[[], float]:
    loop = asyncio.get_running_loop()
    return lambda: ends_at - loop.time()


def _piece(part: Prediction) -> _Piece:
    metrics.observe_prediction(part)
    spans, bars = msgspec.json.encode(part.spans), msgspec.json.encode(per_candle(part))
    return _Piece(spans[1:-1], bars[1:-1], len(part.candles))


def _whole(sweep: Sweep, pieces: list[_Piece]) -> bytes:
    fields = {
        "pair": sweep.history.pair,
        "timeframe": sweep.history.timeframe,
        "spans": _list(piece.spans for piece in pieces),
        "per_candle": _list(piece.bars for piece in pieces),
        "model_info": sweep.predictor.info,
        "candle_count": len(sweep),
    }
    return msgspec.json.encode(fields)


def _list(pieces: Iterable[bytes]) -> msgspec.Raw:
    return msgspec.Raw(b"[%b]" % b",".join(piece for piece in pieces if piece))


def _part_line(piece: _Piece, done: int, count: int) -> bytes:
    """A `BatchPart` made of what is JSON already."""
    fields = {
        "type": "part",
        "spans": _list([piece.spans]),
        "per_candle": _list([piece.bars]),
        "candles_done": done,
        "progress": done / count,
    }
    return msgspec.json.encode(fields) + b"\n"


def _line(line: BatchStart | BatchEnd | BatchError) -> bytes:
    return msgspec.json.encode(line) + b"\n"
