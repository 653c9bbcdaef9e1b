"""What is taken for a split, what is not, and what adjusting for one does."""

import doctest
from dataclasses import replace

import numpy as np
import pytest

from mllib import price_adjustment
from mllib.candles import Candles
from mllib.errors import InvalidCandles
from mllib.price_adjustment import (
    PriceSplit,
    adjusted,
    is_raw_at,
    named_splits,
    parse_split,
    refuse_mixed_units,
    suspected_splits,
)
from mllib.timeframes import SECONDS, iso_utc
from tests.naive import sample

MONDAY = 1_704_067_200
AT = 60
COLUMNS = ("open", "high", "low", "close")


def days(n: int = 120, *, timeframe: str = "1d") -> Candles:
    time = MONDAY + SECONDS[timeframe] * np.arange(n)
    close = 100 + np.sin(np.arange(n))
    opens = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(opens, close) + 0.5, np.minimum(opens, close) - 0.5
    return Candles("ACME", timeframe, time, opens, high, low, close, np.full(n, 1_000.0))


def split(candles: Candles, ratio: float, at: int = AT) -> Candles:
    """The candles as they would have been with a split before bar `at`."""
    factor = np.where(np.arange(len(candles)) < at, 1.0, ratio)
    prices = {name: getattr(candles, name) / factor for name in COLUMNS}
    return replace(candles, **prices, volume=None if candles.volume is None else candles.volume * factor)


def traded(candles: Candles, at: int, times: float, bars: int = 1) -> Candles:
    volume = candles.volume.copy()
    volume[at : at + bars] *= times
    return replace(candles, volume=volume)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(price_adjustment).failed == 0


@pytest.mark.parametrize("ratio", [3 / 2, 2, 3, 4, 5, 7, 10, 20, 2 / 3, 1 / 2, 1 / 10, 1 / 20])
@pytest.mark.parametrize("timeframe", ["1h", "1d", "1w"])
def test_a_split_of_any_common_ratio_is_clear(ratio: float, timeframe: str) -> None:
    candles = split(days(timeframe=timeframe), ratio)
    (found,) = suspected_splits(candles)
    assert (found.time, found.ratio, found.doubts) == (candles.time[AT], pytest.approx(ratio), ())


def test_the_splits_of_the_sample_are_clear_and_its_crash_is_not() -> None:
    found = suspected_splits(sample("AAPL_1d"))
    assert [(iso_utc(one.time)[:10], one.ratio, one.is_clear) for one in found] == [
        ("2000-06-21", 2.0, True),
        ("2000-09-29", 2.0, False),
        ("2005-02-28", 2.0, True),
    ]
    assert found[1].doubts == ("it is 5.4% off the ratio", "11.2 times the usual volume was traded")


@pytest.mark.parametrize("name", ["EURUSD_1h", "BTCUSDT_1h"])
def test_series_without_splits_have_none(name: str) -> None:
    assert suspected_splits(sample(name)) == ()


def test_a_crash_at_a_splits_ratio_is_told_by_its_volume() -> None:
    (found,) = suspected_splits(traded(split(days(), 2), AT, 12))
    assert found.doubts == ("12.0 times the usual volume was traded",)


def test_the_volume_of_a_whole_day_counts_where_candles_are_shorter() -> None:
    candles = split(days(24 * 40, timeframe="1h"), 2, at=24 * 30)
    assert suspected_splits(traded(candles, 24 * 30, 12))[0].is_clear
    assert not suspected_splits(traded(candles, 24 * 30, 12, bars=24))[0].is_clear


def test_a_fall_that_goes_on_within_its_candle_is_doubtful() -> None:
    candles = split(days(), 2)
    low = candles.low.copy()
    low[AT] *= 0.75
    (found,) = suspected_splits(replace(candles, low=low))
    assert found.doubts == ("its own candle ranges over 36%",)


