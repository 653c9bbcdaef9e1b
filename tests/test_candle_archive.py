"""Stored candles: merged by time, whole or not at all, for several processes at once."""

import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mllib.candle_archive import CandleArchive, FolderFiles, MergeReport, ObjectFiles, SeriesInfo
from mllib.candles import Candles
from mllib.errors import Conflict, InvalidCandles, NotFound, NotReady
from mllib.object_storage import ObjectStorage
from mllib.price_adjustment import PriceSplit
from tests.s3 import s3

__all__ = ["s3"]
START = 1_704_067_200


def hourly(
    first: int, last: int, *, pair: str = "EURUSD", price: float = 1.0, volume: bool = True
) -> Candles:
    """Candles `first` to `last - 1` of a series that starts at START."""
    opened = START + 3600 * np.arange(first, last)
    flat = np.full(len(opened), price)
    return Candles(pair, "1h", opened, flat, flat, flat, flat, flat if volume else None)


def assert_equal(found: Candles, expected: Candles) -> None:
    np.testing.assert_array_equal(found.time, expected.time)
    for name in ("open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.fixture
def in_folder(tmp_path: Path) -> CandleArchive:
    return CandleArchive(FolderFiles(tmp_path / "candles"))


@pytest.fixture(params=["folder", "s3"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> CandleArchive:
    """What holds wherever the files are."""
    if request.param == "folder":
        return CandleArchive(FolderFiles(tmp_path / "candles"))
    storage = ObjectStorage(request.getfixturevalue("s3").empty_url(), tmp_path / "cache")
    return CandleArchive(ObjectFiles(storage, lambda _name: nullcontext()))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "candles").iterdir() if not path.name.endswith(".lock"))


@pytest.mark.parametrize("volume", [True, False])
def test_what_is_merged_is_read_back(archive: CandleArchive, volume: bool) -> None:
    candles = hourly(0, 50, volume=volume)
    archive.merge(candles)
    found = archive.read("EURUSD", "1H")
    assert (found.pair, found.timeframe) == ("EURUSD", "1h")
    assert (found.time.dtype, found.open.dtype) == (np.int64, np.float64)
    assert_equal(found, candles)


def test_a_range_is_read_with_both_ends_included(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 50))
    found = archive.read("EURUSD", "1h", start_time=START + 3600, end_time=START + 7200)
    assert found.time.tolist() == [START + 3600, START + 7200]


