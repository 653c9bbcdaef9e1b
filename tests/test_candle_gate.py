"""What the gate refuses, and what it only reports."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mllib.annotation_files import check_annotations, read_annotation_file
from mllib.candle_files import read_candle_file
from mllib.candle_gate import Gap, GateReport, check_arrays, check_candles, check_pair
from mllib.candles import Candles
from mllib.errors import InvalidCandles
from mllib.timeframes import SECONDS

MONDAY = 1_704_067_200  # 2024-01-01T00:00:00Z
DAY = 86_400
SAMPLES = Path(__file__).parent.parent / "data" / "samples"


def frame(times: Any) -> pd.DataFrame:
    times = np.asarray(times)
    close = 100 + np.sin(np.arange(len(times)))
    opens = np.concatenate([[100.0], close[:-1]])[: len(times)]
    high, low = np.maximum(opens, close) + 0.5, np.minimum(opens, close) - 0.5
    volume = np.full(len(times), 7.0)
    return pd.DataFrame(
        {"time": times, "open": opens, "high": high, "low": low, "close": close, "volume": volume}
    )


def every(step_s: int, n: int = 20) -> pd.DataFrame:
    return frame(MONDAY + step_s * np.arange(n))


def judge(candles: pd.DataFrame, timeframe: str = "1h") -> tuple[Candles, GateReport]:
    return check_candles(candles, pair="EURUSD", timeframe=timeframe)


def with_cell(row: int, column: str, value: Any) -> pd.DataFrame:
    candles = every(3600)
    candles.loc[row, column] = value
    return candles


@pytest.mark.parametrize(("timeframe", "step"), SECONDS.items())
def test_evenly_spaced_candles_of_every_timeframe_pass(timeframe: str, step: int) -> None:
    candles, report = judge(every(step), timeframe)
    assert len(candles) == report.rows == 20
    assert candles.time.dtype == np.int64
    assert report.gaps == report.splits == ()


def test_the_input_frame_is_not_modified() -> None:
    given = every(3600)
    before = given.copy(deep=True)
    judge(given)
    pd.testing.assert_frame_equal(given, before)


def test_no_candles_are_refused() -> None:
    with pytest.raises(InvalidCandles, match=r"EURUSD 1h: found no candles, expected at least 1"):
        judge(every(3600, 0))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InvalidCandles, match=r"expected low, close as well"):
        judge(every(3600).drop(columns=["low", "close"]))


def test_unsorted_candles_are_refused_with_both_times() -> None:
    message = (
        r"EURUSD 1h: candle 6 opens at 2024-01-01T04:00:00Z, before candle 5 \(2024-01-01T05:00:00Z\), "
        r"expected rising times\. Sort the file by time and import it again\."
    )
    with pytest.raises(InvalidCandles, match=message):
        judge(every(3600).iloc[[0, 1, 2, 3, 5, 4, 6]])


def test_duplicate_times_are_refused_and_counted() -> None:
    with pytest.raises(
        InvalidCandles, match=r"at the same time as candle 1 .*\(2 such candles\)\. Remove one"
    ):
        judge(every(3600).iloc[[0, 0, 1, 1, 2]])


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
def test_a_price_that_is_not_finite_and_positive_is_refused(column: str, value: float) -> None:
    match = rf"candle 4 \(2024-01-01T03:00:00Z\): found {column} {value}, expected a finite price above 0"
    with pytest.raises(InvalidCandles, match=match):
        judge(with_cell(3, column, value))


@pytest.mark.parametrize("value", [1e-16, 1.1e15, 1e308])
def test_a_price_of_which_nothing_can_be_computed_is_refused(value: float) -> None:
    with pytest.raises(InvalidCandles, match=r"candle 5 .*found open .* expected one from 1e-15 to 1e\+15"):
        judge(with_cell(4, "open", value))


def test_the_number_of_offenders_is_told() -> None:
    candles = every(3600)
    candles.loc[[3, 7, 9], "close"] = np.nan
    with pytest.raises(InvalidCandles, match=r"candle 4 .*\(3 such candles\)"):
        judge(candles)


@pytest.mark.parametrize(
    ("column", "value"), [("high", 1.0), ("low", 900.0), ("open", 900.0), ("close", 1.0)]
)
def test_prices_outside_low_to_high_are_refused(column: str, value: float) -> None:
    with pytest.raises(InvalidCandles, match=r"candle 3 .*expected open and close from low to high"):
        judge(with_cell(2, column, value))


def test_float_noise_at_the_high_is_allowed() -> None:
    candles = every(3600)
    candles.loc[2, "high"] = candles.loc[2, ["open", "close"]].max() * (1 - 1e-10)
    assert judge(candles)[1].rows == 20


@pytest.mark.parametrize("value", [-1.0, np.inf, np.nan])
def test_a_volume_that_is_negative_infinite_or_partly_missing_is_refused(value: float) -> None:
    with pytest.raises(
        InvalidCandles, match=rf"candle 2 .*found volume {value}, expected a finite volume from 0 to"
    ):
        judge(with_cell(1, "volume", value))


def test_a_wholly_missing_volume_counts_as_none() -> None:
    assert judge(every(3600).assign(volume=np.nan))[0].volume is None
    assert judge(every(3600).drop(columns="volume"))[0].volume is None


def test_a_volume_of_zero_throughout_is_reported() -> None:
    report = judge(every(3600).assign(volume=0.0))[1]
    assert report.lines()[-1] == "The volume is 0 throughout."


def test_milliseconds_are_recognised() -> None:
    given = every(3600)
    with pytest.raises(
        InvalidCandles, match=r"1704067200000, expected Unix seconds.*This looks like milliseconds"
    ):
        judge(given.assign(time=given["time"] * 1000))


def test_a_time_before_1900_is_refused() -> None:
    with pytest.raises(InvalidCandles, match=r"candle 1: found time -3000000000, .*Correct the times"):
        judge(frame([-3_000_000_000, 0]))


def test_a_fraction_of_a_second_is_refused() -> None:
    with pytest.raises(InvalidCandles, match=r"candle 2, time: found 3600\.5, expected whole Unix seconds"):
        judge(frame([0.0, 3600.5]))


def test_a_time_of_another_type_is_refused() -> None:
    given = every(3600)
    with pytest.raises(InvalidCandles, match=r"time: found values of type datetime64.*expected whole Unix"):
        judge(given.assign(time=pd.to_datetime(given["time"], unit="s")))


def test_text_among_prices_is_refused() -> None:
    given = every(3600).astype({"close": object})
    given.loc[4, "close"] = "n/a"
    with pytest.raises(InvalidCandles, match=r"candle 5, close: found 'n/a', expected a number"):
        judge(given)


def test_opens_at_half_past_are_on_the_hourly_grid() -> None:
    assert judge(frame(MONDAY + 34_200 + 3600 * np.arange(20)))[1].gaps == ()


def test_an_open_off_the_grid_is_refused() -> None:
    times = MONDAY + 3600 * np.arange(20)
    times[10:] += 420
    match = r"candle 11 .*found an open 1\.117 h after candle 10, expected a multiple of 1 h\. It is off"
    with pytest.raises(InvalidCandles, match=match):
        judge(frame(times))


def test_a_four_hour_series_may_shift_by_an_hour_with_the_clock() -> None:
    times = MONDAY + 14_400 * np.arange(20)
    times[10:] -= 3600
    assert judge(frame(times), "4h")[1].gaps == ()


def test_four_hour_candles_of_a_short_session_pass() -> None:
    days = MONDAY + DAY * np.arange(10)
    assert judge(frame(np.sort(np.concatenate([days, days + 14_400]))), "4h")[1].rows == 20


@pytest.mark.parametrize(
    ("real", "claimed"),
    [
        ("1m", "1h"),
        ("1h", "1m"),
        ("1h", "4h"),
        ("4h", "1h"),
        ("1d", "1h"),
        ("1h", "1d"),
        ("1d", "1w"),
        ("1mo", "1w"),
    ],
)
def test_another_timeframe_than_claimed_is_refused_and_named(real: str, claimed: str) -> None:
    with pytest.raises(InvalidCandles, match=rf"looks like {real}: import it under that timeframe"):
        judge(every(SECONDS[real], 60), claimed)


def test_two_daily_candles_on_one_day_are_refused() -> None:
    times = [MONDAY, MONDAY + DAY, MONDAY + DAY + 3600, MONDAY + 2 * DAY]
    match = (
        r"candle 3 .*found an open 1 h after candle 2, expected at least 20 h\. This distance looks like 1h"
    )
    with pytest.raises(InvalidCandles, match=match):
        judge(frame(times), "1d")


def test_calendar_months_pass_without_gaps() -> None:
    months = pd.date_range("2023-01-01", "2024-12-01", freq="MS", tz="UTC")
    assert judge(frame(months.as_unit("s").astype("int64")), "1mo")[1].gaps == ()


def test_a_friday_and_a_monday_pass_as_two_daily_candles() -> None:
    assert judge(frame([MONDAY - 3 * DAY, MONDAY]), "1d")[1].gaps == (Gap(MONDAY - 3 * DAY, MONDAY, 2),)


def test_gaps_are_listed_with_the_bars_that_are_missing() -> None:
    report = judge(every(3600).drop(index=[5, 10, 11, 12]))[1]
    at = MONDAY + 3600 * np.arange(20)
    assert report.gaps == (Gap(at[4], at[6], 1), Gap(at[9], at[13], 3))
    assert report.longest_gap == report.gaps[1]
    assert (
        "2 gaps (weekends and closed sessions count); the longest, after 2024-01-01T09:00:00Z, lacks 3"
        in (report.lines()[1])
    )


def test_an_unadjusted_split_is_reported_with_the_way_to_adjust_it() -> None:
    given = every(DAY, 60)
    given.loc[30:, ["open", "high", "low", "close"]] /= 2
    report = judge(given, "1d")[1]
    assert "The open of 2024-01-31T00:00:00Z looks like an unadjusted split, 2 to 1." in report.lines()[-1]
    assert "Import with --adjust split" in report.lines()[-1]
    assert json.loads(json.dumps(report.to_dict()))["splits"][0]["ratio"] == 2.0


def test_a_gap_that_may_be_a_split_is_reported_with_what_speaks_against_it() -> None:
    given = every(DAY, 60)
    given.loc[30:, ["open", "high", "low", "close"]] /= 2
    given.loc[30, "volume"] *= 30
    said = judge(given, "1d")[1].lines()[-1]
    assert "That may be a split, 2 to 1, but 15.0 times the usual volume was traded." in said
    assert "import with --split 2024-01-31=2." in said


def test_the_report_can_be_written_as_json() -> None:
    report = judge(every(3600).drop(index=[5]))[1]
    assert json.loads(json.dumps(report.to_dict()))["gap_count"] == 1
    assert report.to_dict()["longest_gap"]["missing"] == 1
    assert judge(every(3600))[1].to_dict()["longest_gap"] is None


@pytest.mark.parametrize("pair", ["EURUSD", "BTC/USDT", "BRK.B", "^GSPC", "ES=F", "DAX 40", "Ω"])
def test_symbols_of_any_market_are_valid(pair: str) -> None:
    assert check_pair(pair) == pair


@pytest.mark.parametrize("pair", ["", " ", "EUR\nUSD", "A\0", "X" * 65, " EURUSD", "\ud800"])
def test_a_symbol_that_cannot_name_a_series_is_refused(pair: str) -> None:
    with pytest.raises(InvalidCandles, match=r"pair: found .*expected 1 to 64 printable characters"):
        check_pair(pair)


def test_the_arrays_are_judged_like_the_frame() -> None:
    candles, report = judge(every(3600))
    assert check_arrays(candles) == report
    with pytest.raises(InvalidCandles, match="found no candles"):
        check_arrays(candles[:0])


@pytest.mark.parametrize(
    ("stem", "rows", "spans"), [("EURUSD_1h", 6_225, 98), ("AAPL_1d", 3_270, 43), ("BTCUSDT_1h", 43_654, 661)]
)
def test_every_sample_passes_with_its_annotations(stem: str, rows: int, spans: int) -> None:
    pair, timeframe = stem.split("_")
    raw = read_candle_file(SAMPLES / f"{stem}.parquet")
    candles, report = check_candles(raw.frame, pair=pair, timeframe=timeframe)
    file = read_annotation_file(SAMPLES / f"{stem}.annotations.json")
    check_annotations(file.annotations, candles)
    assert (report.rows, len(file.annotations)) == (rows, spans)
    clear = [split.ratio for split in report.splits if split.is_clear]
    assert clear == ([2.0, 2.0] if stem == "AAPL_1d" else [])
