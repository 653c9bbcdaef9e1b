import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.main import create_app
from api.openapi.examples import LINES, SHAPES
from mllib.candles import Candles
from mllib.pipeline.workspace import Workspace
from tests.api.documented import contents, examples, faults


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_body_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for where, content in contents(document):
        assert examples(content), f"{where} has no example; add one to api/openapi/examples.py"
        for example in examples(content):
            assert faults(document, content["schema"], example) == [], where


def test_every_parameter_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                assert "example" in parameter, (
                    f"{path} {parameter['name']}: add one to api/openapi/examples.py"
                )
                assert faults(document, parameter["schema"], parameter["example"]) == []


def test_every_problem_says_its_own_status_and_the_same_text_twice(document: dict[str, Any]) -> None:
    for where, content in contents(document):
        status = where.split()[2]
        for problem in examples(content):
            if status.isdigit() and int(status) >= 400:
                assert (problem["status"], problem["error"]) == (int(status), problem["detail"]), where
                assert problem["type"] == "about:blank" or problem["type"].startswith("urn:candleloop:")


def test_an_example_that_does_not_fit_is_found(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/PredictRequest"}
    assert faults(document, schema, SHAPES["PredictRequest"] | {"candles": [{"time": "now"}]})


def test_a_new_route_without_an_example_is_found() -> None:
    app = create_app()
    assert isinstance(app, FastAPI)

    @app.get("/new")
    def new() -> dict[str, int]:
        return {}

    bare = [where for where, content in contents(app.openapi()) if not examples(content)]
    assert bare == ["get /new 200 application/json"]


def test_no_example_is_left_of_a_shape_that_is_gone(document: dict[str, Any]) -> None:
    shown = [example for _, content in contents(document) for example in examples(content)]
    for name, example in {**SHAPES, **LINES}.items():
        assert example in shown or [example] in shown, f"{name} is shown nowhere; remove it"


def _sent(client: TestClient, document: dict[str, Any], method: str, path: str, media_type: str) -> Response:
    """The answer to the example of a body, with the examples of all parameters; null ones are left out."""
    operation = document["paths"][path][method]
    shown = {one["name"]: one["example"] for one in operation.get("parameters", [])}
    where = path.format_map(shown)
    query = {name: value for name, value in shown.items() if value is not None and f"{{{name}}}" not in path}
    content = operation["requestBody"]["content"][media_type] if media_type else {"example": ""}
    example = content["example"]
    body = example if isinstance(example, str) else json.dumps(example)
    return client.request(method, where, params=query, content=body, headers={"content-type": media_type})


def test_the_examples_of_what_is_stored_can_be_sent_one_after_the_other(
    modelless: TestClient, empty_ws: Workspace, history: Candles, document: dict[str, Any]
) -> None:
    empty_ws.candles.merge(history)
    answers = [
        _sent(modelless, document, *asked)
        for asked in (
            ("post", "/candles/import", "text/csv"),
            ("post", "/candles/import", "application/json"),
            ("post", "/annotations", "application/json"),
            ("post", "/annotations/import", "application/json"),
            ("post", "/annotations/import", "text/csv"),
            ("get", "/annotations", ""),
            ("get", "/annotations/export", ""),
            ("patch", "/annotations/{annotation_id}", "application/json"),
            ("delete", "/annotations/{annotation_id}", ""),
        )
    ]
    assert [one.status_code for one in answers] == [200, 200, 201, 200, 200, 200, 200, 200, 204], answers
    assert [one.json()["unchanged"] for one in (*answers[:2], *answers[3:5])] == [2, 1, 1, 1]
    assert [one.json()["annotations"][0]["id"] for one in answers[5:7]] == ["a17", "a17"]


def test_the_example_of_detection_finds_what_is_shown(
    modelless: TestClient, document: dict[str, Any]
) -> None:
    assert (
        _sent(modelless, document, "post", "/patterns/detect", "application/json").json()
        == SHAPES["Detected"]
    )
