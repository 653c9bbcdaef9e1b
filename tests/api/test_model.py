import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from mllib.config import Config
from mllib.pipeline.promoting import promote
from mllib.pipeline.workspace import Workspace, open_workspace
from tests.api.conftest import BASE_URL
from tests.processes import wait_until

# MLflow, which mirrors the champion as an alias, uses SQLAlchemy in ways that this version warns of.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*noload.*")

FOLLOWED_WITHIN_S = 20.0


def _champion(ws: Workspace) -> str:
    move = ws.store.champions.current("candleloop")
    assert move is not None
    return move.run_id


def _other(ws: Workspace) -> str:
    return next(run.run_id for run in ws.store.runs.list() if run.run_id != _champion(ws))


def _serves(client: TestClient, run_id: str) -> bool:
    deadline = time.monotonic() + FOLLOWED_WITHIN_S
    while time.monotonic() < deadline:
        if client.get("/ready").json()["run_id"] == run_id:
            return True
        time.sleep(0.1)
    return False


def test_model_info_says_what_serves(client: TestClient, ws: Workspace) -> None:
    answer = client.get("/model/info").json()
    assert answer["model_info"]["run_id"] == _champion(ws)
    assert {"accuracy", "f1_macro", "f1_weighted", "per_class", "span_f1"} <= set(answer["metrics"])
    assert set(answer["metrics"]["per_class"]["O"]) == {"precision", "recall", "f1_score", "support"}
    assert [label["name"] for label in answer["label_config"]] == answer["model_info"]["label_names"]
    assert all(label["color"].startswith("#") for label in answer["label_config"])


def test_a_label_that_was_renamed_since_is_told_under_its_new_name(client: TestClient, ws: Workspace) -> None:
    before = client.get("/model/info").json()["label_config"]
    old = before[0]["name"]
    ws.store.labels.rename(old, "another_name")
    wait_until(
        lambda: "another_name" in client.get("/model/info").json()["model_info"]["label_names"],
        within_s=FOLLOWED_WITHIN_S,
        what="the new name is served",
    )
    now = {one["name"]: one for one in client.get("/model/info").json()["label_config"]}
    assert now["another_name"] == before[0] | {"name": "another_name"}
    assert old not in now


def test_loading_a_run_makes_it_serve_at_once(client: TestClient, ws: Workspace) -> None:
    run_id = _other(ws)
    loaded = client.post("/model/load", json={"run_id": run_id})
    assert loaded.status_code == 200
    assert loaded.json()["model_info"]["run_id"] == run_id
    assert client.get("/model/info").json()["model_info"] == loaded.json()["model_info"]
    assert _champion(ws) == run_id


def test_a_service_follows_a_champion_moved_by_another_process(client: TestClient, ws: Workspace) -> None:
    run_id = _other(ws)
    with open_workspace(ws.home, config=Config()) as elsewhere:
        promote(elsewhere, run_id, moved_by="promote")
    assert _serves(client, run_id)
    assert client.get("/health").json()["model_version"] == client.get("/ready").json()["model_version"]


def test_two_processes_follow_one_champion(client: TestClient, ws: Workspace) -> None:
    with (
        open_workspace(ws.home, config=Config()) as elsewhere,
        TestClient(create_app(elsewhere), base_url=BASE_URL) as second,
    ):
        run_id = _other(ws)
        client.post("/model/load", json={"run_id": run_id})
        assert _serves(second, run_id)


def _refuse(ws: Workspace, like: str) -> str:
    """A run that the gate refused, with the model of another."""
    path = ws.store.runs.get(like).predictor_path
    config = ws.config.model_dump(mode="json")
    run = ws.store.runs.enqueue(
        model_type="xgboost",
        encoder="bio",
        registered_model_name="candleloop",
        request={"pairs": ["EURUSD"], "timeframe": "1h", "config": config},
    )
    ws.store.runs.claim(run.run_id, owner="here:1")
    return ws.store.runs.reject(run.run_id, reason="Too many false alarms.", predictor_path=path).run_id


def test_a_run_that_the_gate_refused_is_loaded_only_over_a_reason(
    client: TestClient, ws: Workspace, refusal: Callable[..., None]
) -> None:
    before, refused = _champion(ws), _refuse(ws, _other(ws))
    refusal(client.post("/model/load", json={"run_id": refused}), 409, "the gate refused it .Too many false")
    assert _champion(ws) == before
    loaded = client.post("/model/load", json={"run_id": refused, "over": "we know better"})
    assert loaded.json()["model_info"]["model_version"] == "3"
    move = ws.store.champions.current("candleloop")
    assert move is not None
    assert (move.run_id, move.moved_by) == (refused, "load")
    assert move.reason == "over the gate (Too many false alarms.): we know better"


