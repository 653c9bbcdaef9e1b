"""What serves: promotion, promotion over the gate, and the way back."""

from pathlib import Path

import pytest

from mllib.errors import Conflict, NotFound
from mllib.pipeline.promoting import find_run, load_run, promote, rollback
from mllib.pipeline.workspace import Workspace
from mllib.store import Run
from tests.pipeline.conftest import TrainedHome


@pytest.fixture
def stand_in(ws: Workspace, trained: TrainedHome) -> "StandIn":
    return StandIn(ws, trained)


class StandIn:
    """Runs of another home, ready or refused, which all share one trained model."""

    def __init__(self, ws: Workspace, trained: TrainedHome) -> None:
        self.ws = ws
        assert trained.champion.predictor_path is not None
        self.folder: Path = trained.ws.home / trained.champion.predictor_path

    def run(self, *, refused: bool = False) -> Run:
        run = self.ws.store.runs.enqueue(
            model_type="xgboost",
            encoder="bio",
            registered_model_name="candleloop",
            request={
                "pairs": ["EURUSD"],
                "timeframe": "1h",
                "config": self.ws.config.model_dump(mode="json"),
            },
        )
        self.ws.store.runs.claim(run.run_id, owner="here:1")
        results = {
            "metrics": {},
            "data_version": None,
            "mlflow_run_id": None,
            "predictor_path": str(self.folder),
        }
        if refused:
            return self.ws.store.runs.reject(run.run_id, reason="Too many false alarms.", **results)
        return self.ws.store.runs.finish_ready(run.run_id, **results)


def test_rollback_goes_back_one_model_at_a_time(ws: Workspace, stand_in: StandIn) -> None:
    first, second, third = (stand_in.run().run_id for _ in range(3))
    for run_id in (first, second, second, third):
        promote(ws, run_id, moved_by="promote")
    assert rollback(ws, reason="worse live").run_id == second
    move = ws.store.champions.current("candleloop")
    assert move is not None
    assert (move.moved_by, move.reason) == ("rollback", f"back from run {third}: worse live")
    assert rollback(ws).run_id == first
    with pytest.raises(Conflict, match=f"found run {first} and none before it"):
        rollback(ws)
    promote(ws, third, moved_by="promote")
    assert rollback(ws).run_id == first


def test_without_a_champion_there_is_nothing_to_go_back_from(ws: Workspace) -> None:
    with pytest.raises(NotFound, match="champion of candleloop: there is none yet"):
        rollback(ws)


def test_a_refused_run_is_promoted_only_over_a_reason_which_is_kept(ws: Workspace, stand_in: StandIn) -> None:
    good, refused = stand_in.run(), stand_in.run(refused=True)
    promote(ws, good.run_id, moved_by="promote")
    for nothing in (None, " "):
        with pytest.raises(Conflict, match=r"the gate refused it \(Too many false alarms\.\)"):
            promote(ws, refused.run_id, moved_by="promote", over=nothing)
    assert find_run(ws, None).run_id == good.run_id
    assert (refused.model_version, load_run(ws, refused).info.model_version) == (None, "unregistered")
    promoted = promote(ws, refused.run_id, moved_by="promote", over="we need flags now")
    assert (promoted.status, promoted.model_version) == ("rejected", 2)
    assert load_run(ws, promoted).info.model_version == "2"
    move = ws.store.champions.current("candleloop")
    assert move is not None
    assert move.reason == "over the gate (Too many false alarms.): we need flags now"
    assert stand_in.run().model_version == 3


def test_a_refused_model_is_gone_back_to_without_a_second_reason(ws: Workspace, stand_in: StandIn) -> None:
    refused, good = stand_in.run(refused=True), stand_in.run()
    promote(ws, refused.run_id, moved_by="promote", over="try")
    promote(ws, good.run_id, moved_by="promote")
    assert rollback(ws).run_id == refused.run_id
