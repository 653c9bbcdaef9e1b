"""Old models and kept predictions go; what people said, the ledger, and what may be served again stay."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mllib.config import RetentionSection
from mllib.errors import Conflict
from mllib.pipeline.promoting import load_run, promote
from mllib.pipeline.pruning import Removal, plan_pruning, prune
from mllib.pipeline.workspace import Workspace
from mllib.progress import quiet
from mllib.store import Run

DAY_S = 86_400


@pytest.fixture
def ws(ws: Workspace) -> Workspace:
    """A home where one model of each name stays, for thirty days."""
    return replace(ws, config=ws.config.model_copy(update={"retention": RetentionSection(models=1)}))


def ended_run(ws: Workspace, *, name: str = "candleloop", status: str = "ready") -> Run:
    """A run whose predictor, report and kept predictions are a file each."""
    run = ws.store.runs.enqueue(model_type="xgboost", encoder="bio", registered_model_name=name, request={})
    ws.store.runs.claim(run.run_id, owner="here:1")
    for folder, file in (("predictors", "model.ubj"), ("reports", "card.md"), ("sweeps", "EURUSD_1h.npz")):
        path = ws.home / folder / run.run_id / file
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 100)
    results = {"metrics": {}, "data_version": None, "mlflow_run_id": None}
    path = f"predictors/{run.run_id}"
    if status == "rejected":
        return ws.store.runs.reject(run.run_id, reason="Worse.", predictor_path=path, **results)
    return ws.store.runs.finish_ready(run.run_id, predictor_path=path, **results)


def serve(ws: Workspace, *runs: Run) -> None:
    for run in runs:
        ws.store.champions.move(run.registered_model_name, run.run_id, moved_by="promote")


def planned(ws: Workspace, *, days: float) -> list[Removal]:
    return plan_pruning(ws, now=time.time() + days * DAY_S)


def models_of(removals: list[Removal]) -> set[str]:
    return {one.run_id for one in removals if one.kind == "model"}


def test_a_young_model_stays_and_an_old_one_goes_with_all_that_was_made_of_it(ws: Workspace) -> None:
    old, newest = ended_run(ws, status="rejected"), ended_run(ws)
    assert planned(ws, days=29) == [one for one in planned(ws, days=29) if one.kind == "predictions"], (
        "no model is old enough"
    )

    (removal,) = [one for one in planned(ws, days=31) if one.kind == "model"]

    assert removal.run_id == old.run_id
    assert removal.size_bytes == 300
    assert prune(ws, [removal], progress=quiet) == 300
    assert not any((ws.home / part / old.run_id).exists() for part in ("predictors", "reports", "sweeps"))
    assert (ws.predictors / newest.run_id / "model.ubj").exists()
    assert ws.store.runs.get(old.run_id).metrics == {}, "the ledger's line stays"


def test_what_served_last_stays_for_a_rollback(ws: Workspace) -> None:
    served = [ended_run(ws) for _ in range(4)]
    never = ended_run(ws)
    newest = ended_run(ws)
    serve(ws, *served)

    assert models_of(planned(ws, days=31)) == {served[0].run_id, never.run_id}
    assert newest.run_id not in models_of(planned(ws, days=31))


def test_each_registered_name_keeps_its_own_newest(ws: Workspace) -> None:
    other = ended_run(ws, name="other")
    first, newest = ended_run(ws), ended_run(ws)

    assert models_of(planned(ws, days=31)) == {first.run_id}
    assert {other.run_id, newest.run_id}.isdisjoint(models_of(planned(ws, days=31)))


def test_a_model_that_serves_by_the_time_of_the_removal_stays(ws: Workspace) -> None:
    old, _ = ended_run(ws), ended_run(ws)
    plan = [one for one in planned(ws, days=31) if one.kind == "model"]
    serve(ws, old)

    assert prune(ws, plan, progress=quiet) == 0
    assert (ws.predictors / old.run_id / "model.ubj").exists()


def test_a_pruned_model_says_so_and_cannot_be_promoted(ws: Workspace) -> None:
    old, _ = ended_run(ws), ended_run(ws)
    prune(ws, planned(ws, days=31), progress=quiet)

    with pytest.raises(Conflict, match=r"found that its model was pruned, .* train again on its dataset"):
        load_run(ws, ws.store.runs.get(old.run_id))
    with pytest.raises(Conflict):
        promote(ws, old.run_id, moved_by="promote")


def test_what_a_stop_in_the_middle_left_goes_the_next_time(ws: Workspace) -> None:
    old, _ = ended_run(ws), ended_run(ws)
    ws.store.champions.let_go(old.run_id)  # told the ledger, and was killed

    prune(ws, planned(ws, days=0), progress=quiet)

    assert not (ws.predictors / old.run_id).exists()


def test_predictions_go_once_nobody_has_used_them_for_long(ws: Workspace) -> None:
    run = ended_run(ws)
    file = ws.sweeps / run.run_id / "EURUSD_1h.npz"
    recent = ws.sweeps / run.run_id / "BTC%2FUSDT_1h.npz"
    recent.write_bytes(b"y")
    _age(file, days=20)

    (removal,) = planned(ws, days=0)

    assert (removal.kind, removal.paths) == ("predictions", (file,))
    prune(ws, [removal], progress=quiet)
    assert [path.name for path in file.parent.iterdir()] == [recent.name]


def _age(file: Path, *, days: float) -> None:
    then = time.time() - days * DAY_S
    os.utime(file, (then, then))
