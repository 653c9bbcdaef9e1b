import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllib.matching import count_matches, covered, match, overlaps
from mllib.spans import Span, positions
from tests import naive

SPAN = st.tuples(st.integers(0, 30), st.integers(0, 9)).map(lambda s: (s[0], s[0] + s[1]))
SPANS = st.lists(SPAN, max_size=12)


def _array(spans: list[tuple[int, int]]) -> np.ndarray:
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


@given(SPANS, SPANS)
def test_overlaps_are_all_pairs_that_share_bars(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    i, j, iou = overlaps(_array(a), _array(b))
    found = dict(zip(zip(i.tolist(), j.tolist(), strict=True), iou.tolist(), strict=True))
    expected = {(p, q): naive.iou(a[p], b[q]) for p in range(len(a)) for q in range(len(b))}
    assert len(found) == len(i)
    assert found == pytest.approx({pair: value for pair, value in expected.items() if value > 0})


@given(SPANS, SPANS, st.sampled_from([0.3, 0.5, 0.7, 1.0]))
def test_matching_takes_the_best_pair_that_is_left(
    a: list[tuple[int, int]], b: list[tuple[int, int]], least_iou: float
) -> None:
    i, j = match(_array(a), _array(b), least_iou=least_iou)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == naive.match(a, b, least_iou)


def test_nothing_matches_nothing() -> None:
    none, one = _array([]), _array([(1, 4)])
    for a, b in ((none, none), (none, one), (one, none)):
        i, j = match(a, b, least_iou=0.5)
        assert len(i) == len(j) == 0
        assert none[i].shape == (0, 2)


@given(
    st.lists(st.integers(0, 60), unique=True, max_size=20).map(sorted),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(0, 20)), max_size=6),
)
def test_positions_are_the_bars_between_start_and_end(
    times: list[int], bounds: list[tuple[int, int]]
) -> None:
    spans = [Span("x", start, start + length) for start, length in bounds]
    found = positions(spans, np.array(times, np.int64))
    assert found.shape == (len(spans), 2)
    for span, (start, end) in zip(spans, found.tolist(), strict=True):
        expected = [i for i, t in enumerate(times) if span.start_time <= t <= span.end_time]
        assert list(range(start, end)) == expected


@given(SPANS, SPANS, st.lists(st.booleans(), min_size=40, max_size=40))
def test_spans_count_where_they_lie_wholly_on_what_counts(
    a: list[tuple[int, int]], b: list[tuple[int, int]], bars: list[bool]
) -> None:
    counted = np.array(bars)
    pairs = naive.match(a, b, 0.5)
    inside = {span: span[1] > span[0] and all(bars[span[0] : span[1]]) for span in [*a, *b]}
    hits = sum(inside[b[j]] for _, j in pairs)
    paired = {i for i, _ in pairs}
    false = sum(inside[span] for i, span in enumerate(a) if i not in paired)
    expected = (hits, hits + false, sum(inside[span] for span in b))
    assert count_matches(_array(a), _array(b), counted, least_iou=0.5) == expected


@given(SPANS)
def test_bars_are_covered_that_lie_on_any_span(spans: list[tuple[int, int]]) -> None:
    on_any = {bar for start, end in spans for bar in range(start, end)}
    assert np.flatnonzero(covered(_array(spans), 40)).tolist() == sorted(on_any)
