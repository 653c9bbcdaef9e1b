import os
from typing import Any

import pytest

from mllib.errors import Conflict, InvalidConfig, NotFound, NotReady, TrainingFailed
from mllib.pipeline.mirroring import is_mirrored, mirror_champion
from mllib.pipeline.promoting import find_run, load_run, promote
from mllib.pipeline.runs import check_training, execute_run, request_training, resolve_config
from mllib.pipeline.workspace import Workspace
from tests.pipeline.conftest import TrainedHome, small_config
from tests.processes import free_port


def test_a_run_ends_ready_with_model_metrics_and_dataset(trained: TrainedHome) -> None:
    run, ws = trained.champion, trained.ws
    assert (run.status, run.progress, run.error) == ("ready", 1.0, None)
    assert run.metrics is not None
    assert run.metrics["span_f1"]["0.5"]["per_label"]["bullish_engulfing"] > 0
    assert run.data_version
    assert run.mlflow_run_id
    assert (ws.datasets / run.data_version / "annotations.parquet").is_file()
    predictor = load_run(ws, run)
    assert predictor.info.model_version == str(run.model_version)
    assert predictor.info.run_id == run.run_id
    assert predictor.metrics == run.metrics
    assert (trained.other.model_version, run.model_version) == (2, 1)


def test_a_run_says_how_far_it_is(trained: TrainedHome) -> None:
    shares = [done for done, _ in trained.progress]
    assert min(shares) >= 0
    assert max(shares) <= 1
    assert {"reading candles and labels", "logging to MLflow"} <= {what for _, what in trained.progress}


def test_a_run_that_promotes_itself_is_champion_and_the_other_is_not(trained: TrainedHome) -> None:
    move = trained.ws.store.champions.history("candleloop")[-1]
    assert (move.run_id, move.moved_by) == (trained.champion.run_id, "auto")
    assert trained.other.run_id not in {
        m.run_id for m in trained.ws.store.champions.history("candleloop") if m.moved_by == "auto"
    }


def test_promoting_moves_the_champion_here_and_mirroring_in_mlflow(trained: TrainedHome) -> None:
    from mllib.tracking import _mlflow

    ws = trained.ws
    for run in (trained.other, trained.champion):
        promote(ws, run.run_id, moved_by="promote", reason="why not")
        assert find_run(ws, None).run_id == run.run_id
        assert not is_mirrored(ws)
        mirror_champion(ws)
        assert is_mirrored(ws)
        with _mlflow(ws.home) as mlflow:
            alias = mlflow.MlflowClient().get_model_version_by_alias("candleloop", "champion")
        assert alias.run_id == run.mlflow_run_id


def test_a_run_is_carried_out_once(trained: TrainedHome) -> None:
    with pytest.raises(Conflict, match=rf"run {trained.champion.run_id}: found ready, expected queued"):
        execute_run(trained.ws, trained.champion.run_id)


def test_a_second_run_is_refused_while_one_is_active(ws: Workspace) -> None:
    first = request_training(ws, pairs=["EURUSD"], config=ws.config)
    with pytest.raises(Conflict) as refused:
        request_training(ws, pairs=["EURUSD"], config=ws.config)
    assert refused.value.active_id == first.run_id


def test_a_run_over_an_unknown_pair_is_not_queued(ws: Workspace) -> None:
    with pytest.raises(NotFound, match="XAUUSD 1h"):
        request_training(ws, pairs=["EURUSD", "XAUUSD"], config=ws.config)
    assert ws.store.runs.list() == []


def test_the_request_holds_the_whole_configuration(ws: Workspace) -> None:
    run = request_training(ws, pairs=["EURUSD", "EURUSD"], timeframe="1H", config=ws.config)
    assert run.request["pairs"] == ["EURUSD"]
    assert run.request["timeframe"] == "1h"
    assert run.request["config"] == ws.config.model_dump(mode="json")


