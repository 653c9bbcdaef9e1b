"""Candle files of common sources, and what is said of those that cannot be read."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mllib.candle_files import RawCandles, read_candle_file
from mllib.errors import InvalidCandles

HEADER = "time,open,high,low,close,volume\n"
ROW = "1483308000,1,2,0.5,1.5,5\n"
AT = 1_483_308_000  # 2017-01-01T22:00:00Z
NO_ZONE = "Times carry no zone and were read as UTC."

Read = Callable[..., RawCandles]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_read(content: str | bytes, name: str = "candles.csv") -> RawCandles:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_candle_file(path)

    return write_and_read


def test_the_contracts_columns_are_read_as_they_are(read: Read) -> None:
    raw = read(HEADER + ROW)
    assert raw.frame.to_dict("list") == {
        "time": [AT],
        "open": [1.0],
        "high": [2.0],
        "low": [0.5],
        "close": [1.5],
        "volume": [5.0],
    }
    assert [str(dtype) for dtype in raw.frame.dtypes] == ["int64"] + ["float64"] * 5
    assert raw.notes == ("Times were read as Unix seconds.",)


@pytest.mark.parametrize(
    "header",
    [
        " Time , OPEN,High ,low,Close,Volume",
        "ts,o,h,l,c,v",
        "Open time,Open,High,Low,Close,Vol",
        "timestamp,1. open,2. high,3. low,4. close,5. volume",
        "Unix Timestamp,Open,High,Low,Close,Volume USDT",
        "open_time,open_price,high_price,low_price,close_price,tick_volume",
    ],
)
def test_common_header_names_are_recognised(read: Read, header: str) -> None:
    assert list(read(f"{header}\n{ROW}").frame) == ["time", "open", "high", "low", "close", "volume"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_recognised(read: Read, delimiter: str) -> None:
    raw = read((HEADER + ROW).replace(",", delimiter), "candles.txt")
    assert raw.frame["close"].tolist() == [1.5]


def test_a_decimal_comma_is_recognised_and_said(read: Read) -> None:
    raw = read("Date;Open;High;Low;Close\n2017-01-02;1,05;2,5;1;1,5\n")
    assert raw.frame["open"].tolist() == [1.05]
    assert "Prices are written with a decimal comma." in raw.notes


def test_metatraders_day_and_clock_become_one_time(read: Read) -> None:
    header = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
    raw = read(header + "2017.01.01\t22:00:00\t1\t2\t0.5\t1.5\t7\t0\t3\n")
    assert (raw.frame["time"].tolist(), raw.frame["volume"].tolist()) == ([AT], [7.0])
    assert raw.notes == (NO_ZONE, "Left out: <VOL>, <SPREAD>.")


def test_a_date_beside_epoch_seconds_is_left_out(read: Read) -> None:
    raw = read("Date,time,open,high,low,close\n2017-01-01,1483308000,1,2,0.5,1.5\n")
    assert raw.frame["time"].tolist() == [AT]
    assert raw.notes[-1] == "Left out: Date."


def test_the_adjusted_close_is_left_out_and_said(read: Read) -> None:
    raw = read("Date,Open,High,Low,Close,Adj Close,Volume\n2017-01-02,1,2,0.5,1.5,0.7,5\n")
    assert raw.frame["close"].tolist() == [1.5]
    assert raw.notes[-1] == "Left out: Adj Close."


def test_a_line_above_the_header_is_left_out_and_said(read: Read) -> None:
    raw = read("https://www.example.com\n" + HEADER + ROW)
    assert raw.notes[0] == "Left out above the header: 1 line."


@pytest.mark.parametrize(
    ("factor", "unit"),
    [(1, "seconds"), (10**3, "milliseconds"), (10**6, "microseconds"), (10**9, "nanoseconds")],
)
def test_the_unit_of_epoch_times_is_found_by_magnitude(read: Read, factor: int, unit: str) -> None:
    for written in (str(AT * factor), f"{AT * factor}.0"):
        raw = read(f"{HEADER}{written},1,2,0.5,1.5,5\n")
        assert raw.frame["time"].tolist() == [AT]
        assert raw.notes == (f"Times were read as Unix {unit}.",)


@pytest.mark.parametrize(
    ("written", "seconds", "notes"),
    [
        ("2017-01-01T22:00:00Z", AT, ()),
        ("2017-01-01 23:00:00+01:00", AT, ()),
        ("2017-01-01 23:00:00+01", AT, ()),
        ("2017-01-01 22:00:00 UTC", AT, ()),
        ("2017-01-01 22:00", AT, (NO_ZONE,)),
        ("2017.01.01 22:00", AT, (NO_ZONE,)),
        ("2017-01-02", AT + 7200, (NO_ZONE,)),
        ("20170102", AT + 7200, (NO_ZONE,)),
        ("20170101 220000", AT, (NO_ZONE,)),
        ("13.01.2017 00:00:00.000", 1_484_265_600, ("Dates were read as day.month.year.", NO_ZONE)),
    ],
)
def test_calendar_times_are_read_as_utc(
    read: Read, written: str, seconds: int, notes: tuple[str, ...]
) -> None:
    raw = read(f"{HEADER}{written},1,2,0.5,1.5,5\n")
    assert (raw.frame["time"].tolist(), raw.notes) == ([seconds], notes)


def test_a_last_line_without_its_end_is_pointed_out(read: Read) -> None:
    cut = "The last line has no line end; the file may have been cut off there."
    assert read((HEADER + ROW).rstrip()).notes[0] == cut
    assert cut not in read(HEADER + ROW).notes


def test_rows_are_never_sorted(read: Read) -> None:
    raw = read(f"{HEADER}1483311600,1,2,0.5,1.5,5\n{ROW}")
    assert raw.frame["time"].tolist() == [AT + 3600, AT]


def test_empty_volume_cells_are_left_to_the_gate(read: Read) -> None:
    assert np.isnan(read(f"{HEADER}1483308000,1,2,0.5,1.5,\n").frame["volume"]).all()


def test_compressed_and_utf_16_files_are_read(read: Read) -> None:
    assert len(read(gzip.compress((HEADER + ROW).encode()), "candles.csv.gz").frame) == 1
    assert read((HEADER + ROW).encode("utf-16")).notes[0] == "The file is encoded as UTF-16."
    assert len(read((HEADER + ROW).replace("\n", "\r\n").encode("utf-8-sig")).frame) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "",
            r"candles\.csv: found an empty file, expected a header and candles\. Export or download it again",
        ),
        (HEADER, r"candles\.csv: found no rows, expected at least one candle"),
        (ROW, r"found the header '1483308000, .*expected a column for time, open, high, low, close as well"),
        ("price\n1\n", r"found the header 'price', expected a column for time"),
        (f"{HEADER}{ROW}1483311600,1,n/a,0.5,1.5,5\n", r"row 2, column high: found 'n/a', expected a number"),
        (f"{HEADER}1483308000,1,,0.5,1.5,5\n", r"row 1, column high: found an empty cell, expected a number"),
        (f"{HEADER}{ROW}1483311600,1,2", r"found 3 cells in row 2 \('1483311600,1,2'\), expected 6"),
        (f"{HEADER}1483308000,1,2,0.5,1.5,5,9\n", r"found 7 cells in row 1"),
        (
            f"{HEADER}01/02/2017,1,2,0.5,1.5,5\n",
            r"row 1, column time: found '01/02/2017', expected a time such",
        ),
        (f"{HEADER}{ROW},1,2,0.5,1.5,5\n", r"row 2, column time: found an empty cell"),
        (
            f"{HEADER}1483308000.5,1,2,0.5,1.5,5\n",
            r"row 1, column time: found 1483308000\.5, expected whole sec",
        ),
        (
            f"{HEADER}2017-01-01 22:00:00.5,1,2,0.5,1.5,5\n",
            r"row 1, column time: .*expected a time of whole sec",
        ),
        (f"{HEADER}caf\xe9".encode("latin-1"), r"found byte 0xe9 at 35, expected text encoded as UTF-8"),
        (f"{HEADER}\0\0\0", r"found a zero byte at 32"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(read: Read, content: str | bytes, message: str) -> None:
    with pytest.raises(InvalidCandles, match=message):
        read(content)


def test_a_cut_off_compressed_file_is_refused(read: Read) -> None:
    with pytest.raises(InvalidCandles, match=r"candles\.csv\.gz: found .*expected a readable, whole file"):
        read(gzip.compress((HEADER + ROW).encode())[:-6], "candles.csv.gz")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(InvalidCandles, match=rf"{name}: found .*No such file"):
            read_candle_file(tmp_path / name)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_parquet_datetimes_of_any_unit_and_zone_are_read(tmp_path: Path, unit: str, zone: str | None) -> None:
    times = pd.to_datetime([AT, AT + 3600], unit="s", utc=True).as_unit(unit)
    times = times.tz_localize(None) if zone is None else times.tz_convert(zone)
    path = tmp_path / "candles.parquet"
    prices = {"Open": [1, 1], "High": [2.0, 2.0], "Low": [1.0, 1.0], "Close": ["1.5", "1.5"]}
    pd.DataFrame(prices, index=pd.Index(times, name="Date")).to_parquet(path)
    raw = read_candle_file(path)
    assert raw.frame["time"].tolist() == [AT, AT + 3600]
    assert raw.frame["close"].tolist() == [1.5, 1.5]
    assert raw.notes == (() if zone else (NO_ZONE,))


def test_a_cut_off_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles.parquet"
    pd.DataFrame({"time": [1]}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InvalidCandles, match=r"candles\.parquet: found .*expected a whole Parquet file"):
        read_candle_file(path)
