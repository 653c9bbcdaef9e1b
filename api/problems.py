"""Errors become `application/problem+json` here and nowhere else.

The body is RFC 9457's `type title status detail`, with the same text once more as `error`, the key that
the annotation tool shows.
"""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.disclosure import to_client_of
from mllib import errors

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
CLIENT_CLOSED_REQUEST = 499

_STATUS: dict[type[errors.CandleloopError], HTTPStatus] = {
    errors.InvalidCandles: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidAnnotations: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidConfig: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TrainingFailed: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.BrokenModel: HTTPStatus.CONFLICT,
}

_BRANCH = re.compile(r"function-|constrained-|(int|str|float|bool)$")
"""How pydantic names what a key may be; it is no part of the place."""

log = logging.getLogger(__name__)


class ProblemBody(msgspec.Struct, kw_only=True, omit_defaults=True, rename={"kind": "type"}):
    """An error as clients see it (RFC 9457)."""

    kind: str
    title: str
    status: int
    detail: str
    error: str
    """The text of `detail` once more."""
    run_id: str | msgspec.UnsetType = msgspec.UNSET
    """The run that is active, where it is in the way."""


class Problem(Exception):
    """A refusal for which a route chooses the status itself."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        kind: str = "about:blank",
        run_id: str | None = None,
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.run_id = run_id
        self.retry_after_s = retry_after_s
        self.headers = headers


def invalid_request(detail: str) -> Problem:
    """A body without the documented shape; `detail` names the place, such as `$.candles[3].high`."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, kind=_kind("InvalidRequest"))


def respond(problem: Problem) -> Response:
    """The answer that a problem is."""
    waiting = {} if problem.retry_after_s is None else {"Retry-After": str(problem.retry_after_s)}
    headers = {**waiting, **(problem.headers or {})}
    return _response(problem.status, str(problem), kind=problem.kind, run_id=problem.run_id, headers=headers)


def install(app: FastAPI) -> None:
    """Lets every error of the app leave as a problem."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(errors.CandleloopError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, _on_surprise)


def _on_problem(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Problem)
    return respond(exc)


def _on_refusal(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, errors.CandleloopError)
    status = _status(exc)
    waiting = status == HTTPStatus.SERVICE_UNAVAILABLE
    headers = {"Retry-After": str(RETRY_AFTER_S)} if waiting else None
    return _response(status, _told(request, exc), kind=kind_of(type(exc)), headers=headers)


def _told(request: Request, exc: Exception) -> str:
    """The message as a client is told it; where that is less than all, the log has all of it."""
    message = str(exc)
    told = to_client_of(request, message)
    if told != message:
        log.info("%s %s: %s", request.method, request.url.path, message)
    return told


def _on_invalid_request(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    found = exc.errors()
    if tuple(found[0]["loc"]) == ("body",) and (why := _why_no_body(request, found[0])):
        return _on_problem(request, invalid_request(why))
    places = {_place(one["loc"]) for one in found}
    more = f" ({len(places)} such places)" if len(places) > 1 else ""
    place, message = _place(found[0]["loc"]), str(found[0]["msg"])
    detail = f"{place}: {message[:1].lower()}{message[1:]}{more}. Correct the request."
    return _on_problem(request, invalid_request(detail))


def _why_no_body(request: Request, found: Mapping[str, Any]) -> str | None:
    """Why a route that reads JSON found none, where its absence is what is wrong."""
    if found["type"] == "missing":
        return "$: found no body, expected a JSON object. Send one as application/json."
    if not isinstance(found.get("input"), bytes):
        return None
    sent = request.headers.get("content-type", "")[:200]
    return f"Content-Type: found {sent!r}, expected application/json. Send the body as that."


def _on_http_exception(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if exc.status_code == HTTPStatus.BAD_REQUEST and exc.__cause__ is not None:  # FastAPI could not read it
        return respond(
            invalid_request("request body: found no JSON in UTF-8, expected it. Correct the request.")
        )
    detail = f"{request.method} {request.url.path}: {exc.detail}. See /docs for what there is."
    return _response(HTTPStatus(exc.status_code), detail, headers=exc.headers)


def _on_disconnect(request: Request, exc: Exception) -> Response:
    """Nobody reads it; logs and metrics show it as what proxies call it."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


def _on_surprise(request: Request, exc: Exception) -> Response:
    # The server that runs the app logs the traceback, as this exception is raised on to it.
    log.error("%s %s: %s", request.method, request.url.path, type(exc).__name__)
    detail = "The service failed unexpectedly; its log says why. Try again, and report it if it stays."
    return _response(HTTPStatus.INTERNAL_SERVER_ERROR, detail)


def _place(location: tuple[str | int, ...]) -> str:
    """Where in a request something is: `$.prediction.label` in the body, else `query.limit`.

    >>> _place(("body", "pairs", 0)), _place(("query", "limit"))
    ('$.pairs[0]', 'query.limit')
    """
    root, *rest = location
    start = "$" if root == "body" else str(root)
    keys = [part for part in rest if isinstance(part, int) or not _BRANCH.match(part)]
    return start + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in keys)


def kind_of(error: type[errors.CandleloopError]) -> str:
    """The problem type of a kind of error.

    >>> kind_of(errors.InvalidCandles)
    'urn:candleloop:invalid-candles'
    """
    return _kind(error.__name__)


def _kind(name: str) -> str:
    return "urn:candleloop:" + re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def problem_of(request: Request, exc: errors.CandleloopError | Problem) -> ProblemBody:
    """The body of a refusal, for answers that have begun already."""
    if isinstance(exc, Problem):
        return _body(exc.status, str(exc), exc.kind, exc.run_id)
    return _body(_status(exc), _told(request, exc), kind_of(type(exc)))


def _status(exc: errors.CandleloopError) -> HTTPStatus:
    return next(status for kind, status in _STATUS.items() if isinstance(exc, kind))


def _body(status: HTTPStatus, detail: str, kind: str, run_id: str | None = None) -> ProblemBody:
    return ProblemBody(
        kind=kind,
        title=status.phrase,
        status=int(status),
        detail=detail,
        error=detail,
        run_id=msgspec.UNSET if run_id is None else run_id,
    )


def _response(
    status: HTTPStatus,
    detail: str,
    *,
    kind: str = "about:blank",
    run_id: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = msgspec.json.encode(_body(status, detail, kind, run_id))
    return Response(body, status_code=int(status), media_type=MEDIA_TYPE, headers=headers)
