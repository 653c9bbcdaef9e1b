"""Who gets in, in one process: keys and their scopes, addresses, names and origins."""

import time
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from api.edge.keys import Keys
from api.main import create_app
from mllib.config import Config
from mllib.errors import NotReady
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.api.conftest import BASE_URL

Refusal = Callable[..., None]


@pytest.fixture
def keyed(empty_ws: Workspace) -> Iterator[tuple[TestClient, dict[str, dict[str, str]]]]:
    """A client of a service with a key a scope, and the headers that go with each."""
    made = {
        scope: empty_ws.store.api_keys.create(scope, [scope])[1] for scope in ("read", "annotate", "train")
    }
    headers = {scope: {"Authorization": f"Bearer {token}"} for scope, token in made.items()}
    with TestClient(create_app(empty_ws), base_url=BASE_URL) as client:
        yield client, headers


def test_without_any_key_none_is_needed(modelless: TestClient) -> None:
    for path in ("/health", "/training/runs", "/docs", "/openapi.json"):
        assert modelless.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/training/runs", "/docs", "/openapi.json", "/metrics", "/nowhere"])
def test_once_there_is_a_key_everything_asks_for_one(keyed, refusal: Refusal, path: str) -> None:
    client, _ = keyed
    answer = client.get(path)
    refusal(answer, 401, "API key: found none that is valid")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_health_and_ready_ask_for_none(keyed) -> None:
    client, _ = keyed
    assert client.get("/health").status_code == 200
    assert client.get("/ready").json()["error"].startswith("model: none is loaded")


def test_a_key_is_taken_in_either_header(keyed) -> None:
    client, headers = keyed
    token = headers["read"]["Authorization"].removeprefix("Bearer ")
    assert client.get("/training/runs", headers=headers["read"]).status_code == 200
    assert client.get("/training/runs", headers={"X-API-Key": token}).status_code == 200
    assert client.get("/training/runs", headers={"Authorization": f"bearer  {token}"}).status_code == 200


@pytest.mark.parametrize("value", ["Bearer", "Bearer x", "Bearer cl_1_2", "Basic dTpw", "Bearer \xff"])
def test_what_is_no_valid_key_is_refused(keyed, refusal: Refusal, value: str) -> None:
    client, _ = keyed
    refusal(client.get("/training/runs", headers={"Authorization": value.encode("latin-1")}), 401, "API key")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/training/runs", {"read", "annotate", "train"}),
        ("HEAD", "/annotations", {"read", "annotate", "train"}),
        ("POST", "/predict", {"read", "annotate", "train"}),
        ("POST", "/predict/batch", {"read", "annotate", "train"}),
        ("POST", "/patterns/detect", {"read", "annotate", "train"}),
        ("POST", "/feedback", {"annotate"}),
        ("DELETE", "/feedback/1", {"annotate"}),
        ("PATCH", "/annotations/1", {"annotate"}),
        ("POST", "/annotations/import", {"annotate"}),
        ("POST", "/training/start", {"train"}),
        ("POST", "/training/build-dataset", {"train"}),
        ("POST", "/model/load", {"train"}),
        ("POST", "/model/rollback", {"train"}),
        ("POST", "/candles/import", {"train"}),
        ("DELETE", "/predict", {"train"}),
        ("POST", "/anything/else", {"read", "annotate", "train"}),
        ("POST", "/predict/", {"read", "annotate", "train"}),
    ],
)
def test_a_scope_covers_its_methods_and_paths(keyed, method: str, path: str, allowed: set[str]) -> None:
    client, headers = keyed
    let_in = {
        scope for scope in headers if client.request(method, path, headers=headers[scope]).status_code != 403
    }
    assert let_in == allowed


def test_a_key_without_the_scope_is_told_which_it_needs(keyed, refusal: Refusal) -> None:
    client, headers = keyed
    answer = client.post("/training/start", headers=headers["read"], json={})
    refusal(answer, 403, "found the scopes read, expected train")
    assert 'scope="train"' in answer.headers["WWW-Authenticate"]


def test_who_gets_in_is_decided_before_the_body_is_read(keyed) -> None:
    client, _ = keyed
    app = client.app
    received = []

    async def receive() -> dict[str, object]:
        received.append(1)
        return {"type": "http.request", "body": b"", "more_body": False}

    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"5")],
        "server": ("127.0.0.1", 80),
    }
    assert client.portal is not None
    client.portal.call(app, scope, receive, send)
    assert sent[0]["status"] == 401
    assert received == []


