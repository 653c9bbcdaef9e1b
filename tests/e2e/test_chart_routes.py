"""The chart's own server between a browser and the API."""

import json
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from mllib.pipeline.workspace import Workspace
from tests.e2e.web_app import Services, services

pytestmark = [pytest.mark.needs("node"), pytest.mark.timeout(400)]
EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


@pytest.fixture(scope="module")
def running(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with services(environment, tmp_path_factory.mktemp("logs")) as started:
        yield started


@pytest.fixture
def chart(running: Services) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.web, timeout=30) as client:
        yield client


def test_a_chart_is_predicted_through_the_proxy_as_by_the_api(
    ws: Workspace, running: Services, chart: httpx.Client
) -> None:
    candles = ws.candles.read("EURUSD", "1h")[:500]
    body = {**EURUSD, "candles": candles.to_frame().to_dict("records")}
    told = chart.post("/api/predict", json=body)
    assert told.status_code == 200, told.text
    assert told.json() == httpx.post(f"{running.api}/predict", json=body, timeout=30).json()


def test_a_whole_history_comes_line_by_line(chart: httpx.Client) -> None:
    wanted = {"Accept": "application/x-ndjson"}
    with chart.stream("POST", "/api/predict/batch", json=EURUSD, headers=wanted) as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert [line["type"] for line in lines] == ["start", *["part"] * (len(lines) - 2), "end"]
    assert sum(len(line["per_candle"]) for line in lines[1:-1]) == lines[0]["candle_count"]


def test_an_id_of_the_tool_reaches_the_api_whatever_stands_in_it(chart: httpx.Client) -> None:
    asked = {**EURUSD, "limit": 1}
    (drawn,) = chart.get("/api/annotations", params=asked).json()["annotations"]
    odd = "chart/7 größe 100%"
    made = chart.post(
        "/api/annotations",
        json={**{k: drawn[k] for k in ("label", "start_time", "end_time")}, **EURUSD, "id": odd},
    )
    assert made.status_code == 201, made.text
    path = "/api/annotations/chart%2F7%20gr%C3%B6%C3%9Fe%20100%25"
    assert chart.patch(path, json={"notes": "seen"}).json()["id"] == odd
    assert chart.delete(path).status_code == 204


def test_foreign_names_and_pages_are_refused(chart: httpx.Client) -> None:
    for path in ("/", "/api/models"):
        assert chart.get(path, headers={"Host": "evil.example"}).status_code == 403
    answer = chart.post("/api/predict", json={}, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert answer.json()["error"].startswith('Origin: found "http://evil.example"')


def test_every_answer_says_what_a_page_may_do(chart: httpx.Client) -> None:
    for path in ("/", "/api/health"):
        headers = chart.get(path).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
