"""What the service tells of itself: in one process, and over the workers of a real server."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from api import metrics
from api.main import create_app
from mllib.candles import Candles
from mllib.inference import InputProfile
from mllib.pipeline.promoting import promote
from mllib.pipeline.workspace import Workspace
from tests.api.conftest import BASE_URL
from tests.api.servers import server
from tests.processes import wait_until

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of a process of one's own, which shares no folder."""
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    monkeypatch.setattr(metrics, "_serving", metrics._Serving())
    monkeypatch.setattr(metrics, "_inputs", metrics._Inputs())
    metrics._meters.cache_clear()


def _values(text: str) -> Values:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _told(name: str, values: Values | None = None, **labels: str) -> float | None:
    """The value of a metric here, or among others, without its prefix."""
    found = _values(metrics.exposition().decode()) if values is None else values
    return found.get((f"candleloop_{name}", frozenset(labels.items())))


def _series(name: str, values: Values) -> list[Mapping[str, str]]:
    return [dict(labels) for metric, labels in values if metric == f"candleloop_{name}"]


def test_the_page_is_the_text_format_of_prometheus(client: TestClient) -> None:
    client.get("/health")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    values = _values(answer.text)
    assert _told("requests_total", values, method="GET", route="/health", status="200") == 1
    assert _told("request_duration_seconds_count", values, route="/health") == 1
    assert _told("requests_in_flight", values) == 1  # the question itself
    after = _values(client.get("/metrics").text)
    assert _told("requests_total", after, method="GET", route="/metrics", status="200") == 1


def test_durations_are_told_apart_from_a_millisecond_to_a_minute() -> None:
    for seconds in (0.0009, 0.004, 59.0, 61.0):
        metrics.observe_request("GET", "/x", 200, seconds)
    counted = [
        _told("request_duration_seconds_bucket", route="/x", le=le) for le in ("0.001", "0.005", "60.0")
    ]
    assert counted == [1, 2, 3]
    assert _told("request_duration_seconds_count", route="/x") == 4


def test_no_client_makes_up_series(modelless: TestClient) -> None:
    for i in range(30):
        modelless.get(f"/made/up/{i}")
        modelless.delete(f"/feedback/{i}")
        modelless.request(f"VERB{i}", "/health")
        modelless.post("/predict", json={"pair": f"P{i}", "timeframe": "1h", "candles": []})
    values = _values(modelless.get("/metrics").text)
    answered = _series("requests_total", values)
    assert {one["route"] for one in answered} == {
        "unrouted",
        "/feedback/{feedback_id}",
        "/health",
        "/predict",
    }
    assert {one["method"] for one in answered} == {"GET", "DELETE", "POST", "other"}
    assert _told("requests_total", values, method="GET", route="unrouted", status="404") == 30


def test_requests_in_flight_end_with_the_request_however_it_ends() -> None:
    def answer() -> None:
        with metrics.in_flight(), metrics.in_flight():
            assert _told("requests_in_flight") == 2
            raise RuntimeError

    with pytest.raises(RuntimeError):
        answer()
    assert _told("requests_in_flight") == 0


def test_the_cache_and_the_queue_are_told() -> None:
    for lane in ("charts", "sweeps"):
        assert _told("predictions_waiting", lane=lane) == 0
    metrics.cache_hit()
    metrics.cache_miss()
    metrics.cache_miss()
    metrics.waiting("charts", 3)
    assert (_told("cache_hits_total"), _told("cache_misses_total")) == (1, 2)
    assert _told("predictions_waiting", lane="charts") == 3


def test_predictions_are_told_by_label_and_confidence(ws: Workspace, history: Candles) -> None:
    with TestClient(create_app(ws), base_url=BASE_URL) as client:
        predictor = client.app.state.service.champion.require()  # type: ignore[attr-defined]
    prediction = predictor.predict(history)
    metrics.observe_prediction(prediction)
    assert _told("predicted_candles_total") == len(history)
    for label in {span.label for span in prediction.spans}:
        confidences = [span.avg_confidence for span in prediction.spans if span.label == label]
        assert _told("predicted_spans_total", label=label) == len(confidences)
        unsure = sum(confidence <= 0.7 for confidence in confidences)
        assert _told("span_confidence_bucket", label=label, le="0.7") == unsure
        assert _told("span_confidence_count", label=label) == len(confidences)
    told = _series("predicted_spans_total", _values(metrics.exposition().decode()))
    assert {one["label"] for one in told} <= set(predictor.labels)


