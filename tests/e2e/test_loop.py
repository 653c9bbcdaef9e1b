"""The loop with real processes: predict, judge, retrain, serve the next version; and a worker that dies."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import httpx2 as httpx
import pandas as pd
import pytest

from mllib.candles import Candles
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import find_run, load_run
from mllib.pipeline.review import review_window
from mllib.pipeline.runs import STAGES
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.e2e.conftest import House
from tests.processes import wait_until

pytestmark = pytest.mark.timeout(280)
LEARNS = STAGES[2][0]
"""What a run has done, as a share, when it begins to learn."""
EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


@pytest.fixture
def ws(house: House) -> Iterator[Workspace]:
    with open_workspace(house.home) as opened:
        yield opened


@pytest.fixture
def http(house: House) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house.api, timeout=30) as client:
        yield client


def body_of(candles: Candles) -> dict[str, Any]:
    return {**EURUSD, "candles": candles.to_frame().to_dict("records")}


def start_training(http: httpx.Client, **overrides: Any) -> str:
    answer = http.post("/training/start", json={"model_type": "xgboost", **overrides})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


def run_of(http: httpx.Client, run_id: str) -> dict[str, Any]:
    return next(run for run in http.get("/training/runs").json() if run["run_id"] == run_id)


def ended(http: httpx.Client, run_id: str) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        run = run_of(http, run_id)
        return run if run["status"] not in ("queued", "running") else None

    found: dict[str, Any] = wait_until(done, within_s=120, what=f"run {run_id} ends")
    return found


@contextmanager
def asking_all_the_time(house: House, body: dict[str, Any]) -> Iterator[list[tuple[int, str]]]:
    """Predicts over and over; status and model version of every answer."""
    answers: list[tuple[int, str]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answer = httpx.post(f"{house.api}/predict", json=body, timeout=30)
            answers.append((answer.status_code, answer.json().get("model_info", {}).get("model_version")))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        done.set()
        thread.join()


def champion_of(ws: Workspace) -> str | None:
    move = ws.store.champions.current("candleloop")
    return None if move is None else move.run_id


def judge(http: httpx.Client, span: dict[str, Any], version: str, **verdict: Any) -> dict[str, Any]:
    prediction = {
        "label": span["label"],
        "start_time": span["start_time"],
        "end_time": span["end_time"],
        "confidence": span["avg_confidence"],
        "model_version": version,
    }
    client_id = f"{verdict['action']}-{span['label']}-{span['start_time']}"
    answer = http.post(
        "/feedback",
        json={"client_id": client_id, **EURUSD, "prediction": prediction, "annotator": "ann", **verdict},
    )
    assert answer.status_code == 201, answer.text
    judged: dict[str, Any] = answer.json()
    return judged


def test_a_verdict_goes_into_the_next_version_and_nothing_is_lost(
    house: House, ws: Workspace, http: httpx.Client
) -> None:
    candles = ws.candles.read("EURUSD", "1h")
    body = body_of(candles[2_000:2_500])
    first = http.post("/predict", json=body).json()
    version = first["model_info"]["model_version"]
    spans = first["spans"]
    assert len(spans) > 10
    people_before = ws.store.annotations.list("EURUSD", "1h")

    confirmed = judge(http, spans[0], version, action="confirm")
    corrected = judge(http, spans[1], version, action="correct", label="bullish_kicker")
    dismissed = judge(http, spans[2], version, action="dismiss")

    with asking_all_the_time(house, body) as answers:
        run_id = start_training(http)
        refused = http.post("/training/start", json={"model_type": "xgboost"})
        assert (refused.status_code, refused.json()["run_id"]) == (409, run_id)
        assert ended(http, run_id)["status"] == "ready"
        wait_until(lambda: champion_of(ws) == run_id, within_s=30, what="the champion moves")
        moved_at = time.monotonic()
        versions: set[str] = set()
        while time.monotonic() < moved_at + 20:  # 5 s, on a machine that has the time
            # a connection of its own each time, so that both server processes are asked
            versions = {httpx.get(f"{house.api}/ready").json()["model_version"] for _ in range(20)}
            if version not in versions:
                break
        assert version not in versions, "every serving process follows"
    assert {status for status, _ in answers} == {200}
    assert {answered for _, answered in answers} == {version, *versions}

    info = http.get("/model/info").json()["model_info"]
    assert (info["run_id"], info["model_version"]) == (run_id, versions.pop())
    left_out = run_of(http, run_id)["metrics"]["left_out"]
    assert "bullish_kicker" in left_out, "one example and no known negative teach nothing"
    builds = map(json.loads, (house.home / "datasets" / "builds.jsonl").read_text().splitlines())
    (data_version,) = (build["version"] for build in builds if build["run_id"] == run_id)
    dataset = pd.read_parquet(house.home / "datasets" / data_version / "annotations.parquet")
    learned = dataset.set_index("id").loc[[v["annotation"]["id"] for v in (confirmed, corrected, dismissed)]]
    assert learned["label"].tolist() == [spans[0]["label"], "bullish_kicker", "O"]
    assert learned["source"].tolist() == ["model_confirmed", "model_corrected", "human"]
    assert json.loads(learned["model_prediction"].iloc[1])["model_version"] == version
    assert len(ws.store.annotations.list("EURUSD", "1h")) == len(people_before) + 3


def test_api_console_command_line_and_evaluation_say_the_same_of_the_same_candles(
    house: House, ws: Workspace, http: httpx.Client
) -> None:
    candles = ws.candles.read("EURUSD", "1h")
    by_api = http.post("/predict/batch", json=EURUSD).json()
    by_command = json.loads(house.run("predict", "--pair", "EURUSD", "--timeframe", "1h", "--json"))
    predictor = load_run(ws, find_run(ws, None))
    evaluated = predictor.predict(candles)
    in_console = review_window(ws, StoredCandles(ws), predictor, **EURUSD, first_bar=3_000, bars=500)
    visible = http.post("/predict", json=body_of(candles[3_000:3_500])).json()

    def labels(answer: dict[str, Any]) -> bytes:
        return json.dumps([(bar["time"], bar["label"]) for bar in answer["per_candle"]]).encode()

    whole = json.dumps(list(zip(candles.time.tolist(), evaluated.labels(), strict=True))).encode()
    assert by_api["model_info"] == by_command["model_info"]
    assert labels(by_api) == labels(by_command) == whole
    assert by_api["spans"] == by_command["spans"]
    assert by_api["candle_count"] == len(candles)
    assert visible["per_candle"] == by_api["per_candle"][3_000:3_500]
    assert visible["spans"] == [asdict(span) for span in in_console.predictions]


@pytest.mark.needs("node")
def test_the_chart_is_built_and_reaches_the_api(house: House) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{house.ports['WEB']}", timeout=30) as chart:
        wait_until(lambda: chart.get("/api/health").is_success, within_s=200, what="the chart is built")
        said = chart.get("/api/model/info").json()["model_info"]
    assert said["model_name"] == "candleloop"


def test_a_killed_worker_fails_its_run_with_a_reason_and_comes_back(
    ws: Workspace, http: httpx.Client
) -> None:
    champion = http.get("/ready").json()["model_version"]
    body = body_of(ws.candles.read("EURUSD", "1h")[-500:])
    run_id = start_training(http, hyperparameters={"n_estimators": 5_000, "early_stopping_rounds": 5_000})
    wait_until(lambda: run_of(http, run_id)["progress"] > LEARNS, within_s=90, what="training is under way")
    pid = int(str(ws.store.runs.get(run_id).owner).rpartition(":")[2])
    os.kill(pid, signal.SIGKILL)

    failed = wait_until(
        lambda: run if (run := run_of(http, run_id))["status"] == "failed" else None,
        within_s=30,
        what="the run is shown as failed",
    )
    assert f"pid {pid}" in failed["error"]
    assert http.post("/predict", json=body).json()["model_info"]["model_version"] == champion
    wait_until(
        lambda: any(beat.pid != pid and time.time() - beat.beat_at < 5 for beat in ws.store.workers.list()),
        within_s=30,
        what="the worker is back",
    )
    assert ended(http, start_training(http))["status"] == "ready"


def test_a_second_start_neither_imports_nor_trains_again(house: House, ws: Workspace) -> None:
    runs, series = ws.store.runs.list(), ws.candles.list()
    house.stop()
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{house.api}/health")
    house.start()
    assert ws.store.runs.list() == runs
    assert ws.candles.list() == series
    assert httpx.get(f"{house.api}/ready").status_code == 200
