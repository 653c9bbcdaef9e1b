import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllib.encoders.suppression import SAME_IOU, largest_over, unsuppressed
from tests import naive

WINDOWS = st.sets(
    st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda w: (w[0], w[0] + w[1])), max_size=25
)
LEVELS = np.float32([0.1, 0.25, 0.5, 0.9])


def _arrays(windows: set[tuple[int, int]], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """In any order, with probabilities of which many are equal."""
    rng = np.random.default_rng(seed)
    ordered = rng.permutation(np.array(sorted(windows), np.int64).reshape(-1, 2))
    return ordered, rng.choice(LEVELS, len(ordered))


@given(WINDOWS, st.integers(0, 999))
def test_kept_are_the_windows_that_no_more_probable_one_overlaps(
    windows: set[tuple[int, int]], seed: int
) -> None:
    where, P = _arrays(windows, seed)
    expected = naive.unsuppressed(where.tolist(), P.tolist(), SAME_IOU)
    assert unsuppressed(where, P).tolist() == expected


@given(WINDOWS, st.integers(0, 999), st.integers(60, 70))
def test_coverage_is_the_largest_probability_over_each_bar(
    windows: set[tuple[int, int]], seed: int, n_bars: int
) -> None:
    where, P = _arrays(windows, seed)
    _, other = _arrays(windows, seed + 1)
    covered = largest_over(where, np.stack([P, other], axis=1), n_bars)
    assert (covered.dtype, covered.shape) == (np.float64, (n_bars, 2))
    for column, expected in zip(covered.T, (P, other), strict=True):
        assert column.tolist() == naive.largest_over(where.tolist(), expected.tolist(), n_bars)


def test_what_is_kept_does_not_hang_on_a_chain_of_windows() -> None:
    """Each overlaps the next, and each is more probable than the one before: the last alone is kept."""
    where = np.array([[4 * i, 4 * i + 8] for i in range(50)])
    P = np.linspace(0.1, 0.9, 50, dtype=np.float32)
    assert unsuppressed(where, P).tolist() == [49]
    assert unsuppressed(where[:40], P[:40]).tolist() == [39]


@pytest.mark.parametrize("n_bars", [0, 5])
def test_no_windows_cover_nothing(n_bars: int) -> None:
    none = np.empty((0, 2), np.int64)
    assert unsuppressed(none, np.empty(0, np.float32)).tolist() == []
    assert largest_over(none, np.empty((0, 1), np.float32), n_bars).tolist() == [[0.0]] * n_bars
    assert largest_over(np.array([[0, 3]]), np.empty((1, 0), np.float32), 5).shape == (5, 0)


def test_what_is_judged_is_left_as_it_was() -> None:
    where, P = _arrays({(0, 9), (3, 12), (20, 29)}, 1)
    before = where.copy(), P.copy()
    unsuppressed(where, P)
    largest_over(where, P[:, None], 40)
    np.testing.assert_array_equal(where, before[0])
    np.testing.assert_array_equal(P, before[1])