def test_the_model_that_serves_is_told_and_the_one_before_is_not(client: TestClient, ws: Workspace) -> None:
    (before,) = _series("model_info", _values(client.get("/metrics").text))
    assert (before["model_version"], before["model_type"], before["encoder"]) == ("1", "xgboost", "bio")
    loaded_at = _told("model_loaded_timestamp_seconds")
    other = next(run for run in ws.store.runs.list() if run.run_id != before["run_id"])
    promote(ws, other.run_id, moved_by="promote")

    def after() -> Any:
        found = _series("model_info", _values(client.get("/metrics").text))
        return found if found != [before] else None

    (now,) = wait_until(after, within_s=10, what="the other model is told")
    assert (now["model_version"], now["run_id"]) == ("2", other.run_id)
    assert _told("model_info", **now) == 1
    assert (_told("ready"), _told("champion_error")) == (1, 0)
    assert (_told("model_loaded_timestamp_seconds") or 0) > (loaded_at or 0) > 1e9


def test_a_champion_that_cannot_be_taken_up_is_told(ws: Workspace) -> None:
    with TestClient(create_app(ws), base_url=BASE_URL) as client:
        assert _told("ready") == 1
        other = next(run for run in ws.store.runs.list() if run.model_version == 2)
        (ws.predictors / other.run_id / "predictor.json").write_text("{")
        ws.store.champions.move(ws.config.served_model_name, other.run_id, moved_by="promote")
        wait_until(lambda: _told("champion_error") == 1, within_s=10, what="the error is told")
        assert _told("ready") == 1
        assert _told("champion_load_failures_total") == 1
        assert client.get("/ready").status_code == 200
    assert (_told("ready"), _told("champion_error")) == (0, 0)


def test_without_a_model_the_service_is_told_not_to_be_ready(modelless: TestClient) -> None:
    values = _values(modelless.get("/metrics").text)
    assert _told("ready", values) == 0
    assert _series("model_info", values) == []
    assert _told("model_loaded_timestamp_seconds", values) == 0


def test_whether_the_loop_goes_on_is_told(ws: Workspace) -> None:
    metrics.tell_loop(ws)
    assert [_told(name) for name in ("database_answers", "worker_alive", "last_run_failed")] == [1, 0, 0]
    assert (_told("disk_free_bytes") or 0) > 0
    assert _told("run_waiting_seconds") == 0

    run = ws.store.runs.enqueue(
        model_type="xgboost", encoder="bio", registered_model_name="candleloop", request={}
    )
    metrics.tell_loop(ws)
    assert (_told("run_waiting_seconds") or 0) > 0

    ws.store.workers.beat("worker", os.getpid(), "here")
    ws.store.runs.fail(run.run_id, "The data are gone.")
    metrics.tell_loop(ws)
    assert [_told(name) for name in ("worker_alive", "last_run_failed", "run_waiting_seconds")] == [1, 1, 0]


def test_a_database_that_does_not_answer_is_told_and_what_was_known_stays(ws: Workspace) -> None:
    ws.store.workers.beat("worker", os.getpid(), "here")
    metrics.tell_loop(ws)
    (ws.home / "candleloop.db").rename(ws.home / "elsewhere.db")

    metrics.tell_loop(ws)

    assert (_told("database_answers"), _told("worker_alive")) == (0, 1)


def test_a_database_that_is_away_is_no_fault_of_the_champion(ws: Workspace) -> None:
    with TestClient(create_app(ws), base_url=BASE_URL) as client:
        (ws.home / "candleloop.db").rename(ws.home / "elsewhere.db")
        wait_until(lambda: client.get("/ready").json()["error"], within_s=10, what="the service sees it")
        time.sleep(2 * metrics.PUBLISH_EVERY_S)
        assert (_told("ready"), _told("champion_error"), _told("champion_load_failures_total")) == (1, 0, 0)


def test_drift_is_told_once_enough_candles_are_counted(history: Candles, ws: Workspace) -> None:
    profile = InputProfile.learn([history])
    lane = SimpleNamespace(waiting=0)
    champion = SimpleNamespace(
        predictor=SimpleNamespace(
            profile=profile,
            info=SimpleNamespace(model_version="1", run_id="r", model_type="m"),
            encoder=SimpleNamespace(name="bio"),
        ),
        error=None,
        is_refused=False,
    )
    told = metrics._Told(SimpleNamespace(ws=ws, champion=champion, charts=lane, sweeps=lane))  # type: ignore[arg-type]
    flat = replace(history, open=history.close)
    metrics.observe_input(profile, flat[:500])
    told.publish()
    assert _told("input_drift_psi", feature="body_share") == 0
    assert _told("input_drift_candles") == pytest.approx(478)
    for _ in range(3):
        metrics.observe_input(profile, flat)
    told.publish()
    assert (_told("input_drift_psi", feature="body_share") or 0) > 1
    assert (_told("input_drift_psi", feature="range_ratio") or 1) < 0.1
    assert _told("input_drift_candles") == pytest.approx(1_478, rel=0.15)
    champion.predictor.profile = None
    metrics.observe_input(None, flat)
    told.publish()
    assert _told("input_drift_psi", feature="body_share") == 0
    assert _told("input_drift_candles") == 0


