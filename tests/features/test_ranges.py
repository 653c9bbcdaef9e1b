"""Extremes and running values of ranges against loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mllib.features.ranges import Highest, RangeMaxima, running

VALUES = st.lists(st.integers(1, 6), min_size=1, max_size=40).map(lambda x: np.array(x, np.float64))
"""Few levels, so that many values are equal."""


def _ranges(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, n, 30)
    return first, rng.integers(first, n)


@given(VALUES, st.integers(0, 999))
def test_maxima_and_where_the_first_one_is_are_those_of_a_loop(values: np.ndarray, seed: int) -> None:
    first, last = _ranges(len(values), seed)
    longest = int((last - first).max()) + 1
    largest = RangeMaxima.of(values, longest=longest).over(first, last)
    bar = Highest.of(values, longest=longest).within(first, last)
    for a, b, found, at in zip(first.tolist(), last.tolist(), largest, bar, strict=True):
        inside = values[a : b + 1].tolist()
        assert found == max(inside)
        assert at == a + inside.index(max(inside))


def test_the_maximum_of_nothing_is_0() -> None:
    maxima = RangeMaxima.of(np.array([3, 4, 5], np.int16), longest=2)
    assert maxima.over(np.array([0, 2, 3]), np.array([-1, 1, 1])).tolist() == [0, 0, 0]


@given(VALUES, st.integers(0, 999))
def test_running_values_are_those_from_the_first_bar_of_each_range(values: np.ndarray, seed: int) -> None:
    first, last = _ranges(len(values), seed)
    total, most = running(
        lambda at: (np.cumsum(values[at], axis=1), np.maximum.accumulate(values[at], axis=1)), first, last
    )
    assert total.tolist() == [values[a : b + 1].sum() for a, b in zip(first, last, strict=True)]
    assert most.tolist() == [values[a : b + 1].max() for a, b in zip(first, last, strict=True)]
