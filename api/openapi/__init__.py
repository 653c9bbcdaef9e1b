"""What the OpenAPI page says where FastAPI cannot see it: raw bodies and problems."""

from http import HTTPStatus
from typing import Any, get_args

import msgspec
from fastapi import FastAPI

from api.candle_bodies import (
    BatchLine,
    BatchRequest,
    BatchResponse,
    DetectRequest,
    PredictRequest,
    PredictResponse,
)
from api.openapi.edge_docs import describe_edge
from api.openapi.examples import NDJSON, add_examples
from api.openapi.links import add_links
from api.problems import MEDIA_TYPE, ProblemBody
from api.schemas.stored import CandlesResponse

_SHAPES = (
    BatchRequest,
    BatchResponse,
    *get_args(BatchLine),
    CandlesResponse,
    DetectRequest,
    PredictRequest,
    PredictResponse,
    ProblemBody,
)
_REF = "#/components/schemas/{name}"
_PUBLISHED = {
    "AnnotationBody": "Annotation",
    "AnnotationPageBody": "AnnotationPage",
    "ChangeBody": "ModelChange",
    "DisagreementBody": "Disagreement",
    "LabelBody": "Label",
    "PredictedBody": "Proposal",
    "StoredAnnotationBody": "StoredAnnotation",
    "CandleBody": "Candle",
    "FeedbackRequest": "Feedback",
    "PredictedSpan": "Span",
    "ProblemBody": "Problem",
}
"""Classes whose schema goes by the name that clients know."""
_WHEN = {
    400: "A name in the request is unknown; `error` names it.",
    404: "There is no such thing; `error` says what there is.",
    409: "Something else is in the way; `error` says what.",
    413: "The body is too long.",
    429: "Too much is asked at once. Ask again after `Retry-After`.",
    422: "The request is refused; `error` names the place, what was found and what is expected.",
    500: "The service failed; its log says why.",
    503: "Not now: no model is loaded, or database or disk cannot be used. Ask again after `Retry-After`.",
}


class DocumentedApi(FastAPI):
    """FastAPI whose OpenAPI page knows the msgspec bodies as well."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            _, found = msgspec.json.schema_components(_SHAPES, ref_template=_REF)
            known = document.setdefault("components", {}).setdefault("schemas", {})
            document["components"]["schemas"] = dict(sorted({**found, **known}.items()))
            describe_edge(document, _REF.format(name=ProblemBody.__name__), MEDIA_TYPE)
            add_links(document)
            add_examples(document)
            self.openapi_schema = _published(document)
        assert self.openapi_schema is not None
        return self.openapi_schema


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, 500 among them."""
    return {
        status: {
            "description": _WHEN[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name=ProblemBody.__name__)}}},
            **({"headers": _RETRY_AFTER} if status in _ASKED_AGAIN else {}),
        }
        for status in sorted({*statuses, 500})
    }


def json_request(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads its body itself."""
    return {"requestBody": {"required": True, **_json(shape)}}


def json_response(shape: type[msgspec.Struct]) -> dict[int | str, dict[str, Any]]:
    """The 200 response of a route that writes its body itself."""
    return {200: {"description": "Successful Response", **_json(shape)}}


def ndjson_response(shape: type[msgspec.Struct], line: Any) -> dict[int | str, dict[str, Any]]:
    """The 200 response of a route that answers in one piece, or as lines of JSON."""
    found = json_response(shape)
    lines = [_REF.format(name=one.__name__) for one in get_args(line)]
    found[200]["content"][NDJSON] = {"schema": {"anyOf": [{"$ref": ref} for ref in lines]}}
    return found


def _json(shape: type[msgspec.Struct]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": _REF.format(name=shape.__name__)}}}}


def _published(node: Any) -> Any:
    """A document whose schemas have the names that clients know."""
    if isinstance(node, list):
        return [_published(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {key: _published_value(key, value) for key, value in node.items()}


def _published_value(key: str, value: Any) -> Any:
    if key == "schemas":
        return dict(sorted((_PUBLISHED.get(name, name), _published(one)) for name, one in value.items()))
    if key == "$ref":
        start, _, name = value.rpartition("/")
        return f"{start}/{_PUBLISHED.get(name, name)}"
    if key == "title" and isinstance(value, str):
        return _PUBLISHED.get(value, value)
    return _published(value)


_ASKED_AGAIN = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
