import numpy as np
import pytest

from mllib.candle_gate import check_arrays
from mllib.candles import Candles
from mllib.market_gaps import MarketGap, market_gaps
from mllib.timeframes import parse_time
from tests.naive import missing_while_open, sample

MONDAY = parse_time("2024-01-01")
HOUR, DAY = 3_600, 86_400


def _at(times: np.ndarray, timeframe: str = "1h") -> Candles:
    price = np.full(len(times), 10.0)
    return Candles("X", timeframe, times.astype(np.int64), price, price, price, price)


def _hours(first: int, after: int, *, days: int = 70, weekdays: int = 5) -> np.ndarray:
    """Opens of 1h candles in some hours of the weekdays."""
    starts = [MONDAY + day * DAY for day in range(days) if day % 7 < weekdays]
    return np.array([start + hour * HOUR for start in starts for hour in range(first, after)])


def _gaps(candles: Candles) -> list[MarketGap]:
    return market_gaps(candles, check_arrays(candles).gaps)


def test_nights_and_weekends_are_no_gaps() -> None:
    assert _gaps(_at(_hours(14, 21))) == []
    assert len(check_arrays(_at(_hours(14, 21))).gaps) == 49


def test_only_the_hours_in_which_a_market_is_open_count_as_missing() -> None:
    times = _hours(14, 21)
    lost = (times >= MONDAY + 14 * DAY) & (times < MONDAY + 17 * DAY)
    (gap,) = _gaps(_at(times[~lost]))
    assert (gap.missing, gap.is_day_off) == (21, False)
    assert (gap.after_time, gap.before_time) == (MONDAY + 11 * DAY + 20 * HOUR, MONDAY + 17 * DAY + 14 * HOUR)


@pytest.mark.parametrize(
    ("first", "after", "is_day_off"),
    [
        (14 * DAY, 15 * DAY, True),
        (14 * DAY + 18 * HOUR, 15 * DAY, True),
        (15 * DAY + 16 * HOUR, 15 * DAY + 19 * HOUR, False),
    ],
)
def test_a_lost_session_or_its_end_is_a_day_off_but_not_a_hole_in_its_middle(
    first: int, after: int, is_day_off: bool
) -> None:
    times = _hours(14, 21)
    (gap,) = _gaps(_at(times[(times < MONDAY + first) | (times >= MONDAY + after)]))
    assert gap.is_day_off is is_day_off


def test_a_market_without_closing_hours_has_no_days_off() -> None:
    times = np.arange(MONDAY, MONDAY + 60 * DAY, HOUR)
    lost = (times >= MONDAY + 20 * DAY) & (times < MONDAY + 20 * DAY + 5 * HOUR)
    assert _gaps(_at(times[~lost])) == [
        MarketGap(MONDAY + 20 * DAY - HOUR, MONDAY + 20 * DAY + 5 * HOUR, 5, False)
    ]


def test_the_hour_that_a_clock_change_moves_is_no_gap() -> None:
    winter, summer = _hours(14, 21, days=175), _hours(13, 20, days=175) + 175 * DAY
    assert _gaps(_at(np.concatenate([winter, summer]))) == []


def test_in_a_few_weeks_only_whole_weekends_are_taken_for_closed() -> None:
    times = np.arange(MONDAY, MONDAY + 14 * DAY, HOUR)
    weekday = (times - MONDAY) // DAY % 7 < 5
    lost = (times >= MONDAY + 9 * DAY) & (times < MONDAY + 9 * DAY + 4 * HOUR)
    assert [gap.missing for gap in _gaps(_at(times[weekday & ~lost]))] == [4]


@pytest.mark.parametrize("timeframe", ["1w", "1mo"])
def test_longer_candles_are_missing_wherever_one_is(timeframe: str) -> None:
    length = {"1w": 7 * DAY, "1mo": 30 * DAY}[timeframe]
    times = MONDAY + length * np.array([0, 1, 2, 5, 6, 7])
    assert [(gap.missing, gap.is_day_off) for gap in _gaps(_at(times, timeframe))] == [(2, False)]


@pytest.mark.parametrize("name", ["EURUSD_1h", "AAPL_1d", "BTCUSDT_1h"])
def test_real_series_lose_what_a_slow_count_says(name: str) -> None:
    candles = sample(name)[:3_000]
    rng = np.random.default_rng(3)
    starts = rng.integers(10, 2_900, 25)
    kept = np.ones(len(candles), bool)
    for start in starts:
        kept[start : start + rng.integers(1, 40)] = False
    thinned = _at(candles.time[kept], candles.timeframe)
    found = {(gap.after_time, gap.before_time): gap.missing for gap in _gaps(thinned)}
    for gap in check_arrays(thinned).gaps:
        expected = missing_while_open(thinned, gap.after_time, gap.before_time)
        assert found.get((gap.after_time, gap.before_time), 0) == expected
