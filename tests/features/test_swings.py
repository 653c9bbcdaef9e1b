import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mllib.features.swings import find_swings
from tests.naive import bars_until_beyond, is_swing

CLOSES = st.lists(st.integers(1, 6), max_size=30).map(lambda x: np.array(x, np.float64))
"""Few levels, so that many closes are equal."""


@given(CLOSES, st.integers(1, 12))
def test_bars_until_a_close_beyond_are_those_of_a_loop(closes: np.ndarray, cap: int) -> None:
    swings = find_swings(closes, cap=cap)
    for name, step, up in (
        ("high_before", -1, True),
        ("high_after", 1, True),
        ("low_before", -1, False),
        ("low_after", 1, False),
    ):
        found = getattr(swings, name)
        assert found.dtype == np.int16
        assert found.tolist() == [
            bars_until_beyond(closes, bar, step=step, up=up, cap=cap) for bar in range(len(closes))
        ]


@given(CLOSES, st.integers(0, 8))
def test_a_swing_is_a_close_that_none_around_it_exceeds(closes: np.ndarray, least_bars: int) -> None:
    starts = find_swings(closes, cap=8).starts(least_bars)
    expected = [bar for bar in range(len(closes)) if is_swing(closes, bar, least_bars=least_bars)]
    assert starts.tolist() == expected


@given(CLOSES, st.integers(0, 29), st.integers(0, 29), st.integers(1, 6))
def test_swings_read_as_far_as_their_cap(closes: np.ndarray, first: int, last: int, cap: int) -> None:
    whole, part = find_swings(closes, cap=cap), find_swings(closes[first:last], cap=cap)
    bars = range(cap, max(min(last, len(closes)) - first, 0))
    for bar in bars:
        assert part.high_before[bar] == whole.high_before[first + bar]
        assert part.low_before[bar] == whole.low_before[first + bar]
    for bar in range(max(min(last, len(closes)) - first - cap, 0)):
        assert part.high_after[bar] == whole.high_after[first + bar]
        assert part.low_after[bar] == whole.low_after[first + bar]


@given(CLOSES)
def test_upside_down_highs_are_lows(closes: np.ndarray) -> None:
    up, down = find_swings(closes, cap=9), find_swings(-closes, cap=9)
    np.testing.assert_array_equal(up.high_before, down.low_before)
    np.testing.assert_array_equal(up.low_after, down.high_after)
