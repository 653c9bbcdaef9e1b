from typing import Any

import pytest

from mllib.errors import InvalidAnnotations, NotFound
from mllib.pipeline.evaluating import evaluate_run
from mllib.pipeline.promoting import promote
from mllib.spans import Annotation, ReviewedRange
from tests.pipeline.conftest import TrainedHome


def _evaluated(trained: TrainedHome, pair: str = "EURUSD", **asked: Any) -> dict[str, Any]:
    return evaluate_run(trained.ws, run_id=trained.champion.run_id, pair=pair, timeframe="1h", **asked)


def test_candles_that_training_saw_are_in_sample(trained: TrainedHome) -> None:
    assert trained.champion.metrics is not None
    split = trained.champion.metrics["split"]
    whole = _evaluated(trained)
    assert whole["in_sample"] is True
    assert whole["candle_count"] == 1_500
    after = _evaluated(trained, start_time=split["test_from"])
    assert (after["in_sample"], after["in_sample_candles"]) == (False, 0)
    assert _evaluated(trained, pair="OTHER")["in_sample"] is False


def test_the_test_block_scores_as_in_training(trained: TrainedHome) -> None:
    run = trained.champion
    assert run.metrics is not None
    time = trained.ws.candles.read("EURUSD", "1h").time
    start = int(time[time >= run.metrics["split"]["test_from"]][20])
    again = _evaluated(trained, start_time=start)
    for name in ("accuracy", "f1_macro", "span_counts", "confusion", "candle_count"):
        assert again[name] == run.metrics[name]
    assert again["model_version"] == "1"


def test_it_is_said_how_far_the_candles_are_from_those_of_training(trained: TrainedHome) -> None:
    drift = _evaluated(trained)["input_drift"]
    assert 0 < max(drift.values()) < 0.1
    assert (
        _evaluated(trained, start_time=trained.ws.candles.read("EURUSD", "1h").time[-900])["input_drift"]
        == {}
    )


def test_labels_may_be_layers_and_names(trained: TrainedHome) -> None:
    assert set(_evaluated(trained)["labels"]) == {
        "bull_flag", "bullish_engulfing", "bearish_engulfing", "bullish_doji"
    }  # fmt: skip
    assert _evaluated(trained, labels=["human"])["labels"] == ["bull_flag"]
    assert "bull_flag" not in _evaluated(trained, labels=["talib"])["labels"]
    one = _evaluated(trained, labels=["bullish_engulfing"])
    assert set(one["span_f1"]["0.5"]["per_label"]) == {"bullish_engulfing"}


def test_labels_that_the_model_never_saw_count_as_missed(trained: TrainedHome) -> None:
    ws = trained.ws
    time = ws.candles.read("OTHER", "1h").time.tolist()
    ws.store.annotations.add(
        "OTHER", "1h", [Annotation("star", time[5], time[9], id="s")],
        reviewed=[ReviewedRange(time[0], time[200], frozenset({"star"}))],
    )  # fmt: skip
    metrics = _evaluated(trained, pair="OTHER", labels=["human"])
    assert metrics["labels"] == metrics["unknown_labels"] == ["star"]
    assert metrics["span_counts"]["star"]["true"] == 1
    assert metrics["span_counts"]["star"]["recall"] == 0
    assert metrics["candle_count"] == 201


def test_without_a_run_the_champion_is_evaluated(trained: TrainedHome) -> None:
    found = evaluate_run(trained.ws, run_id=None, pair="EURUSD", timeframe="1H")
    assert found["run_id"] in {trained.champion.run_id, trained.other.run_id}


def test_the_champion_stands_beside_a_run_that_is_not_it(trained: TrainedHome) -> None:
    promote(trained.ws, trained.champion.run_id, moved_by="promote")
    own = _evaluated(trained, pair="OTHER")
    assert own["baseline"]["champion"] == {"skipped": "this is the champion"}
    other = evaluate_run(trained.ws, run_id=trained.other.run_id, pair="OTHER", timeframe="1h")
    beside = other["baseline"]["champion"]
    assert (beside["run_id"], beside["in_sample"]) == (trained.champion.run_id, False)
    own_f1 = own["span_f1"]["0.5"]["per_label"]
    assert beside["per_label"] == {label: own_f1[label] for label in beside["labels"]}


def test_unknown_runs_and_pairs_are_said(trained: TrainedHome) -> None:
    with pytest.raises(NotFound, match="nope"):
        evaluate_run(trained.ws, run_id="nope", pair="EURUSD", timeframe="1h")
    with pytest.raises(NotFound, match="XAUUSD 1h"):
        _evaluated(trained, pair="XAUUSD")


def test_an_unknown_label_and_a_range_nobody_reviewed_are_refused(trained: TrainedHome) -> None:
    with pytest.raises(InvalidAnnotations, match="labels: found humn, expected human, talib or labels"):
        _evaluated(trained, labels=["humn"])
    with pytest.raises(InvalidAnnotations, match="found no candle that was reviewed for these labels"):
        _evaluated(trained, start_time=4_000_000_000)
