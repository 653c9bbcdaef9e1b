"""The gate as a run meets it: refusals in the ledger, verdicts replayed."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mllib.errors import Conflict
from mllib.pipeline.gating import Incumbent, champion_of, replayed
from mllib.pipeline.promoting import load_run, promote
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import open_workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback, Run
from tests.pipeline.conftest import TrainedHome, copy_of


def _train(trained: TrainedHome, **gate: Any) -> Run:
    overrides = {f"stages.training.gate.{key}": value for key, value in gate.items()}
    config = resolve_config(trained.ws.config, overrides=overrides)
    run = request_training(trained.ws, pairs=["EURUSD"], config=config)
    return execute_run(trained.ws, run.run_id)


def _checks(run: Run) -> dict[str, Any]:
    assert run.metrics is not None
    return {check["name"]: check for check in run.metrics["gate"]["checks"]}


def test_a_run_that_is_ready_has_passed_and_says_what_was_looked_at(trained: TrainedHome) -> None:
    checks = _checks(trained.champion)
    assert trained.champion.metrics is not None
    assert trained.champion.metrics["gate"]["passed"] is True
    assert {name: check["passed"] for name, check in checks.items()} == {
        "truncation": True, "span F1": True, "calibration": True, "walk-forward": None, "champion": None,
        "labels": None, "verdicts": None,
    }  # fmt: skip


def test_a_second_model_is_compared_with_the_champion_on_its_test(trained: TrainedHome) -> None:
    assert trained.champion.metrics is not None
    assert trained.other.metrics is not None
    assert trained.champion.metrics["baseline"]["champion"] == {
        "skipped": "there was no champion to compare with"
    }
    beside = trained.other.metrics["baseline"]["champion"]
    assert (beside["run_id"], beside["model_version"]) == (trained.champion.run_id, "1")
    assert beside["in_sample"] is False
    assert beside["span_f1"] == pytest.approx(trained.champion.metrics["span_f1"]["0.5"]["micro"])


def test_after_the_labels_have_changed_models_are_compared_on_those_that_both_know(
    trained: TrainedHome,
) -> None:
    config = resolve_config(
        trained.ws.config,
        layers=["talib"],
        overrides={
            "stages.annotation_ingestion.talib_patterns": ["CDLENGULFING", "CDLLONGLINE"],
            "stages.training.gate.least_span_f1": 0,
        },
    )
    run = execute_run(trained.ws, request_training(trained.ws, pairs=["EURUSD"], config=config).run_id)
    assert run.metrics is not None
    beside = run.metrics["baseline"]["champion"]
    assert beside["labels"] == ["bearish_engulfing", "bullish_engulfing"]
    assert beside["labels_lost"] == ["bull_flag", "bullish_doji"]
    assert set(run.metrics["span_support"]) - set(beside["labels"]) == {
        "bearish_longline",
        "bullish_longline",
    }
    # TA-Lib's doji is a name of one more function; the flags are what people taught.
    assert _checks(run)["labels"]["passed"] is False
    assert run.status == "rejected"
    assert "The champion knows the label bull_flag, which people gave" in str(run.error)
    assert trained.ws.store.champions.current("candleloop").run_id == trained.champion.run_id


def test_a_label_that_was_retired_is_not_missed(trained: TrainedHome, tmp_path: Path) -> None:
    with open_workspace(copy_of(trained, tmp_path / "home"), config=trained.ws.config) as ws:
        ws.store.labels.ensure(["bull_flag"])
        ws.store.labels.retire("bull_flag")
        run = _train(replace(trained, ws=ws))
        assert _checks(run)["labels"]["passed"] is True


def test_a_refused_run_keeps_its_model_and_its_reason_and_the_champion_stays(trained: TrainedHome) -> None:
    before = trained.ws.store.champions.current("candleloop")
    run = _train(trained, least_span_f1=1.0, walk_forward_folds=1)
    assert (run.status, run.model_version, run.stage) == ("rejected", None, "")
    assert run.error is not None
    assert "below the floor of 1." in run.error
    assert _checks(run)["walk-forward"]["passed"] is not None
    assert run.mlflow_run_id is not None
    assert load_run(trained.ws, run).metrics == run.metrics
    assert trained.ws.store.champions.current("candleloop") == before
    with pytest.raises(Conflict, match="the gate refused it"):
        promote(trained.ws, run.run_id, moved_by="load")


def test_a_gate_that_is_off_asks_nothing(trained: TrainedHome) -> None:
    run = _train(trained, enabled=False, least_span_f1=1.0)
    assert run.status == "ready"
    assert list(_checks(run)) == ["gate"]
    promote(trained.ws, trained.champion.run_id, moved_by="promote")


def test_verdicts_are_replayed_as_the_model_predicts(trained: TrainedHome) -> None:
    ws = trained.ws
    predictor = champion_of(ws, "candleloop").predictor
    assert predictor is not None
    candles = ws.candles.read("OTHER", "1h")
    spans = predictor.predict(candles).spans
    right, wrong = spans[10], spans[20]

    def said(action: Any, span: Any, **how: Any) -> Feedback:
        judged = JudgedPrediction(label=span.label, start_time=span.start_time, end_time=span.end_time)
        name = f"{action} {span.start_time} {how}"
        return Feedback(client_id=name, pair="OTHER", timeframe="1h", action=action, prediction=judged, **how)

    feedback = [
        said("confirm", right),
        said("dismiss", wrong),
        said("correct", wrong, label="bull_flag"),
        replace(said("dismiss", wrong), client_id="elsewhere", pair="NOWHERE"),
    ]
    missed = {"label": right.label, "start_time": right.start_time, "end_time": right.end_time}
    feedback += [
        Feedback(client_id="added", pair="OTHER", timeframe="1h", action="add", **missed),
        Feedback(client_id="more", pair="OTHER", timeframe="1h", action="add", **{**missed, "label": "cup"}),
    ]
    place = {"start_time": right.start_time, "end_time": right.end_time}
    none: dict[str, Any] = {"pair": "OTHER", "timeframe": "1h", "action": "nothing", **place}
    feedback += [
        Feedback(client_id="none", labels=(right.label,), **none),
        Feedback(client_id="no cup", labels=("cup",), **none),
    ]
    verdicts = [ws.store.verdicts.record(one)[0] for one in feedback]
    assert replayed(ws, predictor, verdicts) == [True, False, False, None, True, False, False, True]
    for verdict in verdicts:
        ws.store.verdicts.retract(verdict.id)


def test_verdicts_on_a_champion_that_cannot_be_loaded_keep_another_from_serving(
    trained: TrainedHome, tmp_path: Path
) -> None:
    with open_workspace(copy_of(trained, tmp_path / "home"), config=trained.ws.config) as ws:
        shutil.rmtree(ws.predictors / trained.champion.run_id)
        elsewhere = replace(trained, ws=ws)
        run = _train(elsewhere)
        assert (run.status, _checks(run)["verdicts"]["passed"]) == ("ready", None)
        assert "the champion cannot be loaded" in _checks(run)["verdicts"]["said"]

        shutil.rmtree(ws.predictors / run.run_id)
        time = ws.candles.read("EURUSD", "1h").time
        missed = {"label": "bull_flag", "start_time": int(time[10]), "end_time": int(time[12])}
        ws.store.verdicts.record(
            Feedback(client_id="said", pair="EURUSD", timeframe="1h", action="add", **missed)
        )
        assert _train(elsewhere, least_verdicts=2).status == "ready"
        ws.store.champions.move("candleloop", run.run_id, moved_by="load")
        run = _train(elsewhere, least_verdicts=1)
        assert run.status == "rejected"
        assert "does worse on 1 verdict than version" in str(run.error)
        assert ws.store.champions.current("candleloop").run_id != run.run_id


def test_without_a_champion_there_is_no_comparison(trained: TrainedHome) -> None:
    none = Incumbent(None, None, "there was no champion to compare with")
    assert champion_of(trained.ws, "another") == none
