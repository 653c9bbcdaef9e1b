"""Descriptions of windows: free of scale, alike upside down, and from nothing after the window's end."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.features import window_shape
from mllib.features.window_shape import COLUMNS, PAST_BARS, Series, beside, beside_columns, describe
from tests.naive import PRICES, bars_until_beyond, candles_of, changed, sample, walk

SERIES = [walk(260, seed=1), walk(260, seed=2, timeframe="1d"), sample("AAPL_1d")[:260]]
NAMES = [column.name for column in COLUMNS]
LONGEST = 70


def _windows(seed: int, n: int = 260, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, n - LONGEST, count)
    return start, start + rng.integers(1, LONGEST + 1, count)


def _described(candles: Candles, start: np.ndarray, end: np.ndarray) -> dict[str, np.ndarray]:
    X = describe(Series.of(candles), start, end)
    assert (X.dtype, X.shape) == (np.float32, (len(start), len(COLUMNS)))
    return dict(zip(NAMES, X.T, strict=True))


def test_columns_have_names_of_their_own_and_read_nothing_after_the_end() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {column.future for column in COLUMNS} == {0}
    assert {column.past for column in COLUMNS} == {PAST_BARS}


@pytest.mark.parametrize("candles", SERIES, ids=lambda candles: candles.name)
def test_bars_after_the_end_and_long_before_change_no_column(candles: Candles) -> None:
    start, end = _windows(3, count=80)
    whole = describe(Series.of(candles), start, end)
    for cut in (90, 91, 130):
        later = describe(Series.of(changed(candles, np.arange(260) >= cut, seed=cut)), start, end)
        np.testing.assert_array_equal(later[end <= cut], whole[end <= cut])
        earlier = describe(Series.of(changed(candles, np.arange(260) < cut, seed=cut)), start, end)
        np.testing.assert_array_equal(earlier[start >= cut + PAST_BARS], whole[start >= cut + PAST_BARS])
        assert (end <= cut).any()
        assert (start >= cut + PAST_BARS).any()


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), which=st.integers(0, len(SERIES) - 1), before=st.integers(0, 9))
def test_a_slice_describes_a_window_as_the_whole_history_does(seed: int, which: int, before: int) -> None:
    candles = SERIES[which]
    start, end = (at[:1] for at in _windows(seed))
    first = max(int(start[0]) - PAST_BARS - before, 0)
    part = candles[first : int(end[0])]
    np.testing.assert_array_equal(
        describe(Series.of(part), start - first, end - first), describe(Series.of(candles), start, end)
    )


def test_windows_are_described_alike_alone_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    series, (start, end) = Series.of(SERIES[0]), _windows(4)
    together = describe(series, start, end)
    alone = [describe(series, start[i : i + 1], end[i : i + 1])[0] for i in range(len(start))]
    np.testing.assert_array_equal(np.array(alone), together)
    padded = beside(series, start, end, padding=9)
    monkeypatch.setattr(window_shape, "_CELLS_AT_A_TIME", 7 * LONGEST)
    np.testing.assert_array_equal(beside(series, start, end, padding=9), padded)
    np.testing.assert_array_equal(describe(series, start, end), together)
    assert describe(series, start[:0], end[:0]).shape == (0, len(COLUMNS))


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999), factor=st.floats(1e-4, 1e4))
def test_columns_are_free_of_the_prices_scale(seed: int, factor: float) -> None:
    candles = walk(260, seed=seed)
    scaled = replace(candles, **{name: getattr(candles, name) * factor for name in PRICES})
    start, end = _windows(seed)
    some, same = end - start > 1, _described(candles, start, end)
    for name, values in _described(scaled, start, end).items():
        np.testing.assert_allclose(values[some], same[name][some], rtol=1e-3, atol=1e-4, err_msg=name)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999))
def test_upside_down_the_two_views_change_places(seed: int) -> None:
    candles = walk(260, seed=seed)
    mirrored = replace(
        candles, open=1 / candles.open, high=1 / candles.low, low=1 / candles.high, close=1 / candles.close
    )
    start, end = _windows(seed)
    some, here, there = end - start > 1, _described(candles, start, end), _described(mirrored, start, end)
    for name in NAMES:
        other, turned = _mirrored(name)
        expected = turned(here[other][some])
        np.testing.assert_allclose(there[name][some], expected, rtol=1e-3, atol=1e-4, err_msg=name)


def _mirrored(name: str) -> tuple[str, Callable[[np.ndarray], np.ndarray]]:
    """The column that says upside down what this one says, and what becomes of its values."""

    def same(x: np.ndarray) -> np.ndarray:
        return x

    def from_top(x: np.ndarray) -> np.ndarray:
        return 1 - x

    if name.startswith(("up_", "down_")):
        view, _, rest = name.partition("_")
        return {"up": "down", "down": "up"}[view] + "_" + rest, same
    if "high" in name or "low" in name:
        other = name.replace("high", "*").replace("low", "high").replace("*", "low")
        return other, from_top if name.startswith("path_") else same
    if name.startswith("path_close") or name in ("first_close", "last_close"):
        return name, from_top
    return name, np.negative if name == "move" else same


@pytest.mark.parametrize("bars", [1, 2, 3, 7, 16, 17, 40])
def test_candles_without_any_range_give_finite_columns(bars: int) -> None:
    flat = np.full(120, 1.1)
    candles = Candles("FLAT", "1h", walk(120, seed=1).time, flat, flat, flat, flat)
    start = np.array([0, 5, 60, 120 - bars])
    assert not np.isinf(describe(Series.of(candles), start, start + bars)).any()


def test_what_is_not_known_is_what_lies_before_the_series_or_is_not_there() -> None:
    start = np.array([PAST_BARS, PAST_BARS + 9])
    found = _described(SERIES[0], start, start + 30)
    assert {name for name in NAMES if np.isnan(found[name]).any()} <= {
        name for name in NAMES if name.endswith(("_tip_position", "_tip_close"))
    }
    first = _described(SERIES[0], np.array([9]), np.array([30]))
    assert np.isnan(first["height_to_range_before"]).all()


@settings(deadline=None, max_examples=40)
@given(closes=st.lists(st.integers(95, 103), min_size=3, max_size=30), seed=st.integers(0, 99))
def test_columns_are_those_of_a_loop(closes: list[int], seed: int) -> None:
    candles = candles_of(closes, seed=seed)
    rng = np.random.default_rng(seed)
    start = int(rng.integers(0, len(closes) - 1))
    end = int(rng.integers(start + 2, len(closes) + 1))
    if len(set(closes[start:end])) == 1:
        return
    found = _described(candles, np.array([start]), np.array([end]))
    for name, expected in _loop(candles, start, end):
        np.testing.assert_allclose(found[name][0], expected, rtol=1e-4, atol=1e-5, err_msg=name)


def _loop(candles: Candles, start: int, end: int) -> Iterator[tuple[str, float]]:
    whole, bars = np.log(candles.close).tolist(), end - start
    low, height = min(whole[start:end]), max(whole[start:end]) - min(whole[start:end])
    closes = [(x - low) / height for x in whole[start:end]]
    steps = [abs(b - a) for a, b in pairwise(closes)]
    yield "length", float(np.log(bars))
    yield "move", closes[-1] - closes[0]
    yield "efficiency", abs(closes[-1] - closes[0]) / sum(steps)
    for i in range(16):
        level = np.interp(i / 15 * (bars - 1), range(bars), closes)
        yield f"path_close_{i:02d}", float(level)
    before = bars_until_beyond(whole, start, step=-1, up=True, cap=PAST_BARS)
    after = bars_until_beyond(whole, start, step=1, up=False, cap=PAST_BARS)
    yield "start_high_before", before
    yield "start_low_after", min(after, bars)
    for view, levels in (("up", closes), ("down", [1 - x for x in closes])):
        yield from _loop_of_view(view, levels, whole if view == "up" else [-x for x in whole], start)


def _loop_of_view(
    view: str, closes: list[float], whole: list[float], start: int
) -> Iterator[tuple[str, float]]:
    bars, tip = len(closes), closes.index(max(closes))
    rest, way = closes[tip:], closes[: tip + 1]
    yield f"{view}_tip_bar", tip
    yield f"{view}_tip_position", tip / bars
    yield f"{view}_bars_after_tip", bars - 1 - tip
    yield f"{view}_tip_before", bars_until_beyond(whole, start + tip, step=-1, up=True, cap=PAST_BARS)
    yield f"{view}_fall_after_tip", 1 - min(rest)
    yield f"{view}_lowest_after_tip_position", rest.index(min(rest)) / bars
    yield f"{view}_lowest_before_tip", min(way)
    yield f"{view}_pullback_before_tip", max(max(way[: i + 1]) - x for i, x in enumerate(way))
    yield f"{view}_recovery_after_tip", max(x - min(rest[: i + 1]) for i, x in enumerate(rest))
    slope, level = np.polyfit(range(len(rest)), rest, 1) if len(rest) > 1 else (0.0, rest[0])
    off = [x - (level + slope * i) for i, x in enumerate(rest)]
    yield f"{view}_slope_after_tip", float(slope * bars)
    yield f"{view}_scatter_after_tip", float(np.sqrt(np.mean(np.square(off))))
    yield f"{view}_last_beyond_line", float(off[-1])


@given(seed=st.integers(0, 999), padding=st.integers(1, 50))
def test_closes_beside_a_window_are_scaled_as_those_inside(seed: int, padding: int) -> None:
    candles, (start, end) = SERIES[0], _windows(seed, count=6)
    end = np.maximum(end, start + 2)
    close, columns = np.log(candles.close), beside_columns(padding)
    found = beside(Series.of(candles), start, end, padding=padding)
    assert (found.dtype, found.shape) == (np.float32, (6, len(columns)))
    assert max(column.future for column in columns) <= padding
    for row, (a, b) in zip(found, zip(start.tolist(), end.tolist(), strict=True), strict=True):
        low, height = close[a:b].min(), np.ptp(close[a:b])
        for column, value in zip(columns, row, strict=True):
            side, _, bars = column.name.removeprefix("close_").partition("_")
            at = a - int(bars) if side == "before" else b - 1 + int(bars)
            expected = (close[at] - low) / height if 0 <= at < len(close) else np.nan
            np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
            assert column.future == (int(bars) if side == "after" else 0)
            assert column.past >= (int(bars) if side == "before" else 0)


def test_without_padding_nothing_is_beside() -> None:
    assert beside_columns(0) == ()


def test_the_candles_are_left_as_they_were() -> None:
    candles = walk(200, seed=6)
    before = candles.to_frame().copy()
    series = Series.of(candles)
    describe(series, np.array([50, 60]), np.array([70, 95]))
    beside(series, np.array([50]), np.array([70]), padding=8)
    assert before.equals(candles.to_frame())
