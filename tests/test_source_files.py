"""What is too large or damaged to be read, said before it is."""

import gzip
import os
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

from mllib import source_files
from mllib.errors import InvalidCandles
from mllib.source_files import parquet_table, read_text


def test_half_a_gigabyte_of_text_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.touch()
    os.truncate(path, 500_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(
            InvalidCandles, match=r"candles\.csv: found 500 MB, expected at most 256 MB\. Split"
        ):
            read_text(path, [])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_small_file_that_unpacks_to_a_large_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_files, "MOST_BYTES", 10_000_000)
    path = tmp_path / "candles.csv.gz"
    with gzip.open(path, "wb", 1) as file:
        for _ in range(100):
            file.write(b"0" * 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(
            InvalidCandles, match=r"found more than 10 MB once unpacked, expected less\. Split"
        ):
            read_text(path, [])
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("MOST_PARQUET_ROWS", r"found 1,000 rows, expected at most 9\. Split the file by time"),
        ("MOST_PARQUET_BYTES", r"found 0 MB, expected at most 0 MB\. Split the file by time"),
    ],
)
def test_parquet_of_too_many_rows_or_bytes_is_refused_from_its_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, said: str
) -> None:
    path = tmp_path / "candles.parquet"
    pd.DataFrame({"time": range(1_000)}).to_parquet(path)
    assert parquet_table(path).num_rows == 1_000
    monkeypatch.setattr(source_files, limit, 9)
    with pytest.raises(InvalidCandles, match=said):
        parquet_table(path)


@pytest.mark.parametrize("content", [b"", b"time,open\n", b"PAR1" + bytes(100) + b"PAR1"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "candles.parquet"
    path.write_bytes(content)
    with pytest.raises(
        InvalidCandles, match=r"candles\.parquet: found .*, expected a whole Parquet file\. Exp"
    ):
        parquet_table(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for read in (parquet_table, lambda path: read_text(path, [])):
        with pytest.raises(InvalidCandles, match=r"expected a (readable, )?whole"):
            read(tmp_path)
