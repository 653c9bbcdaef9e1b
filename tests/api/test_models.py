from fastapi.testclient import TestClient

from mllib.pipeline.labels import merge_label
from mllib.pipeline.promoting import promote
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation


def test_models_are_listed_newest_first_with_their_figures(client: TestClient, ws: Workspace) -> None:
    found = client.get("/models").json()
    ledger = ws.store.runs.list()
    assert [one["run_id"] for one in found] == [run.run_id for run in ledger]
    assert [one["is_champion"] for one in found] == [False, True]
    newest, run = found[0], ledger[0]
    assert (newest["model_version"], newest["model_type"], newest["pairs"]) == ("2", "xgboost", ["EURUSD"])
    assert run.metrics is not None
    assert newest["metrics"]["accuracy"] == run.metrics["accuracy"]
    assert newest["metrics"]["span_f1"] == run.metrics["span_f1"]["0.5"]["micro"]


def test_a_model_says_when_and_why_it_served(client: TestClient, ws: Workspace) -> None:
    run_id = ws.store.runs.list()[0].run_id
    promote(ws, run_id, moved_by="promote", reason="fewer misses")
    newest, older = client.get("/models").json()
    assert (newest["is_champion"], older["is_champion"]) == (True, False)
    last = newest["moves"][0]
    assert (last["moved_by"], last["reason"]) == ("promote", "fewer misses")
    assert last["moved_at"] >= older["moves"][0]["moved_at"]


def test_runs_without_a_model_are_left_out(client: TestClient, ws: Workspace) -> None:
    run = ws.store.runs.enqueue(
        model_type="xgboost", encoder="bio", registered_model_name="candleloop", request={"pairs": []}
    )
    assert run.run_id not in [one["run_id"] for one in client.get("/models").json()]


def test_without_models_the_list_is_empty(modelless: TestClient) -> None:
    assert modelless.get("/models").json() == []


def test_labels_have_colours_keys_and_their_present_names(modelless: TestClient, empty_ws: Workspace) -> None:
    empty_ws.store.labels.ensure(["flag", "bull_flag"])
    empty_ws.store.annotations.add("EURUSD", "1h", [Annotation("flag", 60, 120, id="a")])
    merge_label(empty_ws, "flag", "bull_flag")
    found = {one["name"]: one for one in modelless.get("/labels").json()}
    assert (found["flag"]["state"], found["flag"]["now_called"]) == ("renamed or merged", "bull_flag")
    assert (found["bull_flag"]["now_called"], found["bull_flag"]["people"]) == ("bull_flag", 1)
    assert all(one["color"].startswith("#") for one in found.values())
