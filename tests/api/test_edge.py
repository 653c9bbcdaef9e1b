"""What every answer carries, what the log says of it, and what one process takes on."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import problems
from api.edge import Edge
from api.edge.intake import Intake
from api.main import create_app
from mllib.config import ApiSection, Config
from mllib.logs import LOG_CONFIG
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.api.conftest import BASE_URL

Refusal = Callable[..., None]


@contextmanager
def serving(tmp_path, **limits: Any) -> Iterator[TestClient]:
    config = Config.model_validate({"stages": {"inference": {"api": limits}}})
    with (
        open_workspace(tmp_path / "home", config=config) as ws,
        TestClient(create_app(ws), base_url=BASE_URL) as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["/health", "/ready", "/nowhere", "/openapi.json"])
def test_every_answer_carries_the_security_headers(modelless: TestClient, path: str) -> None:
    headers = modelless.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_pages_may_load_what_they_need_and_are_not_framed(modelless: TestClient) -> None:
    policy = modelless.get("/docs").headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self'" in policy


def test_a_request_id_is_made_or_taken_over(modelless: TestClient) -> None:
    first, second = (modelless.get("/health").headers["X-Request-ID"] for _ in range(2))
    assert first != second
    given = {"X-Request-ID": "7f0c-1:a.b_c"}
    assert modelless.get("/nowhere", headers=given).headers["X-Request-ID"] == "7f0c-1:a.b_c"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, '"}', "\xe9"])
def test_an_id_that_could_do_harm_is_replaced(modelless: TestClient, given: str) -> None:
    answer = modelless.get("/health", headers={"X-Request-ID": given.encode("latin-1")})
    assert len(answer.headers["X-Request-ID"]) == 32


def test_a_surprise_carries_the_headers_too(empty_ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object) -> None:
        raise RuntimeError("secret")

    with TestClient(create_app(empty_ws), raise_server_exceptions=False, base_url=BASE_URL) as client:
        monkeypatch.setattr(empty_ws.store.runs, "list", burst)
        answer = client.get("/training/runs")
    assert answer.status_code == 500
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-ID"]


def test_the_log_has_a_line_for_each_request_and_nothing_private(
    modelless: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "api.access_log")
    modelless.delete("/feedback/secret-id?annotator=secret", headers={"X-Request-ID": "r-1"})
    modelless.post(
        "/patterns/detect", content=b'{"pair": "secret"}', headers={"X-API-Key": "cl_secret_secret"}
    )
    lines = [_as_json(record) for record in caplog.records if record.name == "api.access_log"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("DELETE", "/feedback/{feedback_id}", 404),
        ("POST", "/patterns/detect", 422),
    ]
    assert lines[0].keys() == {
        *("time", "level", "logger", "message", "request_id", "method", "route", "status", "ms"),
        *("bytes_in", "bytes_out", "key_id", "pid"),
    }
    assert lines[0]["request_id"] == "r-1"
    assert lines[1]["bytes_in"] == 18
    assert "secret" not in json.dumps(lines)


def test_the_log_names_the_key_and_the_route_of_what_was_refused(
    empty_ws: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    key, token = empty_ws.store.api_keys.create("a", ["read"])
    caplog.set_level(logging.INFO, "api.access_log")
    with TestClient(create_app(empty_ws), base_url=BASE_URL) as client:
        client.get("/training/runs", headers={"X-API-Key": token})
        client.get("/training/runs/abc", headers={"X-API-Key": "wrong"})
        client.get("/no/such/path", headers={"X-API-Key": "wrong"})
    lines = [_as_json(record) for record in caplog.records if record.name == "api.access_log"]
    assert [(line["key_id"], line["route"], line["status"]) for line in lines] == [
        (key.id, "/training/runs", 200),
        (None, "/training/runs/{run_id}", 401),
        (None, "unrouted", 401),
    ]


def test_a_body_that_says_it_is_too_long_is_refused_at_once(tmp_path, refusal: Refusal) -> None:
    with serving(tmp_path, body_bytes=2_000, upload_bytes=4_000) as client:
        for path in ("/predict", "/feedback"):
            refusal(client.post(path, content=b"x" * 2_001), 413, "found more than 2,000 bytes")
        refusal(client.post("/candles/import", content=b"x" * 4_001), 413, "more than 4,000 bytes.*Split")
        assert client.post("/candles/import", content=b"x" * 4_000).status_code != 413


def test_a_body_that_no_operation_reads_is_ignored(tmp_path) -> None:
    with serving(tmp_path, body_bytes=2_000) as client:
        for method, status in (("GET", 405), ("DELETE", 404)):
            answer = client.request(method, "/annotations/1", content=b"x" * 2_001)
            assert answer.status_code == status
        assert client.request("GET", "/health", content=b"x" * 2_001).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/training/runs", "/openapi.json", "/docs", "/ready"])
def test_head_is_answered_like_get_without_a_body(modelless: TestClient, path: str) -> None:
    head, get = modelless.head(path), modelless.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("path", ["/predict", "/feedback"])
def test_a_body_that_turns_out_too_long_is_refused(tmp_path, refusal: Refusal, path: str) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 100

    with serving(tmp_path, body_bytes=2_000) as client:
        answer = client.post(path, content=pieces(), headers={"Content-Type": "application/json"})
        refusal(answer, 413, "found more than 2,000 bytes")


class Body:
    """A request's body in pieces, each after its pause (s); then the client is silent, or gone."""

    def __init__(self, *pieces: tuple[float, bytes], ends: bool = True, closes: bool = False) -> None:
        self.pieces = list(pieces)
        self.ends = ends
        self.closes = closes

    async def receive(self) -> dict[str, Any]:
        if self.pieces:
            pause, piece = self.pieces.pop(0)
            await asyncio.sleep(pause)
            return {"type": "http.request", "body": piece, "more_body": bool(self.pieces) or not self.ends}
        if not self.closes:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}


