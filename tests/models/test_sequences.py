"""What holds for networks over sequences beyond the contract of every model."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mllib.encoders import EncodingConfig
from mllib.errors import InvalidConfig
from mllib.explaining import explain
from mllib.features import Column, ContextConfig, compute_features
from mllib.features.window_shape import COLUMNS as OUTLINE
from mllib.gate import GateConfig, check_truncation
from mllib.inference import Predictor
from mllib.models import SEQUENCE_MODELS, Model, create_model, inputs_of, model_class
from mllib.models.step_columns import Steps
from mllib.rows import Rows, Targets
from mllib.training import TrainingConfig, train
from tests.fitted import SMALL_NETWORK
from tests.hills import hills_of
from tests.naive import changed, walk

TORCH = pytest.mark.needs("torch")
NAMES = pytest.mark.parametrize("name", SEQUENCE_MODELS)
HILLS = hills_of(1_200)
CONTEXT = ContextConfig(past_bars=20, future_bars=8, groups=("candle_shape",))
COLUMNS = [Column(f"candle_close@{lag:+d}", 14, max(lag, 0)) for lag in range(-3, 3)]


@lru_cache
def _trained(name: str, encoder_name: str = "bio") -> Predictor:
    return train(
        [HILLS],
        run_id="r",
        encoder_name=encoder_name,
        context=CONTEXT,
        encoding=EncodingConfig(),
        config=TrainingConfig(model_type=name, hyperparameters=SMALL_NETWORK, validation_folds=0),
        progress=lambda *_: None,
    )


def _rows(n: int = 300, *, seed: int = 0) -> tuple[Rows, Targets]:
    """Rows that are positive where closes rise from step to step."""
    X = np.random.default_rng(seed).normal(size=(n, len(COLUMNS))).astype(np.float32)
    Y = (X[:, 3:4] > X[:, 2:3]).astype(np.float32)
    bars, zeros = np.arange(n), np.zeros(n, np.int32)
    rows = Rows(X, zeros, bars, bars + 1, bars, bars, bars, zeros)
    return rows, Targets(("up",), Y, np.ones(Y.shape, bool), np.ones_like(Y))


def _fitted(name: str, progress: Callable[[float, str], None] = lambda *_: None, **given: Any) -> Model:
    model = create_model(name, {**SMALL_NETWORK, **given}, seed=0)
    model.fit(*_rows(), None, columns=COLUMNS, progress=progress)
    return model


def _python(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_pytorch_is_not_imported_before_a_network_is_fitted_or_loaded() -> None:
    script = (
        "import sys; from mllib import models; from mllib.config import Config; "
        "from mllib.config_form import for_model, form_fields; "
        "fields = form_fields(for_model(Config(), 'gru')); "
        "models.model_class('transformer'); print(models.MODEL_NAMES, 'torch' in sys.modules)"
    )
    assert _python(script) == "('random_forest', 'xgboost', 'gru', 'lstm', 'transformer') False"


@pytest.mark.parametrize("asked", ["create_model('lstm', {}, seed=0)", "model_class('lstm').load(Path('x'))"])
def test_without_pytorch_choosing_a_network_says_what_to_install(asked: str) -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path; from mllib.errors import InvalidConfig\n"
        "from mllib.models import create_model, model_class\n"
        "create_model('xgboost', {}, seed=0)\n"
        f"try:\n    {asked}\nexcept InvalidConfig as exc:\n    print(exc)"
    )
    assert _python(script) == (
        "stages.training.model_type: found 'lstm' and no PyTorch, which it needs. Run `make torch`, or "
        "choose another model."
    )


def test_a_candles_row_brings_the_candles_around_it_in_the_order_of_time() -> None:
    context = inputs_of("gru", CONTEXT)
    assert (context.groups, inputs_of("gru", context)) == (("candle_shape", "sequence"), context)
    assert inputs_of("xgboost", CONTEXT) == CONTEXT
    columns = compute_features(walk(0, seed=1), context).columns
    steps = Steps.of(columns, model="gru")
    lags = [{columns[i].name.partition("@")[2] for i in step} for step in steps.order]
    assert lags == [{f"{lag:+d}"} for lag in range(-20, 9)]
    assert steps.judged == 20
    assert len(steps.beside) == len(columns) - 4 * 29
    assert Steps.from_dict(json.loads(json.dumps(steps.to_dict()))) == steps


def test_a_windows_row_brings_its_outline() -> None:
    steps = Steps.of(OUTLINE, model="gru")
    named = [[OUTLINE[i].name for i in step] for step in steps.order]
    assert (len(named), steps.judged) == (16, None)
    assert named[0] == ["path_close_00", "path_high_0", "path_low_0"]
    assert named[-1] == ["path_close_15", "path_high_7", "path_low_7"]


def test_columns_without_a_sequence_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"label_encoding: found rows of 1 columns without a sequence"):
        Steps.of([Column("rsi_14", 14, 0)], model="gru")


@TORCH
@pytest.mark.parametrize(
    ("name", "encoder_name"),
    [("gru", "bio"), ("gru", "combined"), ("lstm", "bio"), ("transformer", "bio")],
)
def test_hills_are_learned_and_told_alike_on_a_slice_and_on_the_whole_history(
    name: str, encoder_name: str, tmp_path: Path
) -> None:
    predictor, candles = _trained(name, encoder_name), HILLS.candles
    assert predictor.metrics["span_f1"]["0.5"]["per_label"]["hill"] > 0.7
    whole = predictor.predict(candles)
    before, after = predictor.encoder.context_bars, predictor.encoder.provisional_bars
    for start, end in ((0, 700), (101, 800), (350, 1_200)):
        part = predictor.predict(candles[start:end])
        settled = slice(before if start else 0, end - start - (after if end < 1_200 else 0))
        same = slice(start + settled.start, start + settled.stop)
        np.testing.assert_array_equal(part.confidence[settled], whole.confidence[same])
        np.testing.assert_array_equal(part.coverage[settled], whole.coverage[same])
    predictor.save(tmp_path / "model")
    again = Predictor.load(tmp_path / "model").predict(candles)
    assert again.to_dict() == whole.to_dict()


@TORCH
@NAMES
def test_what_is_said_of_a_candle_depends_on_the_bars_that_are_declared_and_on_no_other(name: str) -> None:
    predictor, candles = _trained(name), HILLS.candles
    past, future = predictor.encoder.reach
    assert (past, future) == (20, 8)
    bars = np.arange(len(candles))
    judged = 300 + int(np.abs(predictor.scored(candles)[1][300:900] - 0.5).min(axis=1).argmin())
    outside = (bars < judged - past) | (bars > judged + future)
    P = predictor.scored(candles)[1][judged]
    np.testing.assert_array_equal(predictor.scored(changed(candles, outside, seed=1))[1][judged], P)
    for bar in (judged - past, judged + future):
        assert not np.array_equal(predictor.scored(changed(candles, bars == bar, seed=1))[1][judged], P)


@TORCH
@NAMES
def test_the_gate_finds_no_look_ahead(name: str) -> None:
    found = check_truncation(_trained(name), [HILLS.candles], GateConfig(truncation_cuts=4))
    assert found.passed is True, found.said


@TORCH
@NAMES
def test_a_span_is_explained_in_words_that_add_up(name: str) -> None:
    predictor = _trained(name)
    span = predictor.predict(HILLS.candles).spans[3]
    everything = explain(predictor, HILLS.candles, span, most=10_000)
    total = everything.baseline + sum(reason.weight for reason in everything.reasons)
    assert total == pytest.approx(everything.score, abs=1e-3)
    assert any("ranges" in reason.words and "the close of" in reason.words for reason in everything.reasons)


@TORCH
@NAMES
def test_steps_that_are_not_there_are_no_flat_ones(name: str) -> None:
    model, (rows, _) = _fitted(name), _rows(40, seed=5)
    hidden, flat = rows.X.copy(), rows.X.copy()
    hidden[:, :2] = np.nan
    flat[:, :2] = rows.X[:, :2].mean()
    assert not np.allclose(model.predict_proba(hidden), model.predict_proba(flat), atol=1e-6)
    nothing = model.predict_proba(np.full_like(rows.X, np.nan))
    assert np.isfinite(nothing).all()


@TORCH
def test_attention_sees_nothing_of_steps_that_are_not_there() -> None:
    import torch

    network = _fitted("transformer")._network  # type: ignore[attr-defined]  # no other way to its inside
    z, there = torch.randn(8, len(COLUMNS)), torch.ones(8, len(COLUMNS), dtype=torch.bool)
    there[:, :2] = False
    other = z.clone()
    other[:, :2] = 4.0
    with torch.no_grad():
        assert torch.equal(network.judged(z, there)[0], network.judged(z, there)[0])
        shown = network.judged(z, ~torch.zeros_like(there))
        assert not torch.equal(shown, network.judged(other, ~torch.zeros_like(there)))
        torch.testing.assert_close(network.judged(z, there), network.judged(other, there))


@TORCH
def test_fitting_leaves_threads_and_random_numbers_of_others_as_they_were() -> None:
    import torch

    torch.manual_seed(7)
    before = torch.get_rng_state().clone(), torch.get_num_threads()
    _fitted("gru", n_jobs=3).predict_proba(_rows(5)[0].X)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


@TORCH
def test_a_fit_ends_when_progress_says_so() -> None:
    told: list[str] = []

    def cancelled(_done: float, what: str) -> None:
        told.append(what)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _fitted("gru", cancelled)
    assert told == ["epoch 1 of at most 12", "epoch 2 of at most 12"]


@TORCH
def test_a_network_stops_when_what_is_held_out_no_longer_improves() -> None:
    told: list[str] = []
    rows, targets = _rows()
    other = replace(targets, Y=1 - targets.Y)
    model = create_model("gru", {**SMALL_NETWORK, "epochs": 100, "early_stopping_rounds": 3}, seed=0)
    model.fit(rows, targets, (rows, other), columns=COLUMNS, progress=lambda _, what: told.append(what))
    assert len(told) == 4
    assert model.rounds == 1
    assert model.of_rounds(200).hyperparameters.model_dump()["epochs"] == 100


@TORCH
def test_an_epoch_shows_no_more_examples_than_it_may() -> None:
    few, many = (_fitted("gru", epoch_rows=rows, epochs=1) for rows in (1, 300))
    moved = [np.abs(model.predict_proba(_rows()[0].X) - 0.5).max() for model in (few, many)]
    assert moved[0] < moved[1]


@TORCH
def test_a_network_that_was_fitted_on_cuda_loads_where_there_is_none(tmp_path: Path) -> None:
    model = _fitted("lstm")
    model.save(tmp_path)
    description = json.loads((tmp_path / "network.json").read_text())
    description["hyperparameters"]["device"] = "cuda"
    (tmp_path / "network.json").write_text(json.dumps(description))
    X = _rows()[0].X
    again = model_class("lstm").load(tmp_path)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@TORCH
def test_cuda_that_is_asked_for_and_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InvalidConfig, match=r"hyperparameters\.device: found 'cuda' and no CUDA device"):
        _fitted("gru", device="cuda")


@TORCH
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    _fitted("gru").save(tmp_path)
    file = tmp_path / "network.json"
    file.write_text(file.read_text().replace('"hidden": 16', '"hidden": 24'))
    with pytest.raises(ValueError, match="weights of another network"):
        model_class("gru").load(tmp_path)
