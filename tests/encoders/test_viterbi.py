import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.encoders.viterbi import decode_islands, islands
from tests import naive

BOOLEANS = st.lists(st.sampled_from([True, True, True, False]), max_size=60)


@settings(deadline=None)
@given(BOOLEANS, st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_islands_are_runs_broken_on_the_grid(inside: list[bool], reach: int, seed: int) -> None:
    steps = np.random.default_rng(seed).choice([1, 1, 1, 2, 7], size=len(inside))
    grid = np.cumsum(steps) // reach
    ticks = [False, *(np.diff(grid) > 0).tolist()][: len(inside)]
    found = islands(np.array(inside, bool), grid, reach)
    assert [tuple(island) for island in found.tolist()] == naive.islands(inside, ticks, reach)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.sampled_from([-2.0, 0.0, 2.0, 4.0]))
def test_each_island_gets_the_most_likely_lane(seed: int, n: int, enter_cost: float) -> None:
    rng = np.random.default_rng(seed)
    begin, inside = rng.random(n) ** 2, rng.random(n)
    borders = np.sort(rng.choice(n + 1, size=min(4, n + 1) // 2 * 2, replace=False)).reshape(-1, 2)
    found = decode_islands(begin, inside, borders.astype(np.int64), enter_cost)
    expected = []
    for start, end in borders.tolist():
        lane = naive.best_lane(begin[start:end].tolist(), inside[start:end].tolist(), enter_cost)
        expected += [(start + s, start + e) for s, e in naive.spans_of(lane)]
    assert [tuple(span) for span in found.tolist()] == expected


def test_islands_of_many_lengths_are_decoded_alike_side_by_side() -> None:
    rng = np.random.default_rng(3)
    begin, inside = rng.random(400) * 0.6, rng.random(400)
    lengths = [1, 2, 3, 4, 5, 8, 9, 16, 17, 33, 64, 65]
    ends = np.cumsum(lengths) + np.arange(len(lengths))
    borders = np.stack([ends - lengths, ends], axis=1)
    together = decode_islands(begin, inside, borders, 0.0).tolist()
    alone = [span for one in borders for span in decode_islands(begin, inside, one[None], 0.0).tolist()]
    assert together == alone


@pytest.mark.parametrize("n", [0, 5])
def test_no_island_gives_no_span(n: int) -> None:
    zeros = np.zeros(n)
    found = islands(zeros > 0, np.arange(n), 3)
    assert found.shape == (0, 2)
    assert decode_islands(zeros, zeros, found, 0.0).shape == (0, 2)


def test_an_inside_without_a_start_is_no_span() -> None:
    inside = np.full(4, 0.999)
    assert decode_islands(np.zeros(4), inside, np.array([[0, 4]]), 30.0).tolist() == []
