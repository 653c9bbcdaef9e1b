from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from api.examples import LINES, SHAPES
from api.main import create_app

URI = "urn:openapi"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


def _contents(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each body of the document is, and what it says of it."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            messages = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for status, message in messages.items():
                for media_type, content in message.get("content", {}).items():
                    yield f"{method} {path} {status} {media_type}", content


def _examples(content: dict[str, Any]) -> list[Any]:
    several = [one["value"] for one in content.get("examples", {}).values()]
    return several + ([content["example"]] if "example" in content else [])


def _faults(document: dict[str, Any], schema: dict[str, Any], example: Any) -> list[str]:
    registry = Registry().with_resource(URI, DRAFT202012.create_resource(document))
    rooted = _rooted(schema)
    return [fault.message for fault in Draft202012Validator(rooted, registry=registry).iter_errors(example)]


def _rooted(node: Any) -> Any:
    if isinstance(node, list):
        return [_rooted(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {key: f"{URI}{one}" if key == "$ref" else _rooted(one) for key, one in node.items()}


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_body_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for where, content in _contents(document):
        assert _examples(content), f"{where} has no example; add one to api/examples.py"
        for example in _examples(content):
            assert _faults(document, content["schema"], example) == [], where


def test_every_parameter_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                assert "example" in parameter, f"{path} {parameter['name']}: add one to api/examples.py"
                assert _faults(document, parameter["schema"], parameter["example"]) == []


def test_every_problem_says_its_own_status_and_the_same_text_twice(document: dict[str, Any]) -> None:
    for where, content in _contents(document):
        status = where.split()[2]
        for problem in _examples(content):
            if status.isdigit() and int(status) >= 400:
                assert (problem["status"], problem["error"]) == (int(status), problem["detail"]), where
                assert problem["type"] == "about:blank" or problem["type"].startswith("urn:candleloop:")


def test_an_example_that_does_not_fit_is_found(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/PredictRequest"}
    assert _faults(document, schema, SHAPES["PredictRequest"] | {"candles": [{"time": "now"}]})


def test_a_new_route_without_an_example_is_found() -> None:
    app = create_app()
    assert isinstance(app, FastAPI)

    @app.get("/new")
    def new() -> dict[str, int]:
        return {}

    bare = [where for where, content in _contents(app.openapi()) if not _examples(content)]
    assert bare == ["get /new 200 application/json"]


def test_no_example_is_left_of_a_shape_that_is_gone(document: dict[str, Any]) -> None:
    shown = [example for _, content in _contents(document) for example in _examples(content)]
    for name, example in {**SHAPES, **LINES}.items():
        assert example in shown or [example] in shown, f"{name} is shown nowhere; remove it"
