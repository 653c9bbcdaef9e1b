"""What one process takes on: requests in flight, and bodies of some length that arrive in some time."""

import asyncio
import math
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import RETRY_AFTER_S, Problem, respond
from mllib.config import ApiSection

_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""No operation reads the body of these, so how long it is doesn't matter."""
UPLOAD_PATHS = frozenset({"/candles/import", "/annotations/import"})
EXEMPT_PATHS = frozenset({"/health", "/ready", "/metrics"})
_PIECE_BYTES = 64 * 1024
"""So much of an upload has to arrive in each `body_s`."""


class Intake:
    """Passes requests on to an app while it has room for them. One for each process."""

    def __init__(self, app: ASGIApp, limits: ApiSection) -> None:
        self._app = app
        self._limits = limits
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *, path: str) -> None:
        """Answers a request; the slot that it takes is free again however it ends.

        Raises:
            Problem: 429 where there is no slot, 413 where the body says that it is too long.
        """
        body = Body(scope, receive, self._limits, is_upload=path in UPLOAD_PATHS)
        if path in EXEMPT_PATHS:
            await body.answered_by(self._app, scope, send)
            return
        if self._in_flight >= self._limits.in_flight:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Requests in flight: found {self._in_flight}, expected fewer than that in this process. "
                f"Try again in {RETRY_AFTER_S} s.",
                retry_after_s=RETRY_AFTER_S,
            )
        self._in_flight += 1
        try:
            await body.answered_by(self._app, scope, send)
        finally:
            self._in_flight -= 1


class Body:
    """The body of a request while it arrives: not too long and not too slow."""

    def __init__(self, scope: Scope, receive: Receive, limits: ApiSection, *, is_upload: bool) -> None:
        self._receive = receive
        self._limits = limits
        self._is_upload = is_upload
        self._most: float = limits.upload_bytes if is_upload else limits.body_bytes
        if scope["method"] in _WITHOUT_BODY:
            self._most = math.inf
        self._bytes = 0
        self._mark = 0
        self._is_there = False
        self._deadline: float | None = None
        self._refused: Problem | None = None
        if _declared_bytes(scope) > self._most:
            raise self._too_long()

    async def answered_by(self, app: ASGIApp, scope: Scope, send: Send) -> None:
        """Runs the app; a body that was refused under way is answered here, whatever the app makes of it."""
        started = False

        async def send_unless_refused(message: Message) -> None:
            nonlocal started
            if self._refused is None or started:
                started = True
                await send(message)

        await app(scope, self.receive, send_unless_refused)
        if self._refused is not None and not started:
            await respond(self._refused)(scope, self._receive, send)

    async def receive(self) -> Message:
        """The next message, as an app asks for it."""
        if self._is_there:
            return await self._receive()
        if self._refused is not None:
            raise self._refused
        try:
            async with asyncio.timeout_at(self._until()):
                message = await self._receive()
        except TimeoutError as exc:
            raise self._refuse(self._too_slow()) from exc
        self._count(message)
        return message

    def _until(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._deadline is None or (self._is_upload and self._bytes - self._mark >= _PIECE_BYTES):
            self._deadline, self._mark = now + self._limits.body_s, self._bytes
        return self._deadline

    def _count(self, message: Message) -> None:
        self._bytes += len(message.get("body", b""))
        self._is_there = not message.get("more_body", False)
        if self._bytes > self._most:
            raise self._refuse(self._too_long())

    def _refuse(self, problem: Problem) -> Problem:
        self._refused = problem
        return problem

    def _too_long(self) -> Problem:
        return Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"request body: found more than {self._most:,} bytes, expected at most so many. "
            + ("Split the file." if self._is_upload else "Send fewer candles at a time."),
        )

    def _too_slow(self) -> Problem:
        return Problem(
            HTTPStatus.REQUEST_TIMEOUT,
            f"request body: found {self._bytes:,} bytes and no end after {self._limits.body_s:g} s, expected "
            "all of it by then. Send it faster, or in smaller parts.",
            headers={"Connection": "close"},
        )


def _declared_bytes(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() else 0
