"""What the OpenAPI page says of the edge: keys, and the refusals that any operation may answer with."""

from copy import deepcopy
from typing import Any

from api.edge.access import OPEN_PATHS, scope_of
from api.edge.intake import EXEMPT_PATHS

_HEADER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_WHEN = {
    400: "This is not HTTP.",
    401: "A key is needed, and the one sent is none or no longer valid.",
    403: "The key does not allow this, or the request comes from a foreign page or under a foreign name.",
    408: "The body took too long to arrive.",
    413: "The body is too long.",
    429: "The process works on as many requests as it may. Ask again after `Retry-After`.",
    431: "Address and headers are too long.",
    503: "Not now: too many connections, or the keys cannot be read. Ask again after `Retry-After`.",
}
_OF_ANY_SERVER = (400, 431, 503)
"""What `api.server.connections` answers before it is known what is asked."""
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer cl_…`"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_METHODS = ("get", "head", "post", "put", "patch", "delete")


def describe_edge(document: dict[str, Any], problem_ref: str, media_type: str) -> None:
    """Adds to an OpenAPI document what the edge does before operations; what they say stays."""
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    content = {media_type: {"schema": {"$ref": problem_ref}}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method in _METHODS:
                operation["security"] = _security(method, path)
                _add_refusals(operation, _statuses(path, operation), content)


def _security(method: str, path: str) -> list[dict[str, list[str]]]:
    """A key in either header with the scope that is needed, or none where the home has no key."""
    if path in OPEN_PATHS:
        return []
    needed: str = scope_of(method.upper(), path)
    keyed = [{scheme: [needed]} for scheme in _SCHEMES]
    return [*keyed, {}]


def _statuses(path: str, operation: dict[str, Any]) -> tuple[int, ...]:
    if path in OPEN_PATHS:
        return (*_OF_ANY_SERVER, 403)
    full = () if path in EXEMPT_PATHS else (429,)
    body = (408, 413) if "requestBody" in operation else ()
    return (*_OF_ANY_SERVER, 401, 403, *body, *full)


def _add_refusals(operation: dict[str, Any], statuses: tuple[int, ...], content: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status in statuses:
        if str(status) not in responses:
            headers = {"headers": _HEADER} if status in (429, 503) else {}
            responses[str(status)] = {"description": _WHEN[status], "content": deepcopy(content), **headers}
    operation["responses"] = dict(sorted(responses.items()))
