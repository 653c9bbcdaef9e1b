from itertools import combinations
from math import factorial

import numpy as np
import pytest

from mllib.features import Column
from mllib.models import SEQUENCE_MODELS, Model, create_model
from mllib.models.contributions import ScalarTree, contributions
from mllib.rows import Rows, Targets
from tests.fitted import ALL_MODELS, SMALL_NETWORK

FEATURES = 4
COLUMNS = [Column(name, 0, 0) for name in ("candle_close@-1", "candle_close@+0", "c", "d")]


def _fitted(name: str, columns: int = 3, n: int = 600) -> tuple[Model, np.ndarray]:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, FEATURES)).astype(np.float32)
    X[rng.random(X.shape) < 0.1] = np.nan
    known = np.nan_to_num(X)
    Y = np.stack([known[:, 0] > 0, known[:, 1] > 0.3, known[:, 2] * known[:, 0] > 0], axis=1)[:, :columns]
    bars = np.arange(n, dtype=np.int64)
    rows = Rows(X, bars * 0, bars, bars + 1, bars, bars, bars, bars * 0)
    targets = Targets(
        tuple("abc"[:columns]), Y.astype(np.float32), np.ones(Y.shape, bool), np.ones(Y.shape, np.float32)
    )
    small = SMALL_NETWORK if name in SEQUENCE_MODELS else {"n_estimators": 12, "n_jobs": 1}
    model = create_model(name, small, seed=0)
    model.fit(rows, targets, None, columns=COLUMNS, progress=lambda *_: None)
    return model, X


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("name", ALL_MODELS)
def test_contributions_add_up_to_what_the_model_says(name: str, columns: int) -> None:
    model, X = _fitted(name, columns)
    P = model.predict_proba(X[:50])
    for column in range(columns):
        total = model.contributions(X[:50], column).sum(axis=1)
        said = 1 / (1 + np.exp(-total)) if name != "random_forest" else total
        np.testing.assert_allclose(said, P[:, column], atol=2e-5)


@pytest.mark.parametrize("name", ALL_MODELS)
def test_what_a_column_does_not_depend_on_adds_least(name: str) -> None:
    model, X = _fitted(name)
    strength = np.abs(model.contributions(X, 1)[:, :-1]).mean(axis=0)
    assert strength.argmax() == 1
    assert strength[3] < 0.2 * strength[1]


TREE = ScalarTree(
    left=np.array([1, 3, -1, -1, -1]),
    right=np.array([2, 4, -1, -1, -1]),
    feature=np.array([0, 1, 0, 0, 0]),
    threshold=np.array([0.5, 0.5, 0, 0, 0], np.float32),
    nan_left=np.array([True, False, False, False, False]),
    value=np.array([0, 0, 3, 1, 2], np.float32),
    cover=np.array([10, 6, 4, 2, 4], np.float32),
)


def _expected(x: np.ndarray, known: set[int], node: int = 0) -> float:
    """The tree's mean where only some features are known: unknown ones go both ways, by cover."""
    if TREE.left[node] < 0:
        return float(TREE.value[node])
    sides = [int(TREE.left[node]), int(TREE.right[node])]
    feature = int(TREE.feature[node])
    if feature in known:
        below = TREE.nan_left[node] if np.isnan(x[feature]) else x[feature] < TREE.threshold[node]
        return _expected(x, known, sides[0] if below else sides[1])
    return sum(TREE.cover[side] * _expected(x, known, side) for side in sides) / TREE.cover[node]


@pytest.mark.parametrize("x", [[0, 0], [0, 1], [1, 0], [np.nan, np.nan], [0.5, 0]])
def test_contributions_are_shapley_values_by_their_definition(x: list[float]) -> None:
    row = np.array(x, np.float32)
    shapley = []
    for feature in (0, 1):
        others, total = {0, 1} - {feature}, 0.0
        for size in range(2):
            for known in combinations(others, size):
                weight = factorial(size) * factorial(1 - size) / factorial(2)
                gain = _expected(row, {*known, feature}) - _expected(row, set(known))
                total += weight * gain
        shapley.append(total)
    found = contributions([TREE], row[None])[0]
    np.testing.assert_allclose(found, [*shapley, _expected(row, set())], atol=1e-6)
