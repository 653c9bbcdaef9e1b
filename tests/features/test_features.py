"""One contract for every feature group: finite memory as declared, nothing else read, nothing written."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import Candles
from mllib.features import GROUPS, ContextConfig, column_reach, compute_features, fingerprint, probe
from tests.naive import changed, sample, walk

SMALL = {"past_bars": 24, "future_bars": 12}
WHOLE = {"past_bars": 60, "future_bars": 60}
SERIES = [
    walk(260, seed=1),
    walk(260, seed=2, volume=False),
    walk(260, seed=3, timeframe="1d"),
    sample("AAPL_1d")[:260],
    sample("EURUSD_1h")[500:760],
]


def _config(group: str, sizes: dict[str, int]) -> ContextConfig:
    return ContextConfig(groups=(group,), **sizes)


@pytest.mark.parametrize("sizes", [SMALL, WHOLE], ids=["small", "whole"])
@pytest.mark.parametrize("group", GROUPS)
def test_bars_beyond_the_declared_reach_change_no_row(group: str, sizes: dict[str, int]) -> None:
    config = _config(group, sizes)
    for candles in SERIES:
        features = compute_features(candles, config)
        n = len(candles)
        for column, values in zip(features.columns, features.values.T, strict=True):
            assert column.past <= sizes["past_bars"]
            assert column.future <= sizes["future_bars"]
            assert np.isnan(values[: column.past]).all()
            assert np.isnan(values[n - column.future :]).all()
        for cut in (90, 173):
            later = compute_features(changed(candles, np.arange(n) > cut, seed=cut), config).values
            earlier = compute_features(changed(candles, np.arange(n) < cut, seed=cut), config).values
            for i, column in enumerate(features.columns):
                seen = slice(0, max(cut - column.future + 1, 0))
                np.testing.assert_array_equal(later[seen, i], features.values[seen, i], column.name)
                seen = slice(cut + column.past, None)
                np.testing.assert_array_equal(earlier[seen, i], features.values[seen, i], column.name)


@pytest.mark.parametrize("group", GROUPS)
def test_no_column_claims_a_longer_future_than_it_reads(group: str) -> None:
    candles = walk(400, seed=5)
    features = compute_features(candles, _config(group, WHOLE))
    for i, column in enumerate(features.columns):
        if column.future == 0:
            continue
        bar = 200 + column.future
        only = changed(candles, np.arange(400) == bar, seed=9)
        moved = compute_features(only, _config(group, WHOLE)).values[:, i]
        assert not np.array_equal(moved, features.values[:, i], equal_nan=True), column.name


@settings(max_examples=25, deadline=None)
@given(start=st.integers(0, 150), length=st.integers(0, 140), which=st.integers(0, len(SERIES) - 1))
def test_a_slice_has_the_values_of_the_whole_history(start: int, length: int, which: int) -> None:
    candles = SERIES[which]
    config = ContextConfig(**SMALL)
    whole, part = compute_features(candles, config), compute_features(candles[start : start + length], config)
    n = len(candles[start : start + length])
    assert part.columns == whole.columns
    for i, column in enumerate(part.columns):
        first, last = column.past, max(n - column.future, 0)
        known = slice(start + first, max(start + last, start + first))
        np.testing.assert_array_equal(part.values[first:last, i], whole.values[known, i], column.name)
        assert np.isnan(part.values[:first, i]).all()
        assert np.isnan(part.values[last:, i]).all()


@pytest.mark.parametrize("group", GROUPS)
def test_features_are_free_of_the_prices_scale(group: str) -> None:
    candles = walk(260, seed=4)
    scaled = Candles(
        "X", "1h", candles.time, *(getattr(candles, n) * 64 for n in ("open", "high", "low", "close"))
    )
    unscaled = Candles("X", "1h", candles.time, candles.open, candles.high, candles.low, candles.close)
    config = _config(group, WHOLE)
    np.testing.assert_allclose(
        compute_features(scaled, config).values,
        compute_features(unscaled, config).values,
        rtol=1e-5,
        atol=1e-6,
    )


@pytest.mark.parametrize("group", GROUPS)
def test_candles_without_any_range_give_finite_values(group: str) -> None:
    flat = np.full(200, 1.1)
    candles = Candles("FLAT", "1h", walk(200, seed=1).time, flat, flat, flat, flat, np.zeros(200))
    assert not np.isinf(compute_features(candles, _config(group, WHOLE)).values).any()


@pytest.mark.parametrize("group", GROUPS)
def test_the_candles_are_left_as_they_were(group: str) -> None:
    candles = walk(200, seed=6)
    before = candles.to_frame().copy()
    compute_features(candles, _config(group, WHOLE))
    assert before.equals(candles.to_frame())


@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_fewer_candles_than_the_memory_give_rows_all_the_same(n: int) -> None:
    features = compute_features(walk(200, seed=6)[:n], ContextConfig())
    assert features.values.shape == (n, len(features.columns))
    assert features.values.dtype == np.float32
    assert column_reach(features.columns) == (60, 60)


def test_column_names_are_unique_and_known_without_candles() -> None:
    names = [column.name for column in compute_features(walk(0, seed=1), ContextConfig()).columns]
    assert len(set(names)) == len(names)


def test_a_group_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="found astrology, expected some of candle_shape"):
        ContextConfig(groups=("candle_shape", "astrology"))


def test_the_fingerprint_follows_the_columns_and_the_context() -> None:
    configs = [ContextConfig(), ContextConfig(past_bars=40), ContextConfig(groups=("path",))]
    assert len({fingerprint(c, compute_features(walk(0, seed=1), c).columns) for c in configs}) == 3


@pytest.mark.parametrize("sizes", [SMALL, WHOLE, {"past_bars": 20, "future_bars": 0}])
def test_the_probe_knows_every_feature(sizes: dict[str, int]) -> None:
    assert np.isfinite(probe(ContextConfig(**sizes))).all()


def test_cutlers_rsi_and_the_stochastic_are_those_of_their_window() -> None:
    candles = walk(80, seed=8)
    features = compute_features(candles, ContextConfig())
    column = {c.name: features.values[:, i] for i, c in enumerate(features.columns)}
    change = np.diff(candles.close[40:55])
    up, down = change[change > 0].sum(), -change[change < 0].sum()
    assert column["rsi_14"][54] == pytest.approx((up - down) / (up + down), rel=1e-5)
    low, high = candles.low[41:55].min(), candles.high[41:55].max()
    assert column["stochastic_14"][54] == pytest.approx((candles.close[54] - low) / (high - low), rel=1e-5)
