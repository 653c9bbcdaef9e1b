"""Loaded by schemathesis: what it cannot know of our document, and how it reads a stream."""

import json
from typing import Any

import schemathesis

NDJSON = "application/x-ndjson"


@schemathesis.serializer("text/csv", "application/vnd.apache.parquet")
def file_of(context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Keys are optional in the document, as a home without any asks for none; the one under test has some."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            operation["security"] = [needed for needed in operation["security"] if needed]
            for response in operation["responses"].values():
                if NDJSON in response.get("content", {}):
                    lines = response["content"][NDJSON]
                    lines["schema"] = {"type": "array", "items": lines["schema"]}


@schemathesis.deserializer(NDJSON)
def lines_of(context: Any, response: Any) -> list[Any]:
    return [json.loads(line) for line in response.content.splitlines()]
