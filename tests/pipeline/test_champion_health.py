from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.inference.drift import InputProfile
from mllib.inference.predictor import TrainedRange
from mllib.pipeline.champion_health import champion_health
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.workspace import open_workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback, Run

HOUR = 3_600
BARS = 3_000


def walk(*, step: float, seed: int, first: int = 0) -> Candles:
    """Candles whose closes move by about `step` a bar, with wicks of one."""
    rng = np.random.default_rng(seed)
    close = 1_000 + np.cumsum(rng.normal(0, step, BARS))
    opened = np.concatenate([[1_000], close[:-1]])
    high, low = np.maximum(opened, close) + 1, np.minimum(opened, close) - 1
    time = HOUR * np.arange(first, first + BARS, dtype=np.int64)
    return Candles("EURUSD", "1h", time, opened, high, low, close)


@pytest.fixture
def ws(tmp_path: Path):
    with open_workspace(tmp_path) as opened:
        opened.store.series.ensure("EURUSD", "1h")
        yield opened


def run_of(metrics: dict | None = None) -> Run:
    return SimpleNamespace(run_id="r", model_version=3, metrics=metrics or {})


def predictor_of(profile: InputProfile | None, *, seen: int = BARS):
    part = TrainedRange("EURUSD", "1h", 0, HOUR * (seen - 1))
    return SimpleNamespace(info=SimpleNamespace(run_id="r"), profile=profile, trained_on=(part,))


def found(ws, run: Run, predictor, *, error: str | None = None) -> dict:
    return {one.name: one for one in champion_health(ws, StoredCandles(ws), run, predictor, error=error)}


def test_candles_like_those_of_training_are_well(ws) -> None:
    ws.candles.merge(walk(step=1.0, seed=1))
    health = found(ws, run_of(), predictor_of(InputProfile.learn([walk(step=1.0, seed=2)])))
    assert health["Inputs"].ok is True
    assert "as in training" in health["Inputs"].said


def test_candles_unlike_those_of_training_are_named(ws) -> None:
    ws.candles.merge(walk(step=8.0, seed=1))
    health = found(ws, run_of(), predictor_of(InputProfile.learn([walk(step=1.0, seed=2)])))
    assert health["Inputs"].ok is False
    assert "EURUSD 1h" in health["Inputs"].said


def test_candles_that_came_after_training_are_counted(ws) -> None:
    ws.candles.merge(walk(step=1.0, seed=1))
    assert "500 stored candles newer" in found(ws, run_of(), predictor_of(None, seen=2_500))["Data"].said


def test_a_model_that_cannot_be_loaded_and_a_gate_that_was_passed_over_are_said(ws) -> None:
    gate = {"checks": [{"passed": False, "said": "Span F1 is 0.1."}, {"passed": True, "said": "Fine."}]}
    health = found(ws, run_of({"gate": gate}), None, error="predictor r: it is damaged.")
    assert (health["Serving"].ok, health["Serving"].said) == (False, "predictor r: it is damaged.")
    assert (health["Gate"].ok, health["Gate"].said) == (False, "Promoted over the gate: Span F1 is 0.1.")


def test_what_people_say_counts_from_ten_verdicts_on(ws) -> None:
    for i in range(12):
        _judge(ws, i, "confirm" if i < 2 else "dismiss", version="3")
        _judge(ws, 100 + i, "confirm", version="2")
        if i == 8:
            assert found(ws, run_of(), None)["Verdicts"].ok is None
    verdicts = found(ws, run_of(), None)["Verdicts"]
    assert verdicts.ok is False
    assert "2 of 12 predictions" in verdicts.said


def _judge(ws, at: int, action: str, *, version: str) -> None:
    seen = JudgedPrediction(label="flag", confidence=0.8, start_time=at * HOUR, end_time=(at + 4) * HOUR)
    seen = replace(seen, model_version=version)
    ws.store.verdicts.record(
        Feedback(client_id=f"{version} {at}", pair="EURUSD", timeframe="1h", action=action, prediction=seen)
    )
