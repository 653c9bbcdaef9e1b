"""The outermost layer of the app: what every request passes, and every answer carries.

In this order: a request id, who gets in (`access`), what is taken on (`intake`), the app. On the way out:
security headers, one line in the log, and one call of `on_answer`.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.edge.access import Access
from api.edge.intake import Intake
from api.edge.keys import Keys
from api.metrics import in_flight
from api.problems import CLIENT_CLOSED_REQUEST, Problem, respond
from mllib.config import ApiSection
from mllib.logs import at_work
from mllib.store import ApiKey

OnAnswer = Callable[[str, str, int, float], None]
"""Is told method, route template, status and seconds of every answer."""

UNROUTED = "unrouted"
"""The route of a request for which there is none."""

_EXCHANGE = "candleloop.exchange"
_REQUEST_ID = "request_id"
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_CORS_METHODS = ("GET", "POST", "PATCH", "DELETE")
_CORS_HEADERS = ("Authorization", "X-API-Key", "X-Request-ID")
_EXPOSED_HEADERS = ("X-Request-ID", "Retry-After")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_PAGE_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; connect-src 'self'; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)
"""For `/docs`; Swagger UI writes styles into its elements."""

log = logging.getLogger("api.access_log")


@dataclass(slots=True)
class _Exchange:
    """What is known of a request and its answer so far."""

    begun_at: float = field(default_factory=time.perf_counter)
    status: int = CLIENT_CLOSED_REQUEST
    is_gone: bool = False
    is_whole: bool = False
    bytes_in: int = 0
    bytes_out: int = 0
    key: ApiKey | None = None


class Edge:
    """Wraps the whole app of a process, its handler of surprises included."""

    def __init__(self, inner: ASGIApp, *, routes: tuple[Route, ...], on_answer: OnAnswer) -> None:
        self._inner = inner
        self._routes = routes
        self._on_answer = on_answer
        self._gate: ASGIApp | None = None

    def open(self, keys: Keys, limits: ApiSection) -> None:
        """Lets requests in, when the keys and the limits are known: at the start of the app."""
        access = Access(keys, knows=self._knows, cors_origins=limits.cors_origins)
        gate: ASGIApp = _Gate(Intake(self._inner, limits), access)
        if limits.cors_origins:
            gate = CORSMiddleware(
                gate,
                allow_origins=limits.cors_origins,
                allow_methods=_CORS_METHODS,
                allow_headers=_CORS_HEADERS,
                expose_headers=_EXPOSED_HEADERS,
            )
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or passes on what is none."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        assert self._gate is not None, "opened by the lifespan"
        exchange = _Exchange()
        scope[_EXCHANGE] = exchange
        # Left as it is at the end: the server logs a surprise after this returns, in the same context.
        at_work.set({_REQUEST_ID: _id_of(scope)})
        try:
            with in_flight():
                await self._gate(scope, _counted(receive, exchange), _dressed(send, exchange, scope))
        finally:
            self._tell(scope, exchange)

    def _tell(self, scope: Scope, exchange: _Exchange) -> None:
        seconds, route = time.perf_counter() - exchange.begun_at, self._template(scope)
        if exchange.is_gone and not exchange.is_whole:
            exchange.status = CLIENT_CLOSED_REQUEST
        self._on_answer(scope["method"], route, exchange.status, seconds)
        log.info(
            "request",
            extra={
                _REQUEST_ID: at_work.get().get(_REQUEST_ID),
                "method": scope["method"],
                "route": route,
                "status": exchange.status,
                "ms": round(seconds * 1_000, 2),
                "bytes_in": exchange.bytes_in,
                "bytes_out": exchange.bytes_out,
                "key_id": None if exchange.key is None else exchange.key.id,
            },
        )

    def _template(self, scope: Scope) -> str:
        """The template of the route that answered, or would have if the request had got so far."""
        route = scope.get("route") or self._route(scope)
        return str(getattr(route, "path", UNROUTED))

    def _knows(self, scope: Scope) -> bool:
        return self._route(scope) is not None

    def _route(self, scope: Scope) -> Route | None:
        """The first route that has the path, whatever the method."""
        return next((one for one in self._routes if one.matches(scope)[0] != Match.NONE), None)


class _Gate:
    """Asks who it is, then whether there is room; the answer to a refusal is made here."""

    def __init__(self, intake: Intake, access: Access) -> None:
        self._intake = intake
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        try:
            scope[_EXCHANGE].key = self._access.admit(scope, path)
            # HEAD is answered as GET would be; `_dressed` leaves out the body.
            asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
            await self._intake(asked, receive, send, path=path)
        except Problem as problem:
            await respond(problem)(scope, receive, send)


def _id_of(scope: Scope) -> str:
    """The id that the client gave, if it can be logged and sent back as it is, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _SANE_ID.fullmatch(given) else secrets.token_hex(16)


def _counted(receive: Receive, exchange: _Exchange) -> Receive:
    async def counting() -> Message:
        message = await receive()
        exchange.bytes_in += len(message.get("body", b""))
        exchange.is_gone |= message["type"] == "http.disconnect"
        return message

    return counting


def _dressed(send: Send, exchange: _Exchange, scope: Scope) -> Send:
    async def dressing(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if headers.get("content-type", "").startswith("text/html"):
                headers["Content-Security-Policy"] = _PAGE_POLICY
            headers["X-Request-ID"] = at_work.get().get(_REQUEST_ID, "")
        elif scope["method"] == "HEAD":
            message = {**message, "body": b""}
        try:
            await send(message)
        except OSError:  # as ASGI servers may say it; what the app sends from now on is read by nobody
            exchange.is_gone = True
        exchange.bytes_out += len(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            exchange.is_whole = not exchange.is_gone

    return dressing
