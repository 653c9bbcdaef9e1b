import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.main import create_app

PROBLEM = "#/components/schemas/Problem"
STATUSES = {
    ("get", "/health"): {200, 500},
    ("get", "/ready"): {200, 500, 503},
    ("post", "/predict"): {200, 413, 422, 429, 500, 503},
    ("post", "/predict/batch"): {200, 404, 413, 422, 429, 500, 503},
    ("get", "/model/info"): {200, 500, 503},
    ("post", "/model/load"): {200, 404, 409, 422, 500, 503},
    ("post", "/model/rollback"): {200, 404, 409, 422, 500, 503},
    ("get", "/patterns/available"): {200, 500},
    ("post", "/patterns/detect"): {200, 400, 413, 422, 429, 500, 503},
    ("post", "/training/start"): {202, 404, 409, 422, 500, 503},
    ("get", "/training/runs"): {200, 500, 503},
    ("get", "/training/runs/{run_id}"): {200, 404, 422, 500, 503},
    ("post", "/training/runs/{run_id}/cancel"): {200, 404, 409, 422, 500, 503},
    ("get", "/training/dataset-info"): {200, 500, 503},
    ("post", "/training/build-dataset"): {200, 404, 422, 500, 503},
    ("post", "/feedback"): {200, 201, 202, 404, 409, 422, 500, 503},
    ("delete", "/feedback/{feedback_id}"): {204, 404, 422, 500, 503},
    ("get", "/annotations"): {200, 404, 422, 500, 503},
    ("post", "/annotations"): {200, 201, 409, 422, 500, 503},
    ("patch", "/annotations/{annotation_id}"): {200, 404, 409, 422, 500, 503},
    ("delete", "/annotations/{annotation_id}"): {204, 404, 409, 422, 500, 503},
    ("get", "/annotations/export"): {200, 404, 422, 500, 503},
    ("post", "/annotations/import"): {200, 404, 422, 500, 503},
    ("get", "/candles"): {200, 404, 422, 500, 503},
    ("get", "/candles/series"): {200, 500, 503},
    ("post", "/candles/import"): {200, 422, 500, 503},
    ("get", "/models"): {200, 500, 503},
    ("get", "/models/{run_id}/changes"): {200, 404, 409, 422, 429, 500, 503},
    ("get", "/labels"): {200, 500, 503},
    ("get", "/disagreements"): {200, 404, 422, 429, 500, 503},
    ("get", "/queue"): {200, 404, 422, 429, 500, 503},
    ("get", "/agreement"): {200, 404, 422, 500, 503},
    ("get", "/metrics"): {200, 500},
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


def _operations(document: dict[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield (method, path), operation


def test_every_route_is_documented_with_its_statuses(document: dict[str, Any]) -> None:
    found = {where: {int(s) for s in one["responses"]} for where, one in _operations(document)}
    assert found == {where: its | _of_the_edge(where, document) for where, its in STATUSES.items()}


def _of_the_edge(where: tuple[str, str], document: dict[str, Any]) -> set[int]:
    """What any operation may answer before it has begun."""
    method, path = where
    if path in ("/health", "/ready"):
        return {400, 403, 431, 503}
    has_body = "requestBody" in document["paths"][path][method]
    full = set() if path == "/metrics" else {429}
    return {400, 401, 403, 431, 503, *full, *({408, 413} if has_body else set())}


def test_every_operation_says_which_key_it_needs(document: dict[str, Any]) -> None:
    needed = {where: one["security"] for where, one in _operations(document)}
    assert needed["get", "/health"] == needed["get", "/ready"] == []
    assert needed["post", "/predict"] == [{"bearer": ["read"]}, {"header": ["read"]}, {}]
    assert needed["post", "/feedback"][0] == {"bearer": ["annotate"]}
    assert needed["post", "/annotations/import"][0] == {"bearer": ["annotate"]}
    assert needed["delete", "/annotations/{annotation_id}"][0] == {"bearer": ["annotate"]}
    assert needed["get", "/annotations/export"][0] == {"bearer": ["read"]}
    assert needed["post", "/candles/import"][0] == {"bearer": ["train"]}
    assert needed["post", "/training/start"][0] == {"bearer": ["train"]}
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for _, operation in _operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert response["content"].keys() == {"application/problem+json"}
                assert response["content"]["application/problem+json"]["schema"] == {"$ref": PROBLEM}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    names = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))
    assert names <= set(schemas)
    assert {"PredictRequest", "PredictResponse", "BatchResponse", "Candle", "PerCandle"} <= names


def test_schemas_and_operations_have_the_names_of_the_contract(document: dict[str, Any]) -> None:
    names = {"Span", "PerCandle", "ModelInfo", "Metrics", "Candle", "Annotation", "Feedback", "Problem"}
    assert names <= set(document["components"]["schemas"])
    operations = [operation["operationId"] for _, operation in _operations(document)]
    assert len(set(operations)) == len(operations)
    assert {"predict", "predict_batch", "model_info", "give_feedback"} <= set(operations)


def test_raw_bodies_are_documented_like_any_other(document: dict[str, Any]) -> None:
    candle = document["components"]["schemas"]["Candle"]
    assert candle["required"] == ["time", "open", "high", "low", "close"]
    request = document["paths"]["/predict"]["post"]["requestBody"]
    assert request["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/PredictRequest"}
    problem = document["components"]["schemas"]["Problem"]
    assert {"type", "title", "status", "detail", "error"} == set(problem["required"])
