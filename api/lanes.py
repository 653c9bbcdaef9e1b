"""Where predictions are computed: one thread a lane beside the event loop, and a bounded queue before it.

NumPy and XGBoost on many threads of one process only wait for each other, so more processes and not more
threads make a service faster. Two lanes keep charts from waiting behind whole histories.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.problems import RETRY_AFTER_S, Problem

T = TypeVar("T")


class Lane:
    """One piece of work at a time, in the order in which it came."""

    def __init__(self, name: str, *, queued: int) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._turn = asyncio.Lock()
        self._most = queued
        self.waiting = 0
        """How many wait for their turn."""

    async def run(
        self, work: Callable[[], T], request: Request, *, within_s: float, admitted: bool = False
    ) -> T:
        """What `work` returns, from the lane's own thread.

        Work that has begun goes on to its end and keeps the lane until then, even where nobody waits for it.
        What is `admitted`, as the next piece of something begun, waits however many wait before it.

        Raises:
            Problem: 429 where too many wait already, 503 where `within_s` has passed.
            ClientDisconnect: the client has gone before its turn came.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + within_s
        if not admitted and self._turn.locked() and self.waiting >= self._most:
            raise _busy(self.waiting)
        await self._take_turn(ends_at)
        job: asyncio.Future[T] | None = None
        try:
            if await request.is_disconnected():
                raise ClientDisconnect
            job = loop.run_in_executor(self._thread, work)
        finally:
            if job is None:
                self._turn.release()
        job.add_done_callback(self._end_turn)
        try:
            async with asyncio.timeout_at(ends_at):
                return await asyncio.shield(job)
        except TimeoutError as exc:
            raise overdue() from exc

    def close(self) -> None:
        """Ends the thread, after the work that has begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _take_turn(self, ends_at: float) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout_at(ends_at):
                await self._turn.acquire()
        except TimeoutError as exc:
            raise overdue() from exc
        finally:
            self.waiting -= 1

    def _end_turn(self, job: "asyncio.Future[T]") -> None:
        self._turn.release()
        if not job.cancelled():
            job.exception()  # taken note of, also where nobody waits for it any more


def _busy(waiting: int) -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        f"service: found {waiting} predictions waiting, expected fewer. Ask again in {RETRY_AFTER_S} s, or "
        "start more server processes.",
        retry_after_s=RETRY_AFTER_S,
    )


def overdue() -> Problem:
    """The refusal of what has taken all the time that a request has."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "service: found no answer within the time that a request has, expected one. Ask for fewer candles, "
        f"or again in {RETRY_AFTER_S} s; any batch can be streamed (Accept: application/x-ndjson).",
        retry_after_s=RETRY_AFTER_S,
    )
