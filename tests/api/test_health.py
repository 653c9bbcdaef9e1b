import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from mllib.config import Config
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.api.conftest import BASE_URL


def test_health_and_ready_name_the_version_that_serves(client: TestClient) -> None:
    assert client.get("/health").json() == {"status": "ok", "model_loaded": True, "model_version": "1"}
    ready = client.get("/ready").json()
    assert (ready["status"], ready["model_version"], ready["error"]) == ("ready", "1", None)


def test_without_a_model_the_process_lives_but_is_not_ready(
    modelless: TestClient, refusal: Callable[..., None]
) -> None:
    health = {"status": "ok", "model_loaded": False, "model_version": None}
    assert modelless.get("/health").json() == health
    answer = modelless.get("/ready")
    refusal(answer, 503, "model: none is loaded")
    assert "Retry-After" in answer.headers


def test_a_service_without_a_model_takes_up_the_first_champion(ws: Workspace) -> None:
    inference = {"stages": {"inference": {"mlflow_model_name": "first"}}}
    with (
        open_workspace(ws.home, config=Config.model_validate(inference)) as fresh,
        TestClient(create_app(fresh), base_url=BASE_URL) as client,
    ):
        assert client.get("/ready").status_code == 503
        ws.store.champions.move("first", ws.store.runs.list()[0].run_id, moved_by="promote")
        deadline = time.monotonic() + 5
        while client.get("/ready").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert client.get("/ready").status_code == 200


def test_a_local_model_that_is_missing_is_said_in_ready(tmp_path: Path, refusal: Callable[..., None]) -> None:
    config = Config.model_validate(
        {"stages": {"inference": {"model_source": "local", "local_model_path": "../elsewhere"}}}
    )
    with (
        open_workspace(tmp_path / "home", config=config) as ws,
        TestClient(create_app(ws), base_url=BASE_URL) as client,
    ):
        refusal(client.get("/ready"), 503, "local_model_path: found '../elsewhere', expected a folder inside")


def test_making_the_app_touches_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLELOOP_HOME", str(tmp_path / "home"))
    app = create_app()
    assert not (tmp_path / "home").exists()
    with TestClient(app, base_url=BASE_URL) as client:
        assert client.get("/health").status_code == 200
    assert (tmp_path / "home").is_dir()
