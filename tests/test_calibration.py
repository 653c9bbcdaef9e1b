import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.calibration import Calibration, reliability, undo_weights, with_temperatures
from mllib.models import create_model
from mllib.rows import Rows, Targets
from tests.fitted import TREES
from tests.naive import calibration_error, log_loss


def _targets(Y: np.ndarray, mask: np.ndarray | None = None, weights: np.ndarray | None = None) -> Targets:
    Y = np.asarray(Y, np.float32)
    columns = tuple(f"c{i}" for i in range(Y.shape[1]))
    known = np.ones(Y.shape, bool) if mask is None else mask
    return Targets(columns, Y, known, np.ones_like(Y) if weights is None else weights.astype(np.float32))


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-z))).astype(np.float32)


def _drawn(n: int, *, temperature: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What a model says that is too sure by a temperature, and what happens."""
    rng = np.random.default_rng(seed)
    z = rng.normal(-1, 1.5, (n, 1))
    return _sigmoid(z * temperature), (rng.random((n, 1)) < _sigmoid(z)).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_that_spoilt_the_probabilities_is_found(temperature: float) -> None:
    P, Y = _drawn(20_000, temperature=temperature, seed=1)
    calibration, left = with_temperatures(Calibration.none(1), P, _targets(Y), ["a"])
    assert not left
    assert calibration.temperatures[0] == pytest.approx(temperature, rel=0.06)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), temperature=st.floats(0.4, 3), other=st.floats(0.3, 4))
def test_no_other_temperature_explains_the_rows_better(seed: int, temperature: float, other: float) -> None:
    P, Y = _drawn(300, temperature=temperature, seed=seed)
    best, left = with_temperatures(Calibration.none(1), P, _targets(Y), ["a"])
    if not left:
        worse = Calibration((0.0,), (other,))
        prior = [math.log(t) ** 2 * 2 for t in (best.temperatures[0], other)]
        losses = [log_loss(one.apply(P), Y) * 300 for one in (best, worse)]
        assert losses[0] + prior[0] <= losses[1] + prior[1] + 1e-2


def test_what_a_few_rows_tell_apart_perfectly_asks_for_no_extreme_temperature() -> None:
    P = np.repeat(np.array([[0.9], [0.1]], np.float32), 15, axis=0)
    calibration, _ = with_temperatures(Calibration.none(1), P, _targets(P > 0.5), ["a"])
    assert 0.4 < calibration.temperatures[0] < 0.9


def test_calibrating_lowers_the_calibration_error() -> None:
    P, Y = _drawn(20_000, temperature=2.5, seed=2)
    calibration, _ = with_temperatures(Calibration.none(1), P, _targets(Y), ["a"])
    before, after = (reliability(p, _targets(Y), ["a"])["pooled"] for p in (P, calibration.apply(P)))
    assert after["ece"] < before["ece"] / 3
    assert after["log_loss"] < before["log_loss"]


def test_columns_of_one_label_share_a_temperature_and_unknown_cells_do_not_count() -> None:
    P, Y = _drawn(6_000, temperature=2, seed=3)
    P3, Y3 = np.hstack([P, P, P]), np.hstack([Y, Y, 1 - Y])
    mask = np.ones(Y3.shape, bool)
    mask[:, 2] = False
    calibration, left = with_temperatures(
        Calibration.none(3), P3, _targets(Y3, mask), ["flag", "flag", "wedge"]
    )
    assert calibration.temperatures[0] == calibration.temperatures[1] == pytest.approx(2, rel=0.1)
    assert calibration.temperatures[2] == 1
    assert left == {"wedge": "wedge: 0 positive and 0 negative cells held out for calibration, fewer than 10"}


def test_without_enough_positives_a_temperature_stays_1() -> None:
    P, Y = _drawn(500, temperature=3, seed=4)
    rare = np.zeros_like(Y)
    rare[:9] = 1
    calibration, left = with_temperatures(Calibration.none(1), P, _targets(rare), ["rare"])
    assert calibration.temperatures == (1.0,)
    assert left["rare"].startswith("rare: 9 positive and 491 negative")
    empty, left = with_temperatures(Calibration.none(1), P[:0], _targets(Y[:0]), ["rare"])
    assert empty.temperatures == (1.0,)
    assert "rare" in left


def test_weights_on_positives_are_taken_off_the_log_odds() -> None:
    Y = np.array([[1, 1], [0, 0], [0, 0], [1, 1]])
    weights = np.where(Y > 0, [8.0, 1.0], 1.0)
    weights[1, 1] = 4.0  # known, but weighing more
    undone = undo_weights(_targets(Y, weights=weights)).undone
    assert undone == pytest.approx((math.log(8), math.log(1 / 2.5)))
    one_kind = undo_weights(_targets(np.array([[1, 0], [1, 0]])))
    assert one_kind.undone == (0.0, 0.0)


@pytest.mark.parametrize("name", TREES)
def test_a_model_trained_with_weights_gets_its_base_rate_back(name: str) -> None:
    rng = np.random.default_rng(5)
    n = 4_000
    X = rng.normal(size=(n, 3)).astype(np.float32)
    Y = (rng.random((n, 2)) < _sigmoid(X[:, :2] - 2.5)).astype(np.float32)
    weights = np.where(Y > 0, [6.0, 3.0], 1.0).astype(np.float32)
    targets = _targets(Y, weights=weights)
    bars, zeros = np.arange(n), np.zeros(n, np.int32)
    model = create_model(name, {"n_estimators": 40, "n_jobs": 1}, seed=0)
    model.fit(
        Rows(X, zeros, bars, bars + 1, bars, bars, bars, zeros), targets, None, progress=lambda *_: None
    )
    P = model.predict_proba(X)
    undone = undo_weights(Targets(targets.columns, Y, targets.mask, model.weights_used(targets)))
    assert (P.mean(axis=0) > Y.mean(axis=0) * 1.5).all()
    np.testing.assert_allclose(undone.apply(P).mean(axis=0), Y.mean(axis=0), rtol=0.2)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), ties=st.booleans())
def test_reliability_is_that_of_the_slow_reference(seed: int, n: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    P = rng.random((n, 3)).astype(np.float32)
    P = P.round(1) if ties else P
    Y, mask = rng.random((n, 3)) < P, rng.random((n, 3)) < 0.7
    said = reliability(P, _targets(Y, mask), ["a", "a", "b"])
    for found, columns in ((said["pooled"], [0, 1, 2]), (said["per_label"]["b"], [2])):
        pairs = [(float(P[i, j]), bool(Y[i, j])) for i in range(n) for j in columns if mask[i, j]]
        if not pairs:
            assert found is None
            continue
        error, bins = calibration_error(pairs, bins=10)
        assert found["ece"] == pytest.approx(error, abs=1e-12)
        np.testing.assert_allclose(found["bins"], bins, atol=1e-6)
        assert (found["cells"], found["positives"]) == (len(pairs), sum(true for _, true in pairs))


def test_calibrated_probabilities_are_finite_keep_their_order_and_are_alike_alone() -> None:
    P = np.linspace(0, 1, 1_001, dtype=np.float32)[:, None]
    calibration = Calibration((1.5,), (1.7,))
    calibrated = calibration.apply(P)
    assert calibrated.dtype == np.float32
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    assert (np.diff(calibrated[:, 0]) >= 0).all()
    alone = np.concatenate([calibration.apply(P[i : i + 1]) for i in range(len(P))])
    np.testing.assert_array_equal(alone, calibrated)
    assert Calibration.none(1).apply(P) is P


def test_a_calibration_survives_being_written_down() -> None:
    calibration = Calibration((1.5, 0.0), (1.7, 1.0))
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration
