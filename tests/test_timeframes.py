"""Names, lengths and grids of timeframes."""

import pytest

from mllib.errors import InvalidCandles
from mllib.timeframes import (
    CLOSEST_S,
    GRID_S,
    SECONDS,
    iso_utc,
    likely_timeframe,
    parse_time,
    parse_timeframe,
)


@pytest.mark.parametrize("name", list(SECONDS))
def test_every_name_of_the_contract_stays_as_it_is(name: str) -> None:
    assert parse_timeframe(name) == name


@pytest.mark.parametrize("name", ["1H", "4H", "1D", "1W"])
def test_the_tools_upper_case_names_are_taken_as_lower_case(name: str) -> None:
    assert parse_timeframe(name) == name.lower()


def test_a_capital_m_is_refused_with_a_hint_at_minute_and_month() -> None:
    with pytest.raises(InvalidCandles, match=r"found '1M'.*Write 1m for one minute or 1mo for one month"):
        parse_timeframe("1M")


@pytest.mark.parametrize("name", ["", "2h", "30M", "1MO", "60"])
def test_another_name_is_refused_and_the_names_are_listed(name: str) -> None:
    with pytest.raises(InvalidCandles, match="expected one of 1m 5m 15m 30m 1h 4h 1d 1w 1mo"):
        parse_timeframe(name)


@pytest.mark.parametrize("name", list(SECONDS))
def test_a_candle_of_nominal_length_fits_its_own_grid(name: str) -> None:
    assert SECONDS[name] % GRID_S[name] == 0
    assert SECONDS[name] >= CLOSEST_S[name]
    assert likely_timeframe(SECONDS[name]) == name


def test_times_before_1970_are_written_too() -> None:
    assert iso_utc(-1) == "1969-12-31T23:59:59Z"


def test_eight_digits_are_a_date_and_nine_to_eleven_are_seconds() -> None:
    assert parse_time("20170601") == parse_time("2017-06-01") == 1_496_275_200
    assert parse_time("20170601", last=True) == parse_time("2017-06-01T23:59:59")
    assert parse_time("999999999") == 999_999_999
    assert parse_time(20_170_601) == 20_170_601
    assert iso_utc(parse_time("9999-12-31")) == "9999-12-31T00:00:00Z"


@pytest.mark.parametrize(
    "text",
    ["2017", "2017W03", "2017-W03", "2017-W03-1", "0", "20171301", "1700000000000"],
)
def test_years_weeks_and_other_numbers_are_no_times(text: str) -> None:
    with pytest.raises(InvalidCandles, match=r"expected Unix seconds or an ISO 8601 date\. Write 2020-01-31"):
        parse_time(text)