def test_prices_that_come_back_at_once_are_doubtful() -> None:
    there_and_back = split(split(days(), 10), 1 / 10, at=AT + 2)
    beside = "there is another such gap beside it"
    assert [beside in one.doubts for one in suspected_splits(there_and_back)] == [True, True]


def test_without_a_volume_nothing_is_clear() -> None:
    for volume in (None, np.zeros(120)):
        (found,) = suspected_splits(replace(split(days(), 2), volume=volume))
        assert found.doubts == ("there is no volume that would tell a split from a fall or rise",)


def test_a_gap_far_from_every_ratio_is_not_suspected() -> None:
    assert suspected_splits(split(days(), 1.72)) == ()


def test_a_doubling_among_equally_wild_moves_is_no_split() -> None:
    close = np.where(np.arange(40) % 2, 200.0, 100.0)
    wild = replace(days(40), open=close, high=close, low=close, close=close)
    assert suspected_splits(wild) == ()


def test_adjusting_undoes_splits_in_prices_and_volume() -> None:
    whole = days()
    raw = split(split(whole, 2, at=40), 3, at=80)
    splits = [PriceSplit(int(raw.time[40]), 2.0), PriceSplit(int(raw.time[80]), 3.0)]
    joined = adjusted(raw, splits)
    for name in COLUMNS:
        np.testing.assert_allclose(getattr(joined, name), getattr(whole, name) / 6)
    np.testing.assert_allclose(joined.volume, whole.volume * 6)
    np.testing.assert_array_equal(joined.close[80:], raw.close[80:])
    assert suspected_splits(joined) == ()
    assert adjusted(replace(raw, volume=None), splits).volume is None


@pytest.mark.parametrize(
    "text", ["2005-02-28", "2005-02-28=", "2005-02-28=two", "2005-02-28=0", "x=-1", "d=1/0"]
)
def test_a_split_that_does_not_read_so_is_refused(text: str) -> None:
    with pytest.raises(InvalidCandles, match=r"split: found .*Write 2005-02-28=2"):
        parse_split(text)


def test_a_named_split_begins_with_the_first_candle_of_its_day() -> None:
    raw = split(days(), 2)
    late = replace(raw, time=raw.time + 34_200)  # opens at 09:30
    assert named_splits(late, [PriceSplit(int(raw.time[AT]), 2.0)]) == (PriceSplit(int(late.time[AT]), 2.0),)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ([(0, 2.0)], "expected it after the first candle"),
        ([(120, 2.0)], "not after the last"),
        ([(AT, 2.0), (AT, 3.0)], "found two splits named at 2024-03-01T00:00:00Z"),
        (
            [(50, 2.0)],
            r"found the open of .* at 1 times the close before, expected about 0\.5 at a split of 2 to 1",
        ),
        ([(AT, 0.5)], "expected about 2 at a split of 1 to 2"),
    ],
)
def test_a_named_split_that_the_prices_deny_is_refused(named: list[tuple[int, float]], said: str) -> None:
    splits = [PriceSplit(MONDAY + 86_400 * bar, ratio) for bar, ratio in named]
    with pytest.raises(InvalidCandles, match=said):
        named_splits(split(days(), 2), splits)


def test_shares_are_never_mixed_in_one_series() -> None:
    raw = split(days(), 2)
    done = PriceSplit(int(raw.time[AT]), 2.0)
    stored = adjusted(raw, [done])
    assert (is_raw_at(raw, done), is_raw_at(stored, done)) == (True, False)
    refuse_mixed_units(stored, [done], stored, [done])
    refuse_mixed_units(stored, [done], raw, [])
    refuse_mixed_units(raw[AT:], [], stored, [done])
    with pytest.raises(
        InvalidCandles, match=r"found unadjusted prices across .*--split 2024-03-01=2, or delete"
    ):
        refuse_mixed_units(raw, [], stored, [done])
    with pytest.raises(
        InvalidCandles, match=r"found 30 stored candles before the split .*reaches back as far"
    ):
        refuse_mixed_units(stored[30:], [done], raw, [])
