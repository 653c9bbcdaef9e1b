"""The time of day jumps by an hour under a server and a training run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mllib.pipeline.run_watch import beating, owner
from mllib.pipeline.runs import request_training, resolve_config
from tests.api.faults.conftest import Client, Serve

HOUR = 3_600


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("clock") / "seconds"
    file.write_text("0")
    return file


@pytest.fixture(scope="module")
def client(serve: Serve, clock: Path) -> Iterator[Client]:
    with serve("--clock", str(clock)) as running:
        yield running


def test_a_clock_that_jumps_fails_no_run_and_mixes_up_nothing(client: Client, clock: Path) -> None:
    serving, other = client.runs()
    expected = [other, serving]
    with client.workspace() as ws:
        config = resolve_config(ws.config, model_type="xgboost", layers=["talib"])
        run = request_training(ws, pairs=["EURUSD"], timeframe="1h", config=config)
        claimed = ws.store.runs.claim(run.run_id, owner=owner())
        assert claimed is not None
        with beating(ws, claimed):
            for jump_s in (HOUR, -HOUR, 0):
                clock.write_text(str(jump_s))
                assert client.get(f"/training/runs/{run.run_id}").json()["status"] == "running"
                active = client.post("/training/start", {"model_type": "xgboost", "pair": "EURUSD"})
                assert (active.status_code, active.json()["run_id"]) == (409, run.run_id)
                assert client.predict().status_code == 200
                assert client.judge(f"jumped by {jump_s}").status_code == 201
                assert client.judge(f"jumped by {jump_s}").status_code == 200
                ws.store.champions.move("candleloop", expected[0], moved_by="promote")
                assert client.serves(expected[0], within_s=5)["error"] is None
                expected.reverse()
        ws.store.runs.cancel(run.run_id)
        verdicts = [one.client_id for one in ws.store.verdicts.list()]
        assert verdicts == ["jumped by 0", f"jumped by {-HOUR}", f"jumped by {HOUR}"], "newest first"
        stamps = {one.client_id: one.created_at for one in ws.store.verdicts.list()}
        assert stamps[f"jumped by {HOUR}"] - stamps[f"jumped by {-HOUR}"] > 1.9 * HOUR, "the clock has jumped"
    assert client.surprises() == []
