"""Two layers side by side: against a slow, obvious way, and what must hold of any two layers."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mllib.disagreement import Pair, compare, summarise
from mllib.spans import Span
from tests import naive

TIME = np.array([t for t in range(0, 400, 10) if t not in (120, 130, 250)], np.int64)
SPAN = st.builds(
    lambda label, start, length: Span(label, start, start + length),
    st.sampled_from(["flag", "wedge", "cup"]),
    st.integers(-30, 420),
    st.integers(0, 90),
)
LAYER = st.lists(SPAN, max_size=9)
SWAPPED = {"only_in_a": "only_in_b", "only_in_b": "only_in_a"}


def plain(pairs: Sequence[Pair]) -> Counter[tuple[object, ...]]:
    return Counter((p.kind, p.a, p.b, p.start_bars, p.end_bars) for p in pairs)


@given(LAYER, LAYER, st.sampled_from([0.3, 0.5, 0.8]))
def test_two_layers_are_paired_as_the_slow_way_does(a: list[Span], b: list[Span], least_iou: float) -> None:
    slowly = naive.side_by_side(a, b, TIME.tolist(), least_iou)
    expected = Counter(
        (kind, None if i is None else a[i], None if j is None else b[j], start, end)
        for kind, i, j, start, end in slowly
    )
    assert plain(compare(a, b, TIME, least_iou=least_iou)) == expected


@given(LAYER, LAYER)
def test_every_span_appears_exactly_once(a: list[Span], b: list[Span]) -> None:
    pairs = compare(a, b, TIME)
    assert Counter(pair.a for pair in pairs if pair.a) == Counter(a)
    assert Counter(pair.b for pair in pairs if pair.b) == Counter(b)
    assert all((pair.a is None) == (pair.kind == "only_in_b") for pair in pairs)
    assert all((pair.b is None) == (pair.kind == "only_in_a") for pair in pairs)


@given(LAYER, LAYER)
def test_swapping_the_layers_swaps_the_kinds_and_the_signs(a: list[Span], b: list[Span]) -> None:
    swapped = Counter(
        (
            SWAPPED.get(p.kind, p.kind),
            p.b,
            p.a,
            None if p.start_bars is None else -p.start_bars,
            None if p.end_bars is None else -p.end_bars,
        )
        for p in compare(b, a, TIME)
    )
    assert plain(compare(a, b, TIME)) == swapped


@given(LAYER)
def test_a_layer_agrees_with_itself(a: list[Span]) -> None:
    on_candles = [span for span in a if ((span.start_time <= TIME) & (span.end_time >= TIME)).any()]
    found = summarise(compare(on_candles, on_candles, TIME))
    assert {kind for _, kind in found.counts} <= {"agreement"}
    if on_candles:
        assert (found.agreement_rate, found.mean_iou, found.median_boundary_bars) == (1.0, 1.0, 0.0)


def test_bounds_are_told_in_candles_and_not_in_time() -> None:
    (pair,) = compare([Span("flag", 90, 170)], [Span("flag", 110, 160)], TIME)
    assert (pair.kind, pair.start_bars, pair.end_bars, pair.boundary_bars) == ("boundary_mismatch", 2, -1, 2)
    assert pair.iou == 4 / 7


def test_a_summary_counts_by_label_and_kind() -> None:
    a = [Span("flag", 0, 40), Span("flag", 150, 190), Span("cup", 300, 340)]
    b = [Span("flag", 0, 50), Span("wedge", 150, 190), Span("flag", 350, 390)]
    found = summarise(compare(a, b, TIME))
    assert found.counts == {
        ("flag", "boundary_mismatch"): 1,
        ("wedge", "label_mismatch"): 1,
        ("cup", "only_in_a"): 1,
        ("flag", "only_in_b"): 1,
    }
    assert (found.agreement_rate, found.mean_iou, found.median_boundary_bars) == (0.25, 5 / 6, 0.5)


def test_nothing_is_no_agreement() -> None:
    found = summarise([])
    assert (found.counts, found.agreement_rate, found.mean_iou, found.median_boundary_bars) == (
        {},
        None,
        None,
        None,
    )
