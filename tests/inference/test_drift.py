import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllib.candles import PRICE_COLUMNS, Candles
from mllib.inference import InputProfile
from mllib.inference.drift import (
    HALF_LIFE_CANDLES,
    LEAST_CANDLES,
    WARM_UP_BARS,
    Bins,
    RecentInputs,
    statistics,
)
from tests.naive import psi, sample, walk, watched

TRAINED = sample("EURUSD_1h")[:4_000]
LATER = sample("EURUSD_1h")[4_000:]
PROFILE = InputProfile.learn([TRAINED])


def _scaled(candles: Candles, factor: float) -> Candles:
    prices = {name: getattr(candles, name) * factor for name in PRICE_COLUMNS}
    volume = None if candles.volume is None else candles.volume * factor
    return replace(candles, **prices, volume=volume)


def _drift(candles: Candles) -> dict[str, float]:
    return PROFILE.psi(PROFILE.counted(candles))


@pytest.mark.parametrize("candles", [walk(120, seed=1), walk(90, seed=2, volume=False), TRAINED[:200]])
def test_what_is_watched_is_what_plain_arithmetic_says(candles: Candles) -> None:
    found = statistics(candles)
    expected = [watched(candles, bar) for bar in range(WARM_UP_BARS, len(candles))]
    assert set(found) == set(expected[0])
    for name, values in found.items():
        np.testing.assert_allclose(values, [one[name] for one in expected], atol=1e-9)


@given(
    st.lists(st.integers(-3, 3) | st.floats(-2, 2), min_size=1, max_size=60),
    st.lists(st.integers(-3, 3) | st.floats(-5, 5), min_size=1, max_size=60),
)
@settings(max_examples=150, deadline=None)
def test_the_index_is_that_of_the_slow_reference(trained: list[float], found: list[float]) -> None:
    bins = Bins.of(np.array(trained, float))
    profile = InputProfile({"x": bins})
    assert sum(bins.counts) == len(trained)
    counted = profile.psi({"x": bins.counted(np.array(found, float))}, least=1)
    assert counted["x"] == pytest.approx(psi(trained, found), abs=1e-12)


def test_the_training_candles_themselves_have_not_moved() -> None:
    drift = _drift(TRAINED)
    assert set(drift) == set(statistics(TRAINED))
    assert all(value == 0 for value in drift.values())


def test_later_candles_of_the_same_market_have_moved_little() -> None:
    assert max(_drift(LATER).values()) < 0.1


def test_candles_of_another_shape_have_moved_much() -> None:
    middle = (LATER.high + LATER.low) / 2
    dojis = replace(LATER, open=middle, close=middle + (LATER.close - LATER.open) * 0.01)
    drift = _drift(dojis)
    assert min(drift["body_share"], drift["upper_wick_share"], drift["lower_wick_share"]) > 1
    louder = replace(LATER, volume=np.where(np.arange(len(LATER)) % 2, 9.0, 1.0))
    drift = _drift(louder)
    assert drift.pop("volume_ratio") > 0.25
    assert max(drift.values()) < 0.1


@pytest.mark.parametrize("factor", [2.0, 0.001, 1.37, 70_000.0])
def test_units_of_price_and_volume_change_nothing(factor: float) -> None:
    assert _drift(_scaled(LATER, factor)) == pytest.approx(_drift(LATER), abs=1e-3)


def test_few_candles_say_nothing() -> None:
    assert _drift(LATER[: LEAST_CANDLES + WARM_UP_BARS - 1]) == {}
    assert len(_drift(LATER[: LEAST_CANDLES + WARM_UP_BARS])) == 7
    for bars in (0, 1, WARM_UP_BARS, WARM_UP_BARS + 1):
        assert PROFILE.counted(LATER[:bars])["close_change"].sum() == max(bars - WARM_UP_BARS, 0)


def test_volume_is_watched_only_where_both_have_it() -> None:
    without = replace(TRAINED, volume=None)
    assert "volume_ratio" not in _drift(without)
    assert "volume_ratio" not in InputProfile.learn([without]).bins
    silent = replace(TRAINED, volume=np.zeros(len(TRAINED)))
    assert "volume_ratio" not in InputProfile.learn([silent]).bins
    assert "volume_ratio" in InputProfile.learn([without, LATER]).bins


def test_prices_as_large_as_floats_get_are_borne() -> None:
    PROFILE.counted(_scaled(replace(LATER[:100], volume=None), 1e308))


def test_a_profile_survives_json() -> None:
    assert InputProfile.from_dict(json.loads(json.dumps(PROFILE.to_dict()))) == PROFILE


def test_bars_sent_again_count_once() -> None:
    recent = RecentInputs(PROFILE)
    for end in (500, 500, 510, 700, 600, 500):
        for start in (100, 0, 200, 0):
            recent.add(LATER[start:end])
    once = RecentInputs(PROFILE)
    once.add(LATER[:700])
    assert recent.candles == pytest.approx(once.candles, rel=0.05)
    before = recent.candles
    recent.add(LATER[:701])
    assert recent.candles == pytest.approx(before + 1, rel=1e-3)


@given(st.lists(st.tuples(st.integers(0, 1_500), st.integers(1, 600)), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_bar_counts_twice_however_a_chart_moves(views: list[tuple[int, int]]) -> None:
    counted: list[int] = []

    class Noted(RecentInputs):
        def _count(self, candles: Candles, bars: int) -> None:
            counted.extend(candles.time[-bars:].tolist())
            assert len(candles) == bars + WARM_UP_BARS

    recent = Noted(PROFILE)
    for start, bars in views:
        recent.add(LATER[start : start + bars])
    assert len(counted) == len(set(counted))
    start, bars = views[0]
    seen = LATER.time[start : start + bars][WARM_UP_BARS:-1].tolist()
    assert set(seen) <= set(counted)


def test_the_newest_bar_waits_until_another_follows() -> None:
    recent = RecentInputs(PROFILE)
    unfinished = LATER[:100]
    recent.add(unfinished)
    assert recent.candles == 100 - WARM_UP_BARS - 1
    recent.add(LATER[:101])
    assert recent.candles == pytest.approx(100 - WARM_UP_BARS, rel=1e-3)


def test_pairs_and_timeframes_count_apart() -> None:
    recent = RecentInputs(PROFILE)
    for pair in ("EURUSD", "OTHER"):
        for timeframe in ("1h", "4h"):
            recent.add(replace(LATER[:500], pair=pair, timeframe=timeframe))
    assert recent.candles == pytest.approx(4 * (500 - WARM_UP_BARS - 1), rel=0.15)


def test_what_was_counted_long_ago_is_forgotten() -> None:
    recent = RecentInputs(PROFILE)
    made = walk(3 * HALF_LIFE_CANDLES, seed=5)
    recent.add(replace(LATER, pair="BEFORE"))
    before = recent.candles
    for start in range(0, len(made), 400):
        recent.add(made[start : start + 422])
    assert recent.candles < HALF_LIFE_CANDLES / np.log(2) * 1.05
    alone = RecentInputs(PROFILE)
    for start in range(0, len(made), 400):
        alone.add(made[start : start + 422])
    assert 0 < recent.candles - alone.candles < before / 7


def test_enough_recent_candles_have_an_index() -> None:
    recent = RecentInputs(PROFILE)
    recent.add(LATER[:600])
    assert recent.psi() == {}
    recent.add(LATER)
    assert recent.psi() == pytest.approx(_drift(LATER[:-1]), abs=0.01)