async def reading_app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and answers with its length."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % size})


async def ask(
    intake: Intake, body: Body, path: str = "/predict", method: str = "POST"
) -> list[dict[str, Any]]:
    """The messages that an intake answers with, a refusal included."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": []}
    try:
        await intake(scope, body.receive, send, path=path)
    except problems.Problem as problem:
        await problems.respond(problem)(scope, body.receive, send)
    return sent


def test_a_slow_body_is_refused_and_the_connection_closed() -> None:
    intake = Intake(reading_app, ApiSection(body_s=0.2))
    pieces = [(0.05, b"x")] * 3
    (start, _) = asyncio.run(ask(intake, Body(*pieces, ends=False)))
    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    (start, body) = asyncio.run(ask(intake, Body(*pieces)))
    assert (start["status"], body["body"]) == (200, b"3")


def test_an_upload_may_take_long_as_long_as_it_comes() -> None:
    intake = Intake(reading_app, ApiSection(body_s=0.2))
    steady = [(0.15, b"x" * 70_000)] * 4
    assert asyncio.run(ask(intake, Body(*steady), "/candles/import"))[0]["status"] == 200
    assert asyncio.run(ask(intake, Body(*steady), "/predict"))[0]["status"] == 408
    trickle = [(0.15, b"x")] * 4
    assert asyncio.run(ask(intake, Body(*trickle), "/candles/import"))[0]["status"] == 408


def test_beyond_the_requests_in_flight_others_are_told_to_come_back() -> None:
    async def scenario() -> list[int]:
        intake = Intake(reading_app, ApiSection(in_flight=2, body_s=0.3))
        waiting = [asyncio.create_task(ask(intake, Body(ends=False))) for _ in range(2)]
        await asyncio.sleep(0.05)
        full = await ask(intake, Body((0, b"")))
        assert dict(full[0]["headers"])[b"retry-after"] == b"2"
        exempt = [
            await ask(intake, Body((0, b"")), path, "GET") for path in ("/health", "/ready", "/metrics")
        ]
        held = [(await task)[0]["status"] for task in waiting]
        after = await ask(intake, Body((0, b"")))
        return [full[0]["status"], *(one[0]["status"] for one in exempt), *held, after[0]["status"]]

    assert asyncio.run(scenario()) == [429, 200, 200, 200, 408, 408, 200]


def test_a_client_that_leaves_or_a_surprise_frees_its_slot() -> None:
    async def bursting_app(*_: Any) -> None:
        raise RuntimeError("burst")

    async def scenario() -> None:
        intake = Intake(reading_app, ApiSection(in_flight=1))
        for _ in range(3):
            assert await ask(intake, Body((0, b"x"), ends=False, closes=True)) == []
        bursting = Intake(bursting_app, ApiSection(in_flight=1))
        for _ in range(3):
            with pytest.raises(RuntimeError, match="burst"):
                await ask(bursting, Body((0, b"x")))
        cancelled = asyncio.create_task(ask(intake, Body(ends=False)))
        await asyncio.sleep(0.01)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert (await ask(intake, Body((0, b"x"))))[0]["status"] == 200

    asyncio.run(scenario())


def test_a_client_that_left_is_told_to_the_log_and_the_metrics_as_such(
    empty_ws: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    with TestClient(create_app(empty_ws), base_url=BASE_URL) as client:
        edge = client.app.middleware_stack
        assert isinstance(edge, Edge)
        monkeypatch.setattr(edge, "_on_answer", lambda *fields: told.append(fields))
        body = Body((0, b"x"), ends=False, closes=True)
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1")],
            "server": ("127.0.0.1", 80),
        }

        async def send(_: Any) -> None:
            return

        assert client.portal is not None
        client.portal.call(client.app, scope, body.receive, send)
    ((method, route, status, seconds),) = told
    assert (method, route, status) == ("POST", "/predict", problems.CLIENT_CLOSED_REQUEST)
    assert 0 <= seconds < 5
    assert "Traceback" not in caplog.text


def _as_json(record: logging.LogRecord) -> dict[str, Any]:
    """A line as the server writes it."""
    from logging.config import DictConfigurator  # type: ignore[attr-defined]

    assert {"stderr"} == set(LOG_CONFIG["handlers"])
    formatter = DictConfigurator(LOG_CONFIG).configure_formatter(dict(LOG_CONFIG["formatters"]["json"]))
    line = json.loads(formatter.format(record))
    assert isinstance(line, dict)
    return line
