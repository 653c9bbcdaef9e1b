"""A running server against schemathesis, and against what schemathesis does not think of."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from api.main import create_app
from api.openapi.examples import NDJSON, SHAPES
from mllib.config import Config
from mllib.pipeline.workspace import open_workspace
from tests.api.documented import faults
from tests.api.servers import ROOT, Server, server

HERE = Path(__file__).parent
DOCUMENT = create_app().openapi()


@dataclass(frozen=True)
class Keyed:
    """A server whose home has keys, and one that allows everything."""

    server: Server
    token: str

    def post(self, path: str, body: Any, *, accept: str = "*/*") -> httpx.Response:
        return self.send("POST", path, json=body, headers={"Accept": accept})

    def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return httpx.request(method, f"{self.server.url}{path}", headers=given, timeout=30, **more)


@pytest.fixture(scope="module")
def keyed(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    home = tmp_path_factory.mktemp("fuzz") / "home"
    shutil.copytree(trained_home, home)
    with open_workspace(home, config=Config()) as ws:
        _, token = ws.store.api_keys.create("fuzz", ["read", "annotate", "train"])
    with server(home) as running:
        yield Keyed(running, token)
        assert [line for line in running.log() if line.get("status", 0) >= 500] == []


def test_the_documented_requests_are_accepted_as_they_stand(keyed: Keyed) -> None:
    paths = [path for path in POSTS if not path.startswith("/model/")]
    for path in sorted(paths, key="/training/start".__eq__):
        operation = DOCUMENT["paths"][path.removesuffix(SERIES)]["post"]
        example = operation["requestBody"]["content"]["application/json"]["example"]
        answer = keyed.post(path, example)
        assert 200 <= answer.status_code < 300, f"{path}: {answer.text}"
    assert keyed.post(f"/training/runs/{answer.json()['run_id']}/cancel", None).status_code == 200


def test_a_stream_has_the_documented_lines(keyed: Keyed) -> None:
    content = DOCUMENT["paths"]["/predict/batch"]["post"]["responses"]["200"]["content"][NDJSON]
    answer = keyed.post("/predict/batch", SHAPES["BatchRequest"], accept=NDJSON)
    assert answer.headers["content-type"] == NDJSON
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["type"] for line in lines] == ["start", "part", "end"]
    for line in lines:
        assert faults(DOCUMENT, content["schema"], line) == []


BODIES = {
    "NaN": b'{"pair": "EURUSD", "timeframe": "1h", "candles": [{"time": NaN}], "x": NaN}',
    "an infinity": b'{"client_id": "1", "prediction": {"confidence": Infinity}}',
    "a float beyond all floats": b'{"run_id": 1e999, "pair": 1e999, "candles": 1e999}',
    "a long integer": b'{"run_id": ' + b"9" * 5_000 + b"}",
    "a lone surrogate": rb'{"run_id": "\ud800", "pair": "\ud800", "timeframe": "1h", "model_type": "\ud800"}',
    "a null byte": rb'{"run_id": "\u0000", "pair": "\u0000", "timeframe": "1h", "model_type": "\u0000"}',
    "deep lists": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a deep unknown key": b'{"model_type": "xgboost", "hyperparameters": ' + b"[" * 900 + b"]" * 900 + b"}",
    "a key twice": b'{"run_id": "a", "run_id": 3, "pair": "a", "pair": 3}',
    "no JSON": b"pair=EURUSD",
    "no UTF-8": b'{"run_id": "\xff\xfe", "pair": "\xff"}',
    "UTF-16": '{"run_id": "a", "pair": "a"}'.encode("utf-16"),
    "a list": b"[3]",
    "a string": b'"a"',
    "nothing": b"",
    "two documents": b"{}{}",
}
SERIES = "?pair=EURUSD&timeframe=1h"
POSTS = [
    path + SERIES * path.endswith("/import")
    for path, methods in DOCUMENT["paths"].items()
    if "requestBody" in methods.get("post", {})
]
TYPES = [
    "application/json",
    "text/plain",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    'a;b="',
    "",
]


def _refuses(answer: httpx.Response, what: str) -> None:
    assert 400 <= answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:400]}"
    if answer.request.method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json", what
        assert answer.json()["error"] == answer.json()["detail"], what


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_makes_no_sense_is_refused(keyed: Keyed, path: str) -> None:
    for name, body in BODIES.items():
        for content_type in TYPES[:2]:
            answer = keyed.send("POST", path, content=body, headers={"Content-Type": content_type})
            if name == "nothing" and path == "/training/build-dataset":  # its body may be left out
                continue
            _refuses(answer, f"{path} with {name} as {content_type}")


@pytest.mark.parametrize("path", POSTS)
def test_a_body_of_any_content_type_breaks_nothing(keyed: Keyed, path: str) -> None:
    for content_type in TYPES:
        for body in (b"", b"--x\r\n", b"a=1&b=%00"):
            answer = keyed.send("POST", path, content=body, headers={"Content-Type": content_type})
            assert answer.status_code < 500, f"{path} as {content_type}: {answer.text}"


@pytest.mark.parametrize("path", [*DOCUMENT["paths"], "/nowhere"])
def test_methods_that_no_route_has_are_refused(keyed: Keyed, path: str) -> None:
    there = re.sub(r"{\w+}", "0", path)
    for method in ("HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "CONNECT", "PROPFIND"):
        looked_up = "get" if method == "HEAD" else method.lower()
        if looked_up not in DOCUMENT["paths"].get(path, {}):
            _refuses(keyed.send(method, there), f"{method} {path}")


@pytest.mark.parametrize(
    "path",
    [
        "/training/runs/%00",
        "/training/runs/%ff%fe",
        "/training/runs/%ed%a0%80",
        "/training/runs/..%2f..%2fetc%2fpasswd",
        "/training/runs/" + "a" * 20_000,
        "/training/runs/%F0%9F%95%AF",
        "/training/runs/%25",
        "/training/runs/%2e%2e",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//training//runs",
        "/training/runs/a;b=c",
    ],
)
def test_a_strange_path_leads_nowhere(keyed: Keyed, path: str) -> None:
    _refuses(keyed.send("GET", path), path[:60])


def test_a_strange_query_breaks_nothing(keyed: Keyed) -> None:
    for query in (
        "annotator=%00",
        "annotator=%ff",
        "annotator=%ed%a0%80",
        "annotator=a&annotator=b",
        "%=%",
        "&&==&",
    ):
        answer = keyed.send("DELETE", f"/feedback/0?{query}")
        _refuses(answer, query)


def test_no_request_breaks_the_api_or_its_documentation(keyed: Keyed, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--no-color"]
    command += ["--config-file", str(HERE / "schemathesis.toml"), "run", f"{keyed.server.url}/openapi.json"]
    command += ["--checks", "all", "-H", f"Authorization: Bearer {keyed.token}"]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.api.fuzz_hooks", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-4_000:]
    assert re.search(r"[1-9]\d{3,} generated", done.stdout), done.stdout
