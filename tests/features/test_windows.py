import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllib.features.windows import rolling_max, rolling_mean, rolling_min, rolling_sum, shift

NUMBERS = st.lists(st.floats(-1e3, 1e3), max_size=40).map(np.array)


@given(NUMBERS, st.integers(1, 45))
def test_windows_are_those_of_a_loop(x: np.ndarray, bars: int) -> None:
    x = x.astype(float)
    windows = [x[t - bars + 1 : t + 1] if t >= bars - 1 else None for t in range(len(x))]
    for rolling, naive in (
        (rolling_sum, np.sum),
        (rolling_mean, np.mean),
        (rolling_max, np.max),
        (rolling_min, np.min),
    ):
        expected = [np.nan if w is None else naive(w) for w in windows]
        np.testing.assert_allclose(rolling(x, bars), expected, rtol=1e-9, atol=1e-9)


@given(NUMBERS, st.integers(-50, 50))
def test_shifting_reads_the_bar_so_many_before(x: np.ndarray, bars: int) -> None:
    x = x.astype(float)
    expected = [x[t - bars] if 0 <= t - bars < len(x) else np.nan for t in range(len(x))]
    np.testing.assert_array_equal(shift(x, bars), expected)


@given(st.integers(0, 30), st.integers(1, 30))
def test_a_sum_does_not_depend_on_where_the_series_starts(start: int, bars: int) -> None:
    x = np.random.default_rng(bars).normal(size=100)
    whole, part = rolling_sum(x, bars), rolling_sum(x[start:], bars)
    np.testing.assert_array_equal(whole[start + bars - 1 :], part[bars - 1 :])


def test_a_window_of_no_bars_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        rolling_sum(np.ones(3), 0)
