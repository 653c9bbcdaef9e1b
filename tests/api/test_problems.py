from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import problems
from api.main import create_app
from api.routes import predictions
from mllib import errors
from mllib.pipeline.workspace import Workspace
from tests.api.conftest import BASE_URL


def test_an_unknown_path_is_a_problem(client: TestClient, refusal: Callable[..., None]) -> None:
    refusal(client.get("/nowhere"), 404, "GET /nowhere: Not Found")


def test_a_wrong_method_is_a_problem_that_says_what_is_allowed(
    client: TestClient, refusal: Callable[..., None]
) -> None:
    answer = client.get("/predict")
    refusal(answer, 405, "GET /predict: found no such method, expected one of POST")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/model/load", "/training/start", "/feedback"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"\\ud800"', b"NaN"])
def test_a_body_that_is_no_object_is_a_problem(
    client: TestClient, refusal: Callable[..., None], path: str, content: bytes
) -> None:
    answer = client.post(path, content=content, headers={"content-type": "application/json"})
    refusal(answer, 422, r"^\$")


def test_a_surprise_is_a_problem_without_internals(
    ws: Workspace,
    body: Callable[..., dict[str, Any]],
    refusal: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def burst(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(predictions, "predict_candles", burst)
    with TestClient(create_app(ws), raise_server_exceptions=False, base_url=BASE_URL) as client:
        answer = client.post("/predict", json=body())
    refusal(answer, 500, "The service failed unexpectedly")
    assert "secret" not in answer.text
    assert "POST /predict: RuntimeError" in caplog.text


def _kinds() -> Iterator[type[errors.CandleloopError]]:
    yield from errors.CandleloopError.__subclasses__()


def test_every_kind_of_error_has_a_status() -> None:
    assert set(problems._STATUS) == set(_kinds())


def test_a_locked_database_is_503_and_the_service_recovers(
    client: TestClient, ws: Workspace, refusal: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise errors.NotReady(f"{ws.store.where}: found it locked, expected to write. Try again.")

    with monkeypatch.context() as patch:
        patch.setattr(ws.store.verdicts, "retract", locked)
        answer = client.delete("/feedback/x")
        refusal(answer, 503, "found it locked")
        assert answer.headers["Retry-After"] == str(problems.RETRY_AFTER_S)
    assert client.delete("/feedback/x").status_code == 404


def test_problems_have_a_type_of_their_kind(modelless: TestClient) -> None:
    assert modelless.get("/ready").json()["type"] == "urn:candleloop:not-ready"
    assert modelless.post("/patterns/detect", content=b"").json()["type"] == "urn:candleloop:invalid-request"
    assert modelless.get("/nowhere").json()["type"] == "about:blank"


def test_a_method_that_is_not_there_learns_which_are(
    client: TestClient, refusal: Callable[..., None]
) -> None:
    for path, methods in (
        ("/annotations", "GET, HEAD, POST"),
        ("/annotations/a", "DELETE, PATCH"),
        ("/annotations/export", "GET, HEAD"),
        ("/health", "GET, HEAD"),
    ):
        answer = client.put(path)
        refusal(answer, 405, "expected one of")
        assert answer.headers["Allow"] == methods


@pytest.mark.parametrize("path", ["/annotations", "/feedback", "/training/start", "/training/build-dataset"])
def test_a_body_of_another_type_is_told_the_type_that_is_expected(
    modelless: TestClient, refusal: Callable[..., None], path: str
) -> None:
    answer = modelless.post(path, content=b'{"id": 1}', headers={"Content-Type": "text/plain"})
    refusal(answer, 422, "^Content-Type: found 'text/plain', expected application/json. Send")


def test_a_body_that_is_missing_is_told_so(modelless: TestClient, refusal: Callable[..., None]) -> None:
    refusal(modelless.post("/annotations"), 422, r"^\$: found no body, expected a JSON object. Send one")


def test_an_empty_list_of_pairs_is_refused(modelless: TestClient, refusal: Callable[..., None]) -> None:
    asked = {"model_type": "xgboost", "pairs": []}
    refusal(
        modelless.post("/training/start", json=asked), 422, r"^\$.pairs: list should have at least 1 item"
    )


@pytest.mark.parametrize("path", ["/health/", "/candles/", "/training/runs/"])
def test_a_slash_at_the_end_makes_another_path(
    modelless: TestClient, refusal: Callable[..., None], path: str
) -> None:
    refusal(modelless.get(path, follow_redirects=False), 404, "See /docs")
