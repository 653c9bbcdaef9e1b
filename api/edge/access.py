"""Who gets in: decided from the head of a request, before any of its body is read.

Without any key the API is for this machine alone: the connection has to arrive on a loopback address under a
loopback name, since a name that leads elsewhere may be rebound to this machine by a web page. Once a key was
created, everything but `/health` and `/ready` asks for one.
"""

from collections.abc import Callable, Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope as Request

from api.edge.keys import Keys
from api.problems import Problem
from mllib.pipeline.access import is_loopback
from mllib.store import ApiKey, Scope

OPEN_PATHS = frozenset({"/health", "/ready"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_READING_POSTS = frozenset({"/predict", "/predict/batch", "/patterns/detect"})
_ANNOTATING = ("/feedback", "/annotations")


def scope_of(method: str, path: str) -> Scope:
    """What a key has to allow for a request; what is not known to be harmless asks for the most.

    >>> scope_of("GET", "/annotations"), scope_of("POST", "/predict"), scope_of("DELETE", "/feedback/1")
    ('read', 'read', 'annotate')
    >>> scope_of("POST", "/model/load"), scope_of("PUT", "/predict"), scope_of("POST", "/feedbacks")
    ('train', 'train', 'train')
    """
    if method in _SAFE_METHODS or (method == "POST" and path in _READING_POSTS):
        return "read"
    if any(path == root or path.startswith(f"{root}/") for root in _ANNOTATING):
        return "annotate"
    return "train"


class Access:
    """Decides over requests; it knows the keys and the origins that web pages may call from.

    `knows` says whether there is a route for a request's path: where there is none, any key may be told so.
    """

    def __init__(
        self, keys: Keys, *, knows: Callable[[Request], bool], cors_origins: Collection[str] = ()
    ) -> None:
        self._keys = keys
        self._knows = knows
        self._origins = frozenset(cors_origins)

    def admit(self, request: Request, path: str) -> ApiKey | None:
        """The key that a request came with, or None where none is needed.

        Raises:
            Problem: 401 without a valid key, 403 with one that does not allow it, or from elsewhere.
        """
        headers = Headers(scope=request)
        self._check_origin(request["method"], headers)
        if self._keys.none_exist:
            _check_place(request, headers)
            return None
        if path in OPEN_PATHS:
            return None
        key = self._valid_key(headers)
        needed = scope_of(request["method"], path)
        if not key.allows(needed) and self._knows(request):
            raise Problem(
                HTTPStatus.FORBIDDEN,
                f"API key {key.id}: found the scopes {', '.join(key.scopes)}, expected {needed}. "
                "Use a key that has it.",
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'},
            )
        return key

    def _valid_key(self, headers: Headers) -> ApiKey:
        key = self._keys.find(_token(headers))
        if key is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "API key: found none that is valid, expected one as `Authorization: Bearer TOKEN` or "
                "`X-API-Key: TOKEN`. Ask the operator for one (`candleloop keys create`).",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return key

    def _check_origin(self, method: str, headers: Headers) -> None:
        """Refuses what a foreign web page sends without being asked for leave first."""
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        if method in _SAFE_METHODS and not has_body:
            return
        for origin in headers.getlist("origin"):
            if not self._origins & {origin, "*"} and _host_of(origin) != headers.get("host"):
                raise Problem(
                    HTTPStatus.FORBIDDEN,
                    f"Origin: found {origin[:200]!r}, expected a page of this service or one of "
                    "stages.inference.api.cors_origins. Add it there, or call from a server.",
                )


def _host_of(origin: str) -> str | None:
    """Host and port of an origin as the Host header has them, or None for `null` and the like.

    >>> _host_of("http://127.0.0.1:8001"), _host_of("null"), _host_of("http://[")
    ('127.0.0.1:8001', None, None)
    """
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _check_place(request: Request, headers: Headers) -> None:
    server = request.get("server")
    is_here = server is None or server[1] is None or is_loopback(server[0])  # no port: a Unix socket
    if not is_here:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "This service has no API key yet, so it answers on loopback addresses alone. "
            "Create a key with `candleloop keys create`.",
        )
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not is_loopback(_without_port(hosts[0])):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"Host: found {', '.join(hosts)[:200]!r}, expected localhost or a loopback address while there "
            "is no API key. Call it so, or create a key with `candleloop keys create`.",
        )


def _without_port(host: str) -> str:
    """The name or address of a Host header.

    >>> _without_port("localhost:8001"), _without_port("[::1]:8001"), _without_port("::1")
    ('localhost', '[::1]', '::1')
    """
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    name, _, port = host.rpartition(":")
    return name if port.isdigit() and ":" not in name else host


def _token(headers: Headers) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    return headers.get("x-api-key", "")
