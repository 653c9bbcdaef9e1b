"""Proposed windows against a loop over every start and end."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.encoders import proposals
from mllib.encoders.proposals import (
    SWING_BARS,
    Bounds,
    fixed_windows,
    learn_bounds,
    outline_windows,
    propose_windows,
    window_lengths,
)
from mllib.features.window_shape import PAST_BARS, Series
from tests import naive
from tests.encoders.learned import FLAT, SERIES
from tests.naive import candles_of, changed, walk

CLOSES = st.lists(st.integers(90, 96), min_size=1, max_size=28)
LENGTHS = st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda x: (x[0], x[0] + x[1]))


def _windows(candles: Candles, bounds: Sequence[Bounds]) -> list[tuple[int, int]]:
    """What `propose_windows` should find, window by window."""
    found = set()
    for start in range(len(candles)):
        for end in range(start + 1, len(candles) + 1):
            for one in bounds:
                if end - start not in window_lengths(one.least_bars, one.most_bars):
                    continue
                if not naive.is_swing(candles.close.tolist(), start, least_bars=one.swing_bars):
                    continue
                outline = naive.outline(candles, start, end, cap=PAST_BARS)
                lowest, highest = one.lowest or outline, one.highest or outline
                if all(a <= x <= b for a, x, b in zip(lowest, outline, highest, strict=True)):
                    found.add((start, end))
    return sorted(found)


def _bounded(candles: Candles, lengths: tuple[int, int], swing_bars: int, seed: int) -> Bounds:
    """Bounds around some of the outlines that there are, not on any of them."""
    rng = np.random.default_rng(seed)
    least, most = lengths
    windows = [
        (start, start + bars) for bars in range(least, most + 1) for start in range(len(candles) - bars + 1)
    ]
    wide = Bounds(swing_bars=min(swing_bars, least - 1), least_bars=least, most_bars=most)
    if not windows or not rng.integers(0, 4):
        return wide
    some = [windows[i] for i in rng.integers(0, len(windows), 3)]
    outlines = np.array([naive.outline(candles, *window, cap=PAST_BARS) for window in some])
    width = rng.choice([0.013, 2.017])
    return wide.model_copy(
        update={
            "lowest": tuple((outlines.min(axis=0) - width).tolist()),
            "highest": tuple((outlines.max(axis=0) + width).tolist()),
        }
    )


@settings(deadline=None, max_examples=40)
@given(
    closes=CLOSES,
    asked=st.lists(st.tuples(LENGTHS, st.sampled_from(SWING_BARS)), max_size=3),
    seed=st.integers(0, 999),
)
def test_proposed_are_the_windows_that_some_labels_bounds_hold(
    closes: list[int], asked: list[tuple[tuple[int, int], int]], seed: int
) -> None:
    candles = candles_of(closes, seed=seed)
    bounds = [_bounded(candles, lengths, swing, seed + i) for i, (lengths, swing) in enumerate(asked)]
    found = propose_windows(Series.of(candles), bounds)
    assert found.dtype == np.int64
    assert [tuple(window) for window in found.tolist()] == _windows(candles, bounds)


def test_windows_are_the_same_however_many_bars_are_looked_at_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series = Series.of(walk(300, seed=5))
    bounds = [
        Bounds(swing_bars=2, least_bars=9, most_bars=30),
        Bounds(swing_bars=0, least_bars=1, most_bars=3),
    ]
    together = propose_windows(series, bounds)
    monkeypatch.setattr(proposals, "_BARS_AT_A_TIME", 37)
    np.testing.assert_array_equal(propose_windows(series, bounds), together)


@settings(deadline=None, max_examples=40)
@given(closes=CLOSES, seed=st.integers(0, 999), lengths=LENGTHS)
def test_outlines_are_those_of_a_loop(closes: list[int], seed: int, lengths: tuple[int, int]) -> None:
    candles = candles_of(closes, seed=seed)
    starts = np.arange(0, len(candles), 2)
    windows, outlines = outline_windows(Series.of(candles), starts, window_lengths(*lengths))
    expected = [(s, s + bars) for s in starts.tolist() for bars in window_lengths(*lengths).tolist()]
    assert [tuple(one) for one in windows.tolist()] == [one for one in expected if one[1] <= len(candles)]
    for (start, end), found in zip(windows.tolist(), outlines, strict=True):
        np.testing.assert_allclose(found, naive.outline(candles, start, end, cap=PAST_BARS), atol=1e-9)


@pytest.mark.parametrize("cut", [90, 150])
def test_a_window_is_proposed_by_what_lies_before_its_end(cut: int) -> None:
    candles = walk(240, seed=5)
    bounds = [
        Bounds(swing_bars=3, least_bars=6, most_bars=30),
        Bounds(swing_bars=8, least_bars=9, most_bars=70),
    ]
    found = propose_windows(Series.of(candles), bounds)
    other = propose_windows(Series.of(changed(candles, np.arange(240) >= cut, seed=1)), bounds)
    np.testing.assert_array_equal(found[found[:, 1] <= cut], other[other[:, 1] <= cut])
    begun = changed(candles, np.arange(240) < cut, seed=1)
    other, first = propose_windows(Series.of(begun), bounds), cut + PAST_BARS
    np.testing.assert_array_equal(found[found[:, 0] >= first], other[other[:, 0] >= first])


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), count=st.integers(1, 8), least=st.integers(1, 30))
def test_what_bounds_were_learned_from_they_hold(seed: int, count: int, least: int) -> None:
    """Of the windows nearest to few spans none is an outlier; spans that no swing begins have none."""
    rng = np.random.default_rng(seed)
    candles = SERIES[seed % len(SERIES)]
    starts = rng.integers(0, 200, count)
    found = np.stack([starts, starts + rng.integers(least, least + 10, count)], axis=1)
    series = Series.of(candles)
    bounds = learn_bounds([(series, found)], within=(1, 400))
    lengths = found[:, 1] - found[:, 0]
    assert (bounds.least_bars, bounds.most_bars) == (lengths.min(), lengths.max())
    assert bounds.swing_bars < bounds.least_bars
    proposed = propose_windows(series, [bounds]).tolist()
    wide = Bounds(swing_bars=bounds.swing_bars, least_bars=bounds.least_bars, most_bars=bounds.most_bars)
    for span in found.tolist():
        reachable = max((naive.iou(span, one) for one in _near(series, wide, span)), default=0.0)
        held = max((naive.iou(span, one) for one in proposed if one[0] < span[1]), default=0.0)
        assert held == pytest.approx(reachable) or reachable < 0.5


def _near(series: Series, bounds: Bounds, span: list[int]) -> list[list[int]]:
    every = propose_windows(series, [bounds])
    return every[(every[:, 0] < span[1]) & (every[:, 1] > span[0])].tolist()


def test_bounds_are_learned_from_several_series_and_lengths_are_cut() -> None:
    one, other = Series.of(SERIES[0]), Series.of(SERIES[1])
    found = np.array([[40, 50]]), np.array([[60, 160]])
    bounds = learn_bounds([(one, found[0]), (other, found[1])], within=(1, 70))
    assert (bounds.least_bars, bounds.most_bars) == (10, 70)


def test_spans_that_begin_anywhere_are_reached_from_anywhere() -> None:
    """On a rising series no bar is a swing, so that windows may begin at every one."""
    rising = candles_of(np.linspace(100, 200, 120).tolist())
    found = np.array([[30, 40], [60, 70], [90, 100]])
    series = Series.of(rising)
    bounds = learn_bounds([(series, found)], within=(1, 400))
    assert bounds.swing_bars == 0
    assert {tuple(w) for w in found.tolist()} <= {
        tuple(w) for w in propose_windows(series, [bounds]).tolist()
    }


def test_on_flat_candles_every_bar_may_begin_a_short_window_and_none_a_long_one() -> None:
    short = propose_windows(Series.of(FLAT), [Bounds(swing_bars=3, least_bars=5, most_bars=5)])
    assert short[:, 0].tolist() == list(range(236))
    assert len(propose_windows(Series.of(FLAT), [Bounds(swing_bars=8, least_bars=6, most_bars=60)])) == 0


@pytest.mark.parametrize("bounds", [[], [Bounds(swing_bars=3, least_bars=50, most_bars=60)]])
def test_where_nothing_can_be_there_is_no_window(bounds: list[Bounds]) -> None:
    for n in (0, 1, 49):
        assert propose_windows(Series.of(walk(60, seed=1)[:n]), bounds).shape == (0, 2)


@pytest.mark.parametrize("candles", SERIES, ids=lambda candles: candles.name)
@given(size=st.integers(2, 70), first=st.integers(0, 100))
def test_fixed_windows_begin_by_the_clock(candles: Candles, size: int, first: int) -> None:
    part = candles[first:]
    found = [tuple(window) for window in fixed_windows(part, size).tolist()]
    assert found == naive.fixed_windows(part, size)
    whole = {(start - first, end - first) for start, end in fixed_windows(candles, size).tolist()}
    assert set(found) == {window for window in whole if window[0] >= 0}


@given(st.integers(1, 300), st.integers(0, 300))
def test_lengths_are_as_fine_in_proportion_as_they_are_long(least: int, more: int) -> None:
    lengths = window_lengths(least, least + more).tolist()
    assert lengths[0] == least
    assert lengths[-1] <= least + more
    assert all(0 < b - a <= max(a / 32, 1) for a, b in pairwise(lengths))
