"""The page of the REST API: every call with its parameters, bodies and answers, from its OpenAPI document."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scripts.reference.markdown import cell, code, page, table

_HEAD = """\
From the service's own OpenAPI document; a running one serves it with examples at `/docs`, and as
`/openapi.json`. How calls belong together: [the API](../api.md). Who may call what:
[access](../operating.md#access). Every error is an `application/problem+json` body:
[errors](../api.md#errors).
"""
_METHODS = ("get", "post", "put", "patch", "delete")
_UNSAID = "Successful Response"
_OFTEN = 0.8
"""An error that more calls than this share may answer is told once and not with each of them."""
_SCHEMA = "#/components/schemas/"


def rest_page(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document: calls by tag, then the bodies that they name."""
    calls = [
        (method, path, item[method])
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    ]
    common = _common_errors([call for *_, call in calls])
    by_tag: defaultdict[str, list[str]] = defaultdict(list)
    for method, path, call in calls:
        by_tag[call["tags"][0]].append(_call(method, path, call, common))
    tags = ["\n\n".join([f"## {tag}", *by_tag[tag]]) for tag in sorted(by_tag)]
    bodies = [_body(name, shape) for name, shape in sorted(document["components"]["schemas"].items())]
    errors = table(("status", "when"), sorted(common.items()))
    return page(
        "REST API", _HEAD, "Nearly every call may answer:", errors, *tags, "\n\n".join(["## Bodies", *bodies])
    )


def _common_errors(calls: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What nearly all calls say alike of a status, by status."""
    told = Counter(
        (status, cell(answer["description"]))
        for call in calls
        for status, answer in call["responses"].items()
        if status >= "400"
    )
    return {status: said for (status, said), count in told.items() if count > _OFTEN * len(calls)}


def _call(method: str, path: str, call: dict[str, Any], common: Mapping[str, str]) -> str:
    parts = [f"### {method.upper()} {path}", call.get("description", "").strip()]
    if parameters := call.get("parameters"):
        parts.append(table(("parameter", "in", "what it is"), [_parameter(one) for one in parameters]))
    if body := call.get("requestBody"):
        parts.append("Body: " + _contents(body))
    answers = [
        (status, _contents(answer) if status < "400" else "", "" if said == _UNSAID else said)
        for status, answer in sorted(call["responses"].items())
        if (said := cell(answer["description"])) != common.get(status)
    ]
    parts.append(table(("status", "answer", "when"), answers))
    return "\n\n".join(part for part in parts if part)


def _parameter(one: dict[str, Any]) -> tuple[str, str, str]:
    where = one["in"] + (", required" if one.get("required") else "")
    return code(one["name"]), where, _kind(one["schema"])


def _contents(body: dict[str, Any]) -> str:
    kinds = [
        f"{_kind(content.get('schema', {}))} ({code(media)})"
        for media, content in body.get("content", {}).items()
    ]
    return " or ".join(kinds)


def _body(name: str, shape: dict[str, Any]) -> str:
    parts = [f"### {name}", cell(shape.get("description", ""))]
    required = set(shape.get("required", ()))
    rows = [
        (
            code(field),
            "required" if field in required else "",
            _kind(inner),
            cell(inner.get("description", "")),
        )
        for field, inner in shape.get("properties", {}).items()
    ]
    parts.append(table(("field", "", "what it is", "meaning"), rows) if rows else _kind(shape))
    return "\n\n".join(part for part in parts if part)


def _kind(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        name = shape["$ref"].removeprefix(_SCHEMA)
        return f"[{name}](#{name.lower()})"
    if branches := shape.get("anyOf") or shape.get("oneOf") or shape.get("allOf"):
        return " or ".join(dict.fromkeys(_kind(branch) for branch in branches))
    if "enum" in shape:
        return ", ".join(map(code, shape["enum"]))
    if "const" in shape:
        return code(shape["const"])
    if shape.get("type") == "array":
        return f"list of {_kind(shape.get('items', {}))}"
    return " ".join([str(shape.get("type", "any")), *_bounds(shape)])


def _bounds(shape: dict[str, Any]) -> Iterator[str]:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    for key, sign in signs.items():
        if key in shape:
            yield f"{sign} {shape[key]}"
    if "default" in shape:
        yield f"(default {code(shape['default'])})"
