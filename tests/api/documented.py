"""What the OpenAPI document says of bodies, and whether something fits it."""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

URI = "urn:openapi"


def contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each body of the document is, and what it says of it."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            messages = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for status, message in messages.items():
                for media_type, content in message.get("content", {}).items():
                    yield f"{method} {path} {status} {media_type}", content


def examples(content: dict[str, Any]) -> list[Any]:
    several = [one["value"] for one in content.get("examples", {}).values()]
    return several + ([content["example"]] if "example" in content else [])


def faults(document: dict[str, Any], schema: dict[str, Any], example: Any) -> list[str]:
    registry = Registry().with_resource(URI, DRAFT202012.create_resource(document))
    rooted = _rooted(schema)
    return [fault.message for fault in Draft202012Validator(rooted, registry=registry).iter_errors(example)]


def _rooted(node: Any) -> Any:
    if isinstance(node, list):
        return [_rooted(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {key: f"{URI}{one}" if key == "$ref" else _rooted(one) for key, one in node.items()}