_WORKER = """
import sys
from api import metrics
metrics.observe_request("GET", "/x", 200, 0.01)
metrics.cache_hit()
metrics.waiting("charts", 2)
metrics.serving(None)
with metrics.in_flight():
    print(metrics.exposition().decode(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts processes that count once, print what they tell and wait."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path, *, prefix: str = "") -> subprocess.Popen[str]:
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        process = subprocess.Popen([sys.executable, "-c", prefix + _WORKER], env=environment, **pipes)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _printed(process: subprocess.Popen[str]) -> Values:
    assert process.stdout is not None
    lines = []
    while (line := process.stdout.readline()).strip():
        lines.append(line)
    return _values("".join(lines))


def test_workers_tell_of_each_other_and_of_those_that_have_ended(
    tmp_path: Path, worker: Callable[..., subprocess.Popen[str]]
) -> None:
    x = {"method": "GET", "route": "/x", "status": "200"}
    first = worker(tmp_path)
    assert _told("requests_total", _printed(first), **x) == 1
    both = _printed(worker(tmp_path))
    assert _told("requests_total", both, **x) == 2
    assert (_told("requests_in_flight", both), _told("predictions_waiting", both, lane="charts")) == (2, 4)
    for count in range(3, 6):
        first.kill()
        first.wait()
        first = worker(tmp_path)
        after = _printed(first)
        assert _told("requests_total", after, **x) == count
        assert _told("request_duration_seconds_bucket", after, route="/x", le="0.01") == count
        assert _told("request_duration_seconds_sum", after, route="/x") == pytest.approx(count * 0.01)
        assert (_told("cache_hits_total", after), _told("requests_in_flight", after)) == (count, 2)
    assert len(list(tmp_path.glob("counter_*.db"))) == 3  # two that live, and one sum of the ended


@pytest.mark.parametrize("found", ["nothing", "file"])
def test_where_the_folder_cannot_be_used_a_worker_tells_of_itself(
    tmp_path: Path, worker: Callable[..., subprocess.Popen[str]], found: str
) -> None:
    if found == "file":
        (tmp_path / "shared").write_text("")
    for _ in range(2):
        values = _printed(worker(tmp_path / "shared"))
        assert _told("requests_total", values, method="GET", route="/x", status="200") == 1


_NO_SPACE = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"


def test_a_full_disk_is_found_before_anything_is_counted_there(
    tmp_path: Path, worker: Callable[..., subprocess.Popen[str]]
) -> None:
    for _ in range(2):
        values = _printed(worker(tmp_path, prefix=_NO_SPACE))
        assert _told("requests_total", values, method="GET", route="/x", status="200") == 1
        assert list(tmp_path.glob("*.db")) == []


def test_a_folder_that_goes_away_meanwhile_fails_no_answer(
    tmp_path: Path, worker: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics.cache_hit()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
    assert _told("cache_hits_total") == 1


def test_two_workers_of_a_server_give_one_answer(ws: Workspace) -> None:
    ws.close()
    health = {"method": "GET", "route": "/health", "status": "200"}
    with server(ws.home, workers=2) as running:
        wait_until(lambda: len(running.workers()) == 2, within_s=60, what="two workers")

        def scraped() -> Values:
            return _values(running.get("/metrics").text)

        def served() -> float | None:
            values = scraped()
            (model,) = _series("model_info", values)
            return _told("model_info", values, **model)

        wait_until(lambda: served() == 2, within_s=10, what="both serve")
        before = _told("requests_total", scraped(), **health) or 0
        for _ in range(40):
            assert running.get("/health").status_code == 200
        wait_until(
            lambda: _told("requests_total", scraped(), **health) == before + 40,
            within_s=5,
            what="all counted",
        )
        os.kill(running.workers()[0], signal.SIGKILL)
        wait_until(lambda: len(running.workers()) == 3, within_s=60, what="a new worker")
        wait_until(lambda: served() == 2, within_s=10, what="both serve again")
        after = scraped()
        assert (_told("requests_total", after, **health) or 0) >= before + 40
        assert _told("ready", after) == 1
        assert (_told("requests_in_flight", after) or 0) <= 2
        (folder,) = (path for path in (ws.home / "metrics").iterdir() if path.is_dir())
    with server(ws.home, workers=2) as running:
        assert (_told("requests_total", _values(running.get("/metrics").text), **health) or 0) < before + 40
        assert not folder.exists()


def test_the_prometheus_client_is_not_loaded_before_the_folder_is_known() -> None:
    code = "import sys, api.main, api.server; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_alarm_of_the_docs_rests_on_metrics_that_are_told(client: TestClient) -> None:
    page = Path(__file__).parents[2] / "docs" / "alerts.md"
    rules = page.read_text(encoding="utf-8").split("```yaml")[1].split("```")[0]
    alarms = yaml.safe_load(rules)["groups"][0]["rules"]
    text = client.get("/metrics").text

    assert len(alarms) == 9
    for alarm in alarms:
        for name in re.findall(r"candleloop_\w+", alarm["expr"]):
            assert f"# TYPE {name.removesuffix('_bucket')} " in text, (alarm["alert"], name)
