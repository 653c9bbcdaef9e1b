"""Several models as one: what each part scores, adds and keeps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mllib.models import Model, create_model
from mllib.models.parted import Parted, joined, load_model
from mllib.rows import Part, Rows, Targets
from tests.fitted import TREES

PARTS = (Part((0, 3), (0, 2), most_bars=1), Part((3, 5), (2, 3), least_bars=2))
SMALL = {"n_estimators": 12, "n_jobs": 1}
N = 300
rng = np.random.default_rng(0)
LONG = rng.random(N) < 0.4
X = rng.normal(size=(N, 5)).astype(np.float32)
X[LONG, :3] = np.nan
X[~LONG, 3:] = np.nan
MODELS = pytest.mark.parametrize("name", TREES)


def _rows() -> Rows:
    bars, zeros = np.arange(N), np.zeros(N, np.int32)
    return Rows(X, zeros, bars, bars + np.where(LONG, 7, 1), bars, bars, bars, zeros)


def _fitted(name: str) -> list[Model]:
    rows = _rows()
    Y = (np.nan_to_num(X[:, [0, 1, 3]]) > 0.3).astype(np.float32)
    mask = np.stack([~LONG, ~LONG, LONG], axis=1)
    targets = Targets(("B-a", "B-b", "c"), Y, mask, np.ones_like(Y))
    models = []
    for part in PARTS:
        own = part.holds(rows)
        model = create_model(name, SMALL, seed=0)
        shown = rows.take(own)
        model.fit(
            replace(shown, X=part.inputs(shown.X)), targets.of(part).take(own), None, progress=lambda *_: None
        )
        models.append(model)
    return models


def test_parts_hold_rows_by_their_length() -> None:
    rows = _rows()
    np.testing.assert_array_equal(PARTS[0].holds(rows), ~LONG)
    np.testing.assert_array_equal(PARTS[1].holds(rows), LONG)


@MODELS
def test_each_row_is_scored_by_the_model_of_its_part_and_is_nothing_of_the_others(name: str) -> None:
    models = _fitted(name)
    P = joined(PARTS, models).predict_proba(X)
    assert (P.dtype, P.shape) == (np.float32, (N, 3))
    np.testing.assert_array_equal(P[~LONG, :2], models[0].predict_proba(X[~LONG, :3]))
    np.testing.assert_array_equal(P[LONG, 2:], models[1].predict_proba(X[LONG, 3:]))
    assert not P[LONG, :2].any()
    assert not P[~LONG, 2].any()
    assert joined(PARTS, models).predict_proba(X[:0]).shape == (0, 3)
    alone = np.concatenate([joined(PARTS, models).predict_proba(X[i : i + 1]) for i in range(20)])
    np.testing.assert_array_equal(alone, P[:20])


@MODELS
def test_inputs_of_other_parts_add_nothing_to_a_score(name: str) -> None:
    models = _fitted(name)
    both = joined(PARTS, models)
    added = both.contributions(X[LONG], 2)
    assert added.shape == (LONG.sum(), 6)
    assert not added[:, :3].any()
    np.testing.assert_array_equal(added[:, 3:], models[1].contributions(X[LONG, 3:], 0))
    of_bars = both.contributions(X[~LONG], 1)
    assert not of_bars[:, 3:5].any()
    np.testing.assert_array_equal(of_bars[:, [0, 1, 2, 5]], models[0].contributions(X[~LONG, :3], 1))


@MODELS
def test_what_was_saved_scores_alike(name: str, tmp_path: Path) -> None:
    both = joined(PARTS, _fitted(name))
    both.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part_0", "part_1"]
    again = load_model(name, PARTS, tmp_path)
    np.testing.assert_array_equal(again.predict_proba(X), both.predict_proba(X))


def test_one_part_is_its_model() -> None:
    (model, _) = _fitted("xgboost")
    assert joined(PARTS[:1], [model]) is model
    assert isinstance(joined(PARTS, _fitted("xgboost")), Parted)