def test_a_rollback_serves_the_model_before(
    client: TestClient, ws: Workspace, refusal: Callable[..., None]
) -> None:
    first, second = _champion(ws), _other(ws)  # served in turn: first, second, first
    for expected in (second, first):
        back = client.post("/model/rollback", json={"reason": "worse"})
        assert back.json()["model_info"]["run_id"] == expected == _champion(ws)
    refusal(client.post("/model/rollback", json={}), 409, f"found run {first} and none before it")


def test_a_rollback_without_a_champion_or_with_a_wrong_body_is_refused(
    modelless: TestClient, refusal: Callable[..., None]
) -> None:
    refusal(modelless.post("/model/rollback", json={}), 404, "champion of candleloop: there is none yet")
    refusal(modelless.post("/model/rollback", json={"reason": 5}), 422, r"\$.reason: ")
    refusal(modelless.post("/model/rollback", json={"why": "x"}), 422, r"\$.why: ")


def test_an_unknown_run_cannot_be_loaded(client: TestClient, refusal: Callable[..., None]) -> None:
    refusal(client.post("/model/load", json={"run_id": "nosuchrun"}), 404, "No training run nosuchrun")


def test_a_run_without_a_model_cannot_be_loaded(
    client: TestClient, ws: Workspace, refusal: Callable[..., None]
) -> None:
    before = _champion(ws)
    run_id = client.post("/training/start", json={"model_type": "xgboost", "pair": "EURUSD"}).json()["run_id"]
    refusal(client.post("/model/load", json={"run_id": run_id}), 409, "found queued without a model")
    assert client.get("/ready").json()["run_id"] == before


def test_a_broken_model_is_refused_and_the_old_one_serves_on(
    client: TestClient, ws: Workspace, body: Callable[..., dict[str, Any]], refusal: Callable[..., None]
) -> None:
    before, broken = _champion(ws), _other(ws)
    path = ws.store.runs.get(broken).predictor_path
    assert path is not None
    (ws.home / path / "predictor.json").write_text("{")
    refusal(
        client.post("/model/load", json={"run_id": broken}),
        409,
        "model in CANDLELOOP_HOME/predictors/.*predictor.json cut short",
    )
    assert _champion(ws) == before
    assert client.post("/predict", json=body()).json()["model_info"]["run_id"] == before


def test_a_champion_broken_behind_our_back_is_named_in_ready(client: TestClient, ws: Workspace) -> None:
    before, broken = _champion(ws), _other(ws)
    path = ws.store.runs.get(broken).predictor_path
    assert path is not None
    (ws.home / path / "predictor.json").unlink()
    ws.store.champions.move("candleloop", broken, moved_by="promote")
    deadline = time.monotonic() + FOLLOWED_WITHIN_S
    while client.get("/ready").json()["error"] is None and time.monotonic() < deadline:
        time.sleep(0.1)
    ready = client.get("/ready").json()
    assert (ready["run_id"], "predictor.json" in ready["error"]) == (before, True)


def test_a_model_of_another_name_is_refused(ws: Workspace, refusal: Callable[..., None]) -> None:
    inference = {"stages": {"inference": {"mlflow_model_name": "another"}}}
    with (
        open_workspace(ws.home, config=Config.model_validate(inference)) as elsewhere,
        TestClient(create_app(elsewhere), base_url=BASE_URL) as client,
    ):
        asked = {"run_id": _champion(ws)}
        refusal(
            client.post("/model/load", json=asked), 409, "found a model registered as candleloop, expected an"
        )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, r"\$.run_id: field required"),
        ({"run_id": 5}, r"\$.run_id: "),
        ({"run_id": "a", "x": 1}, r"\$.x: "),
    ],
)
def test_a_wrong_load_request_is_refused(
    client: TestClient, refusal: Callable[..., None], asked: dict[str, Any], said: str
) -> None:
    refusal(client.post("/model/load", json=asked), 422, said)


def test_without_a_model_there_is_nothing_to_describe(
    modelless: TestClient, refusal: Callable[..., None]
) -> None:
    refusal(modelless.get("/model/info"), 503, "model: none is loaded")
