"""One contract for every model of the registry."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mllib.errors import InvalidConfig
from mllib.features import Column
from mllib.models import SEQUENCE_MODELS, Model, create_model, model_class
from mllib.rows import Rows, Targets
from tests.fitted import ALL_MODELS, SMALL_NETWORK

SMALL = {
    "random_forest": {"n_estimators": 12},
    "xgboost": {"n_estimators": 12, "learning_rate": 0.3},
    **dict.fromkeys(SEQUENCE_MODELS, SMALL_NETWORK),
}
ROUNDS = {
    "random_forest": "n_estimators",
    "xgboost": "n_estimators",
    **dict.fromkeys(SEQUENCE_MODELS, "epochs"),
}
MODELS = pytest.mark.parametrize("name", ALL_MODELS)
COLUMNS = [Column(name, 0, 0) for name in ("candle_close@-1", "candle_close@+0", "c", "d", "e", "f")]
"""What the six features are: two steps of a sequence, and four beside it."""


def _rows(n: int, *, seed: int, f: int = 6) -> Rows:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, f)).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    bars = np.arange(n, dtype=np.int64)
    zeros = np.zeros(n, np.int32)
    return Rows(X, zeros, bars, bars + 1, bars, bars, bars, zeros)


def _targets(rows: Rows, *, k: int = 3) -> Targets:
    """Column c is one where feature c is high."""
    Y = (np.nan_to_num(rows.X[:, :k]) > 0.5).astype(np.float32)
    return Targets(tuple("abcdef"[:k]), Y, np.ones(Y.shape, bool), np.ones(Y.shape, np.float32))


def _masked(targets: Targets, mask: np.ndarray) -> Targets:
    return Targets(targets.columns, targets.Y, mask, targets.weights)


def _fitted(name: str, rows: Rows, targets: Targets, *, seed: int = 0, validated: bool = False) -> Model:
    model = create_model(name, SMALL[name], seed=seed)
    held_out = (
        (_rows(100, seed=99), _targets(_rows(100, seed=99), k=targets.Y.shape[1])) if validated else None
    )
    model.fit(rows, targets, held_out, columns=COLUMNS, progress=lambda *_: None)
    return model


ROWS = _rows(400, seed=1)
TARGETS = _targets(ROWS)
NEW = _rows(80, seed=2)


@MODELS
def test_probabilities_have_a_column_for_each_target(name: str) -> None:
    P = _fitted(name, ROWS, TARGETS).predict_proba(NEW.X)
    assert P.shape == (80, 3)
    assert P.dtype == np.float32
    assert ((P >= 0) & (P <= 1)).all()
    assert _fitted(name, ROWS, TARGETS).predict_proba(NEW.X[:0]).shape == (0, 3)


@MODELS
def test_a_model_learns_what_there_is_to_learn(name: str) -> None:
    P = _fitted(name, ROWS, TARGETS).predict_proba(NEW.X)
    Y = _targets(NEW).Y
    for column in range(3):
        assert P[Y[:, column] > 0, column].mean() > P[Y[:, column] == 0, column].mean() + 0.2


@MODELS
@pytest.mark.parametrize("validated", [False, True])
def test_the_same_seed_gives_the_same_probabilities(name: str, validated: bool) -> None:
    one, again = (
        _fitted(name, ROWS, TARGETS, seed=5, validated=validated).predict_proba(NEW.X) for _ in "ab"
    )
    np.testing.assert_array_equal(one, again)
    other = _fitted(name, ROWS, TARGETS, seed=6, validated=validated).predict_proba(NEW.X)
    assert not np.array_equal(one, other)


@MODELS
def test_a_row_is_scored_alike_alone_and_among_others(name: str) -> None:
    model = _fitted(name, ROWS, TARGETS)
    together = model.predict_proba(NEW.X)
    alone = np.concatenate([model.predict_proba(NEW.X[i : i + 1]) for i in range(80)])
    np.testing.assert_array_equal(together, alone)


@MODELS
def test_a_saved_model_gives_the_same_probabilities_and_holds_no_pickle(name: str, tmp_path: Path) -> None:
    model = _fitted(name, ROWS, TARGETS, validated=True)
    model.save(tmp_path)
    loaded = model_class(name).load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(NEW.X), model.predict_proba(NEW.X))
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert files
    for path in files:
        assert path.suffix in {".json", ".ubj", ".skops", ".npz"}
        assert path.read_bytes()[:1] != b"\x80"  # how a pickle starts
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                assert all(arrays[array].dtype == np.float32 for array in arrays)
        if path.suffix == ".skops":
            inside = zipfile.ZipFile(path)
            assert {Path(entry).suffix for entry in inside.namelist()} <= {".json", ".npy", ".npz"}
            json.loads(inside.read("schema.json"))


@MODELS
def test_what_a_model_learns_from_is_left_as_it_was(name: str) -> None:
    rows, targets = _rows(200, seed=3), _targets(_rows(200, seed=3))
    before = [a.copy() for a in (rows.X, targets.Y, targets.mask, targets.weights)]
    held_out = _rows(60, seed=4)
    for one in (rows.X, targets.Y, targets.mask, targets.weights, held_out.X):
        one.setflags(write=False)
    model = create_model(name, SMALL[name], seed=0)
    model.fit(rows, targets, (held_out, _targets(held_out)), columns=COLUMNS, progress=lambda *_: None)
    model.predict_proba(rows.X)
    for array, was in zip((rows.X, targets.Y, targets.mask, targets.weights), before, strict=True):
        np.testing.assert_array_equal(array, was)


MASKS = {
    "one mask": lambda rng: np.repeat(rng.random((400, 1)) < 0.6, 3, axis=1),
    "a mask a column": lambda rng: rng.random((400, 3)) < [0.6, 0.9, 0.4],
    "two alike": lambda rng: np.repeat(rng.random((400, 2)) < 0.6, [1, 2], axis=1),
}


@MODELS
@pytest.mark.parametrize("kind", MASKS)
def test_what_is_not_known_has_no_influence(name: str, kind: str) -> None:
    mask = MASKS[kind](np.random.default_rng(7))
    flipped = Targets(
        TARGETS.columns,
        np.where(mask, TARGETS.Y, 1 - TARGETS.Y).astype(np.float32),
        mask,
        np.where(mask, TARGETS.weights, 17).astype(np.float32),
    )
    as_known = _fitted(name, ROWS, _masked(TARGETS, mask)).predict_proba(NEW.X)
    as_flipped = _fitted(name, ROWS, flipped).predict_proba(NEW.X)
    np.testing.assert_array_equal(as_known, as_flipped)
    assert as_known[_targets(NEW).Y[:, 1] > 0, 1].mean() > as_known[:, 1].mean()


@MODELS
def test_one_target_column_is_enough(name: str, tmp_path: Path) -> None:
    model = _fitted(name, ROWS, _targets(ROWS, k=1), validated=True)
    P = model.predict_proba(NEW.X)
    assert P.shape == (80, 1)
    model.save(tmp_path)
    np.testing.assert_array_equal(model_class(name).load(tmp_path).predict_proba(NEW.X), P)


@MODELS
def test_a_column_without_any_positive_is_improbable_everywhere(name: str) -> None:
    Y = TARGETS.Y.copy()
    Y[:, 1] = 0
    P = _fitted(name, ROWS, Targets(TARGETS.columns, Y, TARGETS.mask, TARGETS.weights)).predict_proba(NEW.X)
    assert P[:, 1].max() < 0.05
    assert P[:, 0].max() > 0.5


@MODELS
def test_a_column_of_which_nothing_is_known_is_improbable_everywhere(name: str) -> None:
    mask = TARGETS.mask.copy()
    mask[:, 1] = False
    P = _fitted(name, ROWS, _masked(TARGETS, mask)).predict_proba(NEW.X)
    assert P.shape == (80, 3)
    assert P[:, 1].max() < 0.05


@MODELS
def test_weights_make_positives_more_probable(name: str) -> None:
    heavy = np.where(TARGETS.Y > 0, 10, 1).astype(np.float32)
    plain = _fitted(name, ROWS, TARGETS).predict_proba(NEW.X)
    weighted = _fitted(name, ROWS, Targets(TARGETS.columns, TARGETS.Y, TARGETS.mask, heavy)).predict_proba(
        NEW.X
    )
    assert weighted.mean() > plain.mean()


@MODELS
def test_progress_rises_to_the_end(name: str) -> None:
    told: list[float] = []
    model = create_model(name, SMALL[name], seed=0)
    model.fit(
        ROWS, TARGETS, None, columns=COLUMNS, progress=lambda done, what: told.append(done) if what else None
    )
    assert told == sorted(told)
    assert told[-1] == 1.0


@MODELS
def test_an_unknown_hyperparameter_is_named_with_its_yaml_path(name: str) -> None:
    with pytest.raises(
        InvalidConfig, match=rf"stages\.training\.hyperparameters\.n_trees: found 5 for {name}"
    ):
        create_model(name, {"n_trees": 5}, seed=0)


@MODELS
@pytest.mark.parametrize("value", [0, "many", None, 1.5])
def test_a_hyperparameter_out_of_range_is_named_with_its_yaml_path(name: str, value: object) -> None:
    with pytest.raises(
        InvalidConfig, match=r"stages\.training\.hyperparameters\.(n_estimators|epochs): found"
    ):
        create_model(name, {ROUNDS[name]: value}, seed=0)


@pytest.mark.parametrize("value", ["some", -1.0, 0.0, 2.0])
def test_a_share_of_features_that_no_forest_takes_is_refused(value: object) -> None:
    with pytest.raises(InvalidConfig, match=r"stages\.training\.hyperparameters\.max_features"):
        create_model("random_forest", {"max_features": value}, seed=0)


def test_an_unknown_model_is_named_with_those_that_there_are() -> None:
    with pytest.raises(
        InvalidConfig, match=r"stages\.training\.model_type: found 'oracle', expected one of random"
    ):
        create_model("oracle", {}, seed=0)


def test_xgboost_stops_early_when_validation_no_longer_improves() -> None:
    told: list[float] = []
    rng = np.random.default_rng(0)
    noise = Targets(("a",), (rng.random((400, 1)) < 0.3).astype(np.float32), np.ones((400, 1), bool),
                    np.ones((400, 1), np.float32))  # fmt: skip
    model = create_model("xgboost", {"n_estimators": 500, "early_stopping_rounds": 3}, seed=0)
    held_out = (_rows(400, seed=50), Targets(("a",), noise.Y[::-1].copy(), noise.mask, noise.weights))
    model.fit(ROWS, noise, held_out, progress=lambda done, _: told.append(done))
    assert max(told) < 0.5


def test_a_forest_grows_on_a_handful_of_rows() -> None:
    rows = _rows(7, seed=3)
    model = create_model("random_forest", SMALL["random_forest"], seed=0)
    model.fit(rows, _targets(rows), None, columns=COLUMNS, progress=lambda *_: None)
    assert model.predict_proba(rows.X).shape == (7, 3)
