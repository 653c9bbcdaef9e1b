import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mllib.jobs import queue_of
from mllib.pipeline.workspace import Workspace

REQUEST = {"model_type": "random_forest", "pair": "EURUSD", "timeframe": "1H"}


def test_training_starts_at_once_and_waits_for_the_worker(client: TestClient, ws: Workspace) -> None:
    answer = client.post("/training/start", json=REQUEST)
    assert answer.status_code == 202
    assert answer.json() == {"run_id": ws.store.runs.list()[0].run_id, "status": "queued"}
    assert queue_of(ws).pending_count() == 1


def test_a_request_becomes_the_runs_configuration(client: TestClient, ws: Workspace) -> None:
    asked = REQUEST | {
        "pairs": ["EURUSD"],
        "encoder": "bio",
        "labels": ["human"],
        "test_split": 0.3,
        "hyperparameters": {"n_estimators": 7},
        "stages.training.seed": 5,
        "stages.annotation_ingestion.min_confidence": 2,
    }
    run = ws.store.runs.get(client.post("/training/start", json=asked).json()["run_id"])
    stages = run.request["config"]["stages"]
    assert (run.request["pairs"], run.request["timeframe"]) == (["EURUSD"], "1h")
    assert (run.model_type, run.encoder) == ("random_forest", "bio")
    assert (stages["training"]["test_split"], stages["training"]["seed"]) == (0.3, 5)
    assert stages["training"]["hyperparameters"] == {"n_estimators": 7}
    assert stages["annotation_ingestion"]["layers"] == ["human"]
    assert stages["annotation_ingestion"]["min_confidence"] == 2


def test_a_second_training_conflicts_with_the_active_run(
    client: TestClient, refusal: Callable[..., None]
) -> None:
    active = client.post("/training/start", json=REQUEST).json()["run_id"]
    answer = client.post("/training/start", json=REQUEST)
    refusal(answer, 409, f"found run {active} queued")
    assert answer.json()["run_id"] == active
    assert answer.json()["type"] == "urn:candleloop:conflict"


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"model_type": "oracle"}, 422, "stages.training.model_type: found 'oracle', expected one of"),
        ({"model_type": None}, 422, r"\$.model_type: "),
        ({"encoder": "fourier"}, 422, "label_encoding"),
        ({"labels": ["nobody"]}, 422, r"layers"),
        ({"labels": "human"}, 422, r"\$.labels: "),
        ({"seed": 2**31}, 422, "stages.training.seed: found 2147483648"),
        ({"stages.training.": 1}, 422, "stages.training.: found an unknown key"),
        ({"pair": "XAUUSD"}, 404, "XAUUSD 1h: found no stored candles"),
        ({"timeframe": "1M"}, 422, "Write 1m for one minute or 1mo for one month"),
        ({"sed": 1}, 422, r"\$.sed: found an unknown key, expected one of model_type, .*test_split"),
        ({"seed": "x"}, 422, "stages.training.seed: found 'x'"),
        ({"stages.training.sed": 1}, 422, "stages.training.sed: found an unknown key, expected one of"),
        ({"hyperparameters": {"trees": 9}}, 422, "stages.training.hyperparameters.*trees"),
        ({"hyperparameters": 5}, 422, "stages.training.hyperparameters: found 5"),
        ({"split_method": "shuffled"}, 422, "split_method: found 'shuffled'"),
        ({"stages.feature_engineering.custom_features": ["os.system"]}, 422, "found an unknown key"),
        ({"data.raw_ohlcv_path": "/etc/passwd"}, 422, "found an unknown key"),
        ({"stages": {}}, 422, r"\$.stages: found an unknown key"),
        ({"": 1}, 422, "found an unknown key"),
    ],
)
def test_a_wrong_request_is_refused_and_starts_nothing(
    client: TestClient,
    ws: Workspace,
    refusal: Callable[..., None],
    change: dict[str, Any],
    status: int,
    said: str,
) -> None:
    refusal(client.post("/training/start", json=REQUEST | change), status, said)
    assert ws.store.runs.active() is None


def test_runs_are_listed_newest_first(client: TestClient, ws: Workspace) -> None:
    runs = client.get("/training/runs").json()
    assert [run["run_id"] for run in runs] == [run.run_id for run in ws.store.runs.list()]
    assert [run["is_champion"] for run in runs] == [False, True]
    newest = runs[0]
    assert {"run_id", "model_type", "status", "created_at", "completed_at", "metrics", "error"} <= set(newest)
    assert (newest["status"], newest["model_version"], newest["progress"]) == ("ready", "2", 1.0)
    assert (newest["pairs"], newest["timeframe"], newest["encoder"]) == (["EURUSD"], "1h", "bio")


def test_one_run_is_shown_as_in_the_list(client: TestClient) -> None:
    newest = client.get("/training/runs").json()[0]
    assert client.get(f"/training/runs/{newest['run_id']}").json() == newest


def test_a_run_can_be_cancelled_once(client: TestClient, refusal: Callable[..., None]) -> None:
    run_id = client.post("/training/start", json=REQUEST).json()["run_id"]
    cancelled = client.post(f"/training/runs/{run_id}/cancel").json()
    assert (cancelled["status"], cancelled["error"]) == ("cancelled", "Cancelled over the API.")
    refusal(client.post(f"/training/runs/{run_id}/cancel"), 409, "found it cancelled, expected it under way")
    refusal(client.post("/training/runs/nosuchrun/cancel"), 404, "No training run nosuchrun")


def test_a_running_run_says_how_long_it_will_take(client: TestClient, ws: Workspace) -> None:
    run_id = client.post("/training/start", json=REQUEST).json()["run_id"]
    ws.store.runs.claim(run_id, owner=f"{socket.gethostname()}:{os.getpid()}")
    assert client.get(f"/training/runs/{run_id}").json()["time_left_s"] is None
    ws.store.runs.report(run_id, progress=0.5, stage="growing trees")
    shown = client.get(f"/training/runs/{run_id}").json()
    assert 0 <= shown["time_left_s"] < 5
    assert (shown["progress"], shown["stage"]) == (0.5, "growing trees")


def test_an_unknown_run_is_not_found(client: TestClient, refusal: Callable[..., None]) -> None:
    refusal(client.get("/training/runs/nosuchrun"), 404, "No training run nosuchrun")


def test_a_run_whose_worker_is_gone_shows_as_failed(client: TestClient, ws: Workspace) -> None:
    run_id = client.post("/training/start", json=REQUEST).json()["run_id"]
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    ws.store.runs.claim(run_id, owner=f"{socket.gethostname()}:{child}")
    newest = client.get("/training/runs").json()[0]
    assert (newest["run_id"], newest["status"]) == (run_id, "failed")
    assert f"the worker (pid {child}) stopped while training" in newest["error"]


def test_an_empty_ledger_is_an_empty_list(modelless: TestClient) -> None:
    assert modelless.get("/training/runs").json() == []
