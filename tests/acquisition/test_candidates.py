import numpy as np
import pytest

from mllib.acquisition import Candidates, confidences, distribution, islands, near_misses

NONE = np.zeros((0, 2), np.int64)


def coverage(n: int, *stretches: tuple[int, int, int, float]) -> np.ndarray:
    """Two labels' coverage: stretches of label, first bar, end bar, probability."""
    found = np.zeros((n, 2), np.float32)
    for column, first, end, value in stretches:
        found[first:end, column] = value
    return found


def test_rows_add_up_and_no_pattern_is_what_the_most_probable_label_leaves() -> None:
    rows = distribution(np.array([[0.48, 0.0], [0.9, 0.9], [0.0, 0.0], [1.2, 0.0]]))
    assert rows.sum(axis=1) == pytest.approx(np.ones(4))
    assert rows[0] == pytest.approx([0.52, 0.48, 0.0])
    assert rows[1] == pytest.approx([0.1 / 1.9, 0.9 / 1.9, 0.9 / 1.9])
    assert rows[2].tolist() == [1.0, 0.0, 0.0]
    assert rows[3].tolist() == [0.0, 1.0, 0.0]


def test_the_confidence_in_a_place_is_the_mean_of_its_bars() -> None:
    at = np.array([[0, 4], [2, 3], [5, 5]])
    expected = [[0.5, 0.25], [1.0, 0.0], [0.0, 0.0]]
    assert confidences(coverage(6, (0, 2, 4, 1.0), (1, 0, 1, 1.0)), at).tolist() == expected


def test_islands_are_runs_of_bars() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        held = rng.random(30) < 0.5
        bars = [bar for first, end in islands(held).tolist() for bar in range(first, end)]
        assert bars == np.flatnonzero(held).tolist()
        assert not any(held[end] for _, end in islands(held).tolist() if end < 30)


def test_what_is_probable_and_not_predicted_is_a_near_miss() -> None:
    probable = coverage(100, (0, 10, 20, 0.4), (0, 50, 60, 0.9), (1, 80, 90, 0.3))
    at, label = near_misses(probable, [np.array([[50, 60]]), NONE], least=0.25)
    assert at.tolist() == [[10, 20], [80, 90]]
    assert label.tolist() == [0, 1]
    assert len(near_misses(probable, [np.array([[50, 60]]), NONE], least=0.5)[0]) == 0


def test_the_flank_of_a_predicted_span_is_no_near_miss() -> None:
    probable = coverage(100, (0, 40, 70, 0.3), (0, 50, 60, 0.9))
    assert len(near_misses(probable, [np.array([[50, 60]]), NONE], least=0.25)[0]) == 0


def test_near_misses_are_as_long_as_the_spans_of_their_label_are() -> None:
    probable = coverage(200, (0, 10, 13, 0.4), (0, 100, 160, 0.4))
    probable[150, 0] = 0.6
    at, _ = near_misses(probable, [np.array([[30, 40], [60, 80]]), NONE], least=0.25)
    assert at.tolist() == [[140, 160]]


def test_tables_of_several_series_are_joined() -> None:
    one = Candidates.on_one_series(np.array([[0, 3]]), np.array([1]))
    both = Candidates.joined([one, one])
    assert len(both) == 2
    assert both.label.tolist() == [1, 1]