def test_a_failed_run_keeps_its_reason(ws: Workspace) -> None:
    run = request_training(ws, pairs=["EURUSD"], config=ws.config)
    with pytest.raises(TrainingFailed, match="the validation block is empty"):
        execute_run(ws, run.run_id)
    failed = ws.store.runs.get(run.run_id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "the validation block is empty" in failed.error
    with pytest.raises(Conflict, match="found failed without a model"):
        load_run(ws, failed)
    with pytest.raises(Conflict, match="found failed without a model"):
        promote(ws, run.run_id, moved_by="promote")


def test_what_nobody_foresaw_is_recorded_too(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run = request_training(ws, pairs=["EURUSD"], config=ws.config)

    def explode(_done: float, _what: str) -> None:
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        execute_run(ws, run.run_id, progress=explode)
    assert ws.store.runs.get(run.run_id).error == "The training stopped: RuntimeError: boom"


def test_a_cancelled_run_stops_at_its_next_report(ws: Workspace) -> None:
    run = request_training(ws, pairs=["EURUSD"], config=ws.config)

    def cancel(_done: float, _what: str) -> None:
        if ws.store.runs.get(run.run_id).status == "running":
            ws.store.runs.cancel(run.run_id)

    with pytest.raises(Conflict, match="cancelled"):
        execute_run(ws, run.run_id, progress=cancel)
    assert ws.store.runs.get(run.run_id).status == "cancelled"


def test_an_interrupt_cancels_the_run_and_says_so(ws: Workspace) -> None:
    run = request_training(ws, pairs=["EURUSD"], config=ws.config)

    def interrupt(_done: float, _what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute_run(ws, run.run_id, progress=interrupt)
    cancelled = ws.store.runs.get(run.run_id)
    assert (cancelled.status, cancelled.error, cancelled.stage) == (
        "cancelled", "Interrupted from the keyboard.", ""
    )  # fmt: skip


@pytest.mark.needs("postgres")  # its driver
def test_a_run_whose_mlflow_is_away_fails_before_it_learns(
    trained: TrainedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = trained.ws
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://app:s3cret@127.0.0.1:{free_port()}/mlflow")
    run = request_training(ws, pairs=["EURUSD"], config=resolve_config(ws.config))
    with pytest.raises(NotReady, match="MLflow at postgresql://"):
        execute_run(ws, run.run_id)
    failed = ws.store.runs.get(run.run_id)
    assert (failed.status, failed.progress) == ("failed", 0.0)
    assert "s3cret" not in str(failed.error)


def test_there_is_no_champion_at_first(ws: Workspace) -> None:
    with pytest.raises(NotFound, match="champion of candleloop: there is none yet"):
        find_run(ws, None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stages.training.enabled", False),
        ("stages.annotation_ingestion.context_padding", 3),
    ],
)
def test_what_no_stage_would_heed_is_refused_by_its_path(key: str, value: Any) -> None:
    with pytest.raises(InvalidConfig, match=f"run: {key}: found .*, expected"):
        resolve_config(small_config(), overrides={key: value})


def test_nothing_is_written_outside_the_home(trained: TrainedHome) -> None:
    assert list(trained.elsewhere.iterdir()) == []
    assert "MLFLOW_TRACKING_URI" not in os.environ
    artifacts = trained.ws.home / "mlflow" / "artifacts"
    logged = sum(run.mlflow_run_id is not None for run in trained.ws.store.runs.list())
    assert len(list(artifacts.rglob("predictor.json"))) == logged
    assert len(list(artifacts.rglob("labeled.parquet"))) == logged


def test_a_training_is_checked_before_it_is_asked_for(ws: Workspace) -> None:
    config, wrong = check_training(ws.config, {"stages.training.seed": 3})
    assert config is not None
    assert (config.stages.training.seed, wrong) == (3, {})
    assert check_training(ws.config, {"stages.training.test_split": 2})[1].keys() == {
        "stages.training.test_split"
    }
    config, wrong = check_training(ws.config, {"stages.annotation_ingestion.context_padding": 3})
    assert config is None
    assert wrong.keys() == {"stages.annotation_ingestion.context_padding"}


def test_a_custom_feature_that_cannot_be_used_is_wrong_at_its_key(ws: Workspace) -> None:
    key = "stages.feature_engineering.custom_features"
    _, wrong = check_training(ws.config, {key: ["nowhere.at_all"]})
    assert wrong.keys() == {key}
    assert wrong[key].startswith("found 'nowhere.at_all', expected module.function")