def test_a_revoked_key_is_refused_and_a_new_one_taken(keyed, empty_ws: Workspace) -> None:
    client, headers = keyed
    for key in empty_ws.store.api_keys.list():
        empty_ws.store.api_keys.revoke(key.id)
    _wait_for(lambda: client.get("/training/runs", headers=headers["read"]).status_code == 401)
    _, token = empty_ws.store.api_keys.create("new", ["read"])
    _wait_for(lambda: client.get("/training/runs", headers={"X-API-Key": token}).status_code == 200)


def test_a_first_key_closes_a_service_that_runs(modelless: TestClient, empty_ws: Workspace) -> None:
    assert modelless.get("/training/runs").status_code == 200
    empty_ws.store.api_keys.create("a", ["read"])
    _wait_for(lambda: modelless.get("/training/runs").status_code == 401)


def test_a_database_that_is_gone_or_emptied_leaves_the_keys_known(empty_ws: Workspace, monkeypatch) -> None:
    _, token = empty_ws.store.api_keys.create("a", ["read"])
    keys = Keys(empty_ws.store)
    keys.refresh()

    def gone() -> None:
        raise NotReady("the database is gone")

    for answer in (gone, list):
        monkeypatch.setattr(empty_ws.store.api_keys, "list", answer)
        keys.refresh()
        assert keys.find(token) is not None
        assert not keys.none_exist


def test_while_keys_cannot_be_read_only_health_is_answered(
    empty_ws: Workspace, refusal: Refusal, monkeypatch
) -> None:
    def locked() -> None:
        raise NotReady("the database is locked")

    monkeypatch.setattr(empty_ws.store.api_keys, "list", locked)
    with TestClient(create_app(empty_ws), base_url=BASE_URL) as client:
        assert client.get("/health").status_code == 200
        answer = client.get("/training/runs")
        refusal(answer, 503, "API keys: they could not be read")
        assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "192.168.0.7", "", "localhost, a"]
)
def test_without_a_key_a_foreign_name_is_refused(modelless: TestClient, refusal: Refusal, host: str) -> None:
    refusal(modelless.get("/health", headers={"Host": host}), 403, "Host: found")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8001", "127.0.0.1:8001", "127.1.2.3", "[::1]:8001", "[::1]"]
)
def test_without_a_key_loopback_names_are_answered(modelless: TestClient, host: str) -> None:
    assert modelless.get("/training/runs", headers={"Host": host}).status_code == 200


def test_with_a_key_any_name_is_answered(keyed) -> None:
    client, headers = keyed
    assert client.get("/training/runs", headers=headers["read"] | {"Host": "api.example"}).status_code == 200


def test_without_a_key_another_address_is_refused(empty_ws: Workspace, refusal: Refusal) -> None:
    with TestClient(create_app(empty_ws), base_url="http://10.0.0.5") as client:
        refusal(client.get("/training/runs", headers={"Host": "localhost"}), 403, "no API key yet")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:3000", "http://["])
def test_a_foreign_page_may_not_send_anything(modelless: TestClient, refusal: Refusal, origin: str) -> None:
    refusal(modelless.post("/predict", json={}, headers={"Origin": origin}), 403, "Origin: found")
    refusal(modelless.delete("/feedback/1", headers={"Origin": origin}), 403, "Origin: found")
    assert modelless.get("/training/runs", headers={"Origin": origin}).status_code == 200


def test_the_services_own_pages_may_send(modelless: TestClient) -> None:
    assert modelless.post("/patterns/detect", json={}, headers={"Origin": BASE_URL}).status_code == 422


def test_a_page_that_is_configured_may_call_and_read(tmp_path, refusal: Refusal) -> None:
    chart = {"Origin": "https://chart.example"}
    config = Config.model_validate({"stages": {"inference": {"api": {"cors_origins": [chart["Origin"]]}}}})
    with (
        open_workspace(tmp_path / "home", config=config) as ws,
        TestClient(create_app(ws), base_url=BASE_URL) as client,
    ):
        ws.store.api_keys.create("a", ["read"])
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        leave = client.options("/predict", headers=chart | asked)
        assert (leave.status_code, leave.headers["Access-Control-Allow-Origin"]) == (200, chart["Origin"])
        _wait_for(lambda: client.post("/predict", json={}, headers=chart).status_code == 401)
        refused = client.post("/predict", json={}, headers=chart)
        assert refused.headers["Access-Control-Allow-Origin"] == chart["Origin"]
        refusal(
            client.post("/predict", json={}, headers={"Origin": "https://x.example"}), 403, "Origin: found"
        )


def test_other_pages_get_no_leave(modelless: TestClient) -> None:
    answer = modelless.get("/training/runs", headers={"Origin": "https://chart.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


def _wait_for(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