def test_a_merge_reports_what_it_added_changed_and_left(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    new = hourly(5, 15)
    close = new.close.copy()
    close[:2] = 2.0
    report = archive.merge(replace(new, high=np.maximum(new.high, close), close=close))
    assert report == MergeReport(5, 2, 3, 15, START, START + 14 * 3600)
    assert archive.read("EURUSD", "1h").close.tolist() == [1.0] * 5 + [2.0] * 2 + [1.0] * 8


def test_older_candles_are_merged_before_newer_ones(archive: CandleArchive) -> None:
    archive.merge(hourly(5, 15))
    archive.merge(hourly(0, 10))
    assert_equal(archive.read("EURUSD", "1h"), hourly(0, 15))


def test_merging_the_same_again_changes_neither_file_nor_version(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    before = archive.version("EURUSD", "1h")
    assert archive.merge(hourly(0, 10)) == MergeReport(0, 0, 10, 10, START, START + 9 * 3600)
    assert archive.version("EURUSD", "1h") == before


def test_the_splits_that_a_series_was_adjusted_for_stay_with_it(archive: CandleArchive) -> None:
    first, second = PriceSplit(START + 3600, 2.0), PriceSplit(START + 5 * 3600, 3.0)
    archive.merge(hourly(0, 10), splits=[second])
    assert archive.list()[0].splits == (second,)
    archive.merge(hourly(0, 10), splits=[first, second])
    archive.merge(hourly(8, 12))
    assert archive.list()[0].splits == (first, second)
    archive.rename("EURUSD", "1h", "EUR/USD")
    assert archive.list()[0].splits == (first, second)


def test_stored_candles_are_not_left_in_old_shares(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    newer, split = hourly(4, 10), PriceSplit(START + 6 * 3600, 2.0)
    with pytest.raises(InvalidCandles, match=r"EURUSD 1h: found 4 stored candles before the split"):
        archive.merge(newer, splits=[split])
    assert archive.list()[0].splits == ()


def test_the_version_changes_with_the_candles(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    before = archive.version("EURUSD", "1h")
    archive.merge(hourly(0, 10, price=2.0))
    assert archive.version("EURUSD", "1h") != before


def test_candles_off_the_stored_grid_are_refused_and_nothing_changes(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    late = hourly(20, 30)
    with pytest.raises(InvalidCandles, match=r"EURUSD 1h: candle 11 .*expected a multiple of 1 h"):
        archive.merge(replace(late, time=late.time + 600))
    assert_equal(archive.read("EURUSD", "1h"), hourly(0, 10))


def test_a_volume_on_one_side_only_is_refused(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    with pytest.raises(InvalidCandles, match=r"a volume in the stored candles only, expected it in the new"):
        archive.merge(hourly(5, 15, volume=False))


def test_a_volume_may_go_when_every_stored_candle_is_replaced(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    assert archive.merge(hourly(0, 12, volume=False)).changed == 10
    assert archive.read("EURUSD", "1h").volume is None


@pytest.mark.parametrize(
    "pair", ["BTC/USDT", "BRK.B", "..", ".hidden", "A_B_1h", "^GSPC", "50%", "Ω €", "a" * 64, "con*[?]"]
)
def test_any_symbol_is_stored_inside_the_folder_and_listed_as_it_was(
    in_folder: CandleArchive, tmp_path: Path, pair: str
) -> None:
    in_folder.merge(hourly(0, 3, pair=pair))
    assert len(in_folder.read(pair, "1h")) == 3
    (name,) = files(tmp_path)
    assert [info.pair for info in in_folder.list()] == [pair]
    assert not name.startswith(".")
    assert [path.name for path in tmp_path.iterdir()] == ["candles"]


def test_a_symbol_too_long_for_a_file_name_is_refused(archive: CandleArchive) -> None:
    with pytest.raises(InvalidCandles, match="bytes as a file name, expected at most 200"):
        archive.merge(hourly(0, 3, pair="Ω" * 64))


def test_the_list_is_ordered_and_says_what_is_stored(in_folder: CandleArchive, tmp_path: Path) -> None:
    assert in_folder.list() == []
    in_folder.merge(hourly(0, 10))
    in_folder.merge(replace(hourly(0, 3), timeframe="1m", time=START + 60 * np.arange(3)))
    in_folder.merge(hourly(0, 2, pair="AAPL"))
    (tmp_path / "candles" / "other.parquet").write_bytes(b"not ours")
    size = (tmp_path / "candles" / "EURUSD_1h.parquet").stat().st_size
    names = [(info.pair, info.timeframe) for info in in_folder.list()]
    assert names == [("AAPL", "1h"), ("EURUSD", "1m"), ("EURUSD", "1h")]
    assert in_folder.list()[2] == SeriesInfo("EURUSD", "1h", 10, START, START + 9 * 3600, size)


def test_an_unknown_series_is_not_found_and_the_known_ones_are_named(archive: CandleArchive) -> None:
    with pytest.raises(NotFound, match=r"GBPUSD 1h: .*expected one of: \(nothing is stored\)"):
        archive.read("GBPUSD", "1h")
    archive.merge(hourly(0, 10))
    for call in (archive.read, archive.version, archive.delete):
        with pytest.raises(NotFound, match=r"GBPUSD 1h: .*expected one of: EURUSD 1h\. Import the candles"):
            call("GBPUSD", "1h")
    with pytest.raises(NotFound, match="GBPUSD 1h"):
        archive.rename("GBPUSD", "1h", "X")


def test_a_deleted_series_is_gone(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    archive.delete("EURUSD", "1h")
    assert archive.list() == []


def test_a_renamed_series_keeps_its_candles(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    archive.rename("EURUSD", "1h", "EUR/USD")
    assert [info.pair for info in archive.list()] == ["EUR/USD"]
    assert_equal(archive.read("EUR/USD", "1h"), hourly(0, 10))


def test_a_rename_does_not_overwrite(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    archive.merge(hourly(0, 5, pair="GBPUSD"))
    with pytest.raises(Conflict, match=r"EURUSD 1h: found candles of GBPUSD stored already"):
        archive.rename("EURUSD", "1h", "GBPUSD")
    assert len(archive.read("GBPUSD", "1h")) == 5


def test_a_broken_file_is_said_to_be_unreadable(in_folder: CandleArchive, tmp_path: Path) -> None:
    in_folder.merge(hourly(0, 10))
    stored = tmp_path / "candles" / "EURUSD_1h.parquet"
    stored.write_bytes(stored.read_bytes()[:-20])
    for call in (
        lambda: in_folder.read("EURUSD", "1h"),
        in_folder.list,
        lambda: in_folder.merge(hourly(0, 3)),
    ):
        with pytest.raises(
            NotReady, match=r"EURUSD 1h: found .*EURUSD_1h.parquet unreadable, .*Restore the file"
        ):
            call()


def test_whoever_asks_to_be_told_of_broken_files_gets_the_others(
    in_folder: CandleArchive, tmp_path: Path
) -> None:
    for pair in ("EURUSD", "GBPUSD"):
        in_folder.merge(hourly(0, 10, pair=pair))
    (tmp_path / "candles" / "EURUSD_1h.parquet").write_bytes(b"no candles")
    told: list[str] = []
    found = in_folder.list(on_damaged=lambda pair, timeframe, exc: told.append(f"{pair} {timeframe} {exc}"))
    assert [one.pair for one in found] == ["GBPUSD"]
    assert len(told) == 1
    assert told[0].startswith("EURUSD 1h EURUSD 1h: found ")


def test_a_folder_that_is_a_file_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "candles").write_text("")
    with pytest.raises(NotReady, match=r"EURUSD 1h: found File exists when writing to .*fix the permission"):
        CandleArchive(FolderFiles(tmp_path / "candles")).merge(hourly(0, 3))


SETUP = """
import sys
from pathlib import Path
import numpy as np
from mllib.candle_archive import CandleArchive, FolderFiles
from mllib.candles import Candles

def merge(first, last):
    noise = 1 + np.random.default_rng(first).random(last - first)
    time = 1704067200 + 3600 * np.arange(first, last)
    candles = Candles("EURUSD", "1h", time, noise, noise, noise, noise, noise)
    CandleArchive(FolderFiles(Path(sys.argv[1]))).merge(candles)
"""

FULL_DISK = f"""
import resource, signal
from mllib.errors import NotReady
from mllib.price_adjustment import PriceSplit
{SETUP}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    merge(0, 5000)
except NotReady as exc:
    print(exc)
"""


def test_a_full_disk_leaves_the_old_candles_whole(in_folder: CandleArchive, tmp_path: Path) -> None:
    in_folder.merge(hourly(0, 10))
    folder = str(tmp_path / "candles")
    command = [sys.executable, "-c", FULL_DISK, folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "EURUSD 1h: found File too large" in done.stdout
    assert "What was stored is whole and as it was" in done.stdout
    assert files(tmp_path) == ["EURUSD_1h.parquet"]
    assert_equal(in_folder.read("EURUSD", "1h"), hourly(0, 10))


KILLED_WRITER = f"""
import os, signal
{SETUP}
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
merge(0, 5000)
"""

ALTERNATING_WRITER = f"""
{SETUP}
for first in range(int(sys.argv[2]), 300, 20):
    merge(first, first + 10)
"""


def test_a_writer_killed_before_the_swap_leaves_the_old_candles(
    in_folder: CandleArchive, tmp_path: Path
) -> None:
    in_folder.merge(hourly(0, 10))
    command = [sys.executable, "-c", KILLED_WRITER, str(tmp_path / "candles")]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    assert files(tmp_path) == [".EURUSD_1h.tmp", "EURUSD_1h.parquet"]
    assert_equal(in_folder.read("EURUSD", "1h"), hourly(0, 10))
    assert len(in_folder.list()) == 1
    in_folder.merge(hourly(10, 12))
    assert files(tmp_path) == ["EURUSD_1h.parquet"]
    assert_equal(in_folder.read("EURUSD", "1h"), hourly(0, 12))


def test_two_importing_processes_lose_none_of_each_others_rows(
    in_folder: CandleArchive, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", ALTERNATING_WRITER, str(tmp_path / "candles")]
    processes = [subprocess.Popen([*command, first]) for first in ("0", "10")]
    assert [process.wait(60) for process in processes] == [0, 0]
    found = in_folder.read("EURUSD", "1h")
    np.testing.assert_array_equal(found.time, hourly(0, 300).time)


def test_a_deleted_series_comes_back_as_it_was(archive: CandleArchive) -> None:
    archive.merge(replace(hourly(0, 10), pair="BRK.B"))
    deleted = archive.delete("BRK.B", "1h")
    assert archive.list() == []
    assert archive.bring_back(deleted) == ("BRK.B", "1h")
    assert_equal(archive.read("BRK.B", "1h"), replace(hourly(0, 10), pair="BRK.B"))
    with pytest.raises(NotFound, match="found none of the deleted candles any more"):
        archive.bring_back(deleted)


def test_a_deleted_series_does_not_replace_a_newer_one(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    deleted = archive.delete("EURUSD", "1h")
    archive.merge(hourly(0, 3))
    with pytest.raises(Conflict, match="Rename or delete those first"):
        archive.bring_back(deleted)
    assert len(archive.read("EURUSD", "1h")) == 3


def test_only_the_series_deleted_last_are_kept(archive: CandleArchive) -> None:
    deleted = []
    for pair in "ABCDEFG":
        archive.merge(hourly(0, 3, pair=pair))
        deleted.append(archive.delete(pair, "1h"))
    assert [one.name for one in archive.deleted()] == deleted[:1:-1]
    assert archive.deleted()[0].pair == "G"
    with pytest.raises(NotFound):
        archive.bring_back(deleted[0])
    assert archive.bring_back(deleted[-1]) == ("G", "1h")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "notes.txt", "EURUSD_1h.parquet", "../EURUSD_1h.parquet", "x"]
)
def test_only_what_a_deletion_left_is_brought_back(
    in_folder: CandleArchive, tmp_path: Path, name: str
) -> None:
    in_folder.merge(hourly(0, 3))
    deleted = in_folder.delete("EURUSD", "1h")
    with pytest.raises(NotFound, match=f"found none of the deleted candles .* {re.escape(deleted)}"):
        in_folder.bring_back(name)
    assert sorted(one.name for one in (tmp_path / "candles").iterdir()) == [".EURUSD_1h.lock", "deleted"]
    assert in_folder.bring_back(deleted) == ("EURUSD", "1h")


def test_other_files_beside_the_deleted_ones_are_left_alone(in_folder: CandleArchive, tmp_path: Path) -> None:
    folder = tmp_path / "candles" / "deleted"
    folder.mkdir(parents=True)
    strays = ("notes.txt", ".hidden", "EURUSD_1h.parquet", "EURUSD_9h.17", "plain")
    for stray in strays:
        (folder / stray).touch()
    (folder / "EURUSD_1h.3").mkdir()
    deleted = []
    for pair in ("A", "B", "C", "D", "E", "F"):
        in_folder.merge(hourly(0, 3, pair=pair))
        deleted.append(in_folder.delete(pair, "1h"))
    assert [one.name for one in in_folder.deleted()] == deleted[:0:-1]
    assert {path.name for path in folder.iterdir()} == {*strays, "EURUSD_1h.3", *deleted[1:]}
    for stray in (*strays, "EURUSD_1h.3"):
        with pytest.raises(NotFound, match="found none of the deleted candles"):
            in_folder.bring_back(stray)


def test_a_comparison_writes_nothing(archive: CandleArchive) -> None:
    archive.merge(hourly(0, 10))
    version = archive.version("EURUSD", "1h")
    found = archive.compare(hourly(8, 12, price=2.0))
    assert (found.report.added, found.report.changed, found.report.total) == (2, 2, 12)
    assert archive.version("EURUSD", "1h") == version
    assert archive.compare(hourly(0, 3, pair="NEW")).stored is None
