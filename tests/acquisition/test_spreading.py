"""A queue that is short, mixed and spread out: by hand, and against a slow, obvious way."""

import numpy as np
import pytest

from mllib.acquisition import Candidates, Quotas, spread

FREE = Quotas(pair=1, label=1, regime=1)


def places(*starts: int, bars: int = 10, **columns: list[int]) -> Candidates:
    nothing = np.zeros(len(starts), np.int64)
    at = np.array([(start, start + bars) for start in starts], np.int64).reshape(-1, 2)
    given = {name: np.array(values, np.int64) for name, values in columns.items()}
    return Candidates(**{"series": nothing, "label": nothing, "regime": nothing, "at": at, **given})


def test_the_highest_scores_come_first_and_of_equal_ones_the_earlier() -> None:
    found = spread(places(0, 100, 200, 300), np.array([0.1, 0.9, 0.5, 0.9]), size=3, quotas=FREE)
    assert found.tolist() == [1, 3, 2]


def test_no_two_places_share_a_bar_whatever_their_labels() -> None:
    candidates = places(0, 5, 10, 5, label=[0, 1, 2, 3], series=[0, 0, 0, 1])
    assert spread(candidates, np.array([0.5, 0.9, 0.4, 0.3]), size=9, quotas=FREE).tolist() == [1, 3]


@pytest.mark.parametrize("dimension", ["pair", "label", "regime"])
def test_no_value_takes_more_than_its_quota_while_there_is_another(dimension: str) -> None:
    column = {"pair": "series"}.get(dimension, dimension)
    values = [0] * 8 + [1, 2, 3]
    candidates = places(*range(0, 1100, 100), **{column: values})
    quotas = FREE.model_copy(update={dimension: 0.5})
    found = spread(candidates, np.linspace(1, 0, 11), size=6, quotas=quotas)
    assert found.tolist() == [0, 1, 2, 8, 9, 10]


def test_where_nothing_else_is_left_a_queue_is_filled_beyond_its_quotas() -> None:
    candidates = places(0, 100, 200, 300, label=[0, 0, 0, 1])
    quotas = FREE.model_copy(update={"label": 0.5})
    assert spread(candidates, np.array([4.0, 3.0, 2.0, 1.0]), size=4, quotas=quotas).tolist() == [0, 1, 3, 2]


def test_a_single_label_may_take_all() -> None:
    quotas = Quotas(pair=0.1, label=0.1, regime=0.1)
    found = spread(places(0, 100, 200), np.array([1.0, 2.0, 3.0]), size=3, quotas=quotas)
    assert found.tolist() == [2, 1, 0]


def test_origins_have_their_shares_at_any_length() -> None:
    candidates = places(*range(0, 4_000, 100))
    origin = np.array([0] * 20 + [1] * 20)
    scores = np.concatenate([np.linspace(0.01, 0, 20), np.linspace(100, 99, 20)])
    found = spread(candidates, scores, size=16, quotas=FREE, origin=origin, shares=(0.75, 0.25))
    for length in range(1, 17):
        from_first = int((origin[found[:length]] == 0).sum())
        assert abs(from_first - 0.75 * length) <= 1
    assert found[:5].tolist() == [0, 1, 20, 2, 3]


def test_an_origin_with_nothing_left_leaves_its_share_to_others() -> None:
    origin = np.array([0, 1, 1, 1])
    found = spread(
        places(0, 100, 200, 300), np.ones(4), size=4, quotas=FREE, origin=origin, shares=(0.9, 0.1)
    )
    assert sorted(found.tolist()) == [0, 1, 2, 3]


def test_reserved_places_are_there_whatever_overlaps_them() -> None:
    candidates = places(0, 5, 100, 200, 300)
    origin = np.array([0, 1, 0, 0, 0])
    scores = np.array([9.0, 0.0, 3.0, 2.0, 1.0])
    found = spread(candidates, scores, size=3, quotas=FREE, origin=origin, shares=(0.9, 0.1), reserved=[1])
    assert found.tolist() == [2, 3, 1]


def test_a_queue_of_any_size_over_nothing_is_empty() -> None:
    assert spread(places(), np.zeros(0), size=5).tolist() == []


def test_it_is_what_the_slow_way_finds() -> None:
    rng = np.random.default_rng(5)
    for _ in range(30):
        n = 40
        candidates = places(*rng.integers(0, 300, n).tolist(), bars=12, label=rng.integers(0, 3, n).tolist())
        scores = rng.random(n)
        busy: set[int] = set()
        expected = []
        for i in sorted(range(n), key=lambda i: -scores[i]):
            bars = set(range(*candidates.at[i].tolist()))
            if not bars & busy:
                busy |= bars
                expected.append(i)
        assert spread(candidates, scores, size=n, quotas=FREE).tolist() == expected


def test_a_queue_from_many_candidates_is_quick_even_where_quotas_bind() -> None:
    rng = np.random.default_rng(2)
    n = 50_000
    candidates = places(*rng.integers(0, 1_000_000, n).tolist(), label=[0] * (n - 1) + [1])
    found = spread(candidates, rng.random(n), size=50, quotas=Quotas(label=0.1))
    assert len(found) == len(set(found.tolist())) == 50
