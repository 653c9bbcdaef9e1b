from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from mllib.candle_files import RawCandles
from mllib.candles import Candles
from mllib.errors import InvalidCandles
from mllib.pipeline.previewing import preview_import, read_source, read_upload, rows_near
from mllib.pipeline.workspace import Workspace
from tests.naive import sample

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def _csv(folder: Path, candles: Candles, name: str = "EURUSD_1h.csv") -> Path:
    file = folder / name
    frame = candles.to_frame()
    frame["time"] = pd.to_datetime(frame["time"], unit="s").dt.strftime("%Y-%m-%d %H:%M")
    frame.rename(columns={"time": "Open time", "close": "Close"}).to_csv(file, index=False)
    return file


def _raw(candles: Candles) -> RawCandles:
    return RawCandles(candles.to_frame(), ())


def test_a_file_is_understood_before_anyone_says_what_it_is(candles: Candles, tmp_path: Path) -> None:
    told: list[float] = []
    source = read_source(_csv(tmp_path, candles), progress=lambda share, stage: told.append(share))
    assert (source.pair, source.timeframe, source.refusal) == ("EURUSD", "1h", None)
    assert source.raw is not None
    assert source.raw.headers["time"] == "Open time"
    assert source.head.meanings["Close"] == "close"
    assert [row[0] for row in source.head.rows] == [
        pd.Timestamp(time, unit="s").strftime("%Y-%m-%d %H:%M") for time in candles.time[:8]
    ]
    assert told == sorted(told)


@pytest.mark.parametrize("name", ["x.parquet", "x.json"])
def test_other_forms_are_understood_too(candles: Candles, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    frame = candles.to_frame()
    frame.to_parquet(file) if name == "x.parquet" else frame.to_json(file, orient="records")
    source = read_source(file)
    assert source.refusal is None
    assert (source.pair, source.timeframe) == (None, "1h")
    assert len(source.head.rows) == (8 if name == "x.parquet" else 0)


def test_a_cell_that_cannot_be_read_is_named_and_shown_among_its_neighbours(
    candles: Candles, tmp_path: Path
) -> None:
    file = _csv(tmp_path, candles)
    lines = file.read_text().splitlines(keepends=True)
    lines[42] = lines[42].replace(lines[42].split(",")[1], "n/a", 1)
    file.write_text("".join(lines))
    source = read_source(file)
    assert source.raw is None
    assert source.refusal is not None
    assert "row 42, column open" in str(source.refusal)
    assert source.refusal.row == 42
    around = source.around
    assert around is not None
    assert around.rows[42 - around.first][1] == "n/a"
    assert len(source.head.rows) == 8


def test_cells_that_cannot_be_read_are_named_in_every_column_at_once(
    candles: Candles, tmp_path: Path
) -> None:
    frame = candles.to_frame().astype(object)
    frame.loc[20, "time"], frame.loc[4, "close"], frame.loc[[7, 9], "volume"] = "soon", "n/a", "much"
    file = tmp_path / "EURUSD_1d.csv"
    frame.to_csv(file, index=False)
    refusal = read_source(file).refusal
    assert refusal is not None
    assert (refusal.row, [one.row for one in refusal.others]) == (21, [5, 8])
    assert ["column close: found 'n/a'" in str(one) for one in refusal.others] == [True, False]


def test_every_kind_of_fault_is_told_at_once(ws: Workspace, candles: Candles) -> None:
    high, volume, time = candles.high.copy(), candles.volume.copy(), candles.time.copy()
    high[7], volume[9], time[12] = 0.1, -1.0, time[11]
    broken = replace(candles, high=high, volume=volume, time=time)
    found = preview_import(ws, _raw(broken), **EURUSD)
    assert [refusal.row for refusal in found.refusals] == [13, 8, 10]
    assert "at the same time" in str(found.refusals[0])
    assert found.candles is None


def test_times_that_cannot_be_told_are_the_only_fault(ws: Workspace, candles: Candles) -> None:
    found = preview_import(ws, _raw(replace(candles, time=candles.time * 1_000)), **EURUSD)
    assert [str(refusal).partition("This looks")[2] for refusal in found.refusals] == [
        " like milliseconds: convert to seconds."
    ]


def test_what_is_stored_is_compared_and_stays_as_it_was(ws: Workspace) -> None:
    longer = sample("EURUSD_1h")[250:400]
    close = longer.close.copy()
    close[3] = longer.low[3]
    version = ws.candles.version("EURUSD", "1h")
    found = preview_import(ws, _raw(replace(longer, close=close)), **EURUSD)
    assert found.comparison is not None
    report = found.comparison.report
    assert (report.added, report.changed, report.unchanged) == (100, 1, 49)
    assert found.comparison.changed_times.tolist() == [int(longer.time[3])]
    assert ws.candles.version("EURUSD", "1h") == version


def test_a_volume_that_only_one_side_has_is_refused_with_the_candles_shown(ws: Workspace) -> None:
    without = replace(sample("EURUSD_1h")[290:400], volume=None)
    found = preview_import(ws, _raw(without), **EURUSD)
    assert [type(refusal) for refusal in found.refusals] == [InvalidCandles]
    assert found.candles is not None


def test_the_wrong_timeframe_is_refused_with_the_likely_one(ws: Workspace, candles: Candles) -> None:
    found = preview_import(ws, _raw(candles), pair="EURUSD", timeframe="5m")
    assert "It looks like 1h" in str(found.refusals[0])


def test_a_split_is_reported_and_adjusted_on_demand(ws: Workspace) -> None:
    apple = sample("AAPL_1d")
    prices = {name: getattr(apple, name).copy() for name in ("open", "high", "low", "close")}
    for values in prices.values():
        values[:1_000] *= 2
    volume = apple.volume.copy()
    volume[:1_000] /= 2
    raw = _raw(replace(apple, **prices, volume=volume))
    plain = preview_import(ws, raw, pair="AAPL", timeframe="1d")
    assert plain.report is not None
    (split,) = [one for one in plain.report.splits if one.time == apple.time[1_000]]
    assert plain.adjusted == ()
    adjusted = preview_import(ws, raw, pair="AAPL", timeframe="1d", adjust="split")
    assert (split.time, split.ratio) in [(one.time, one.ratio) for one in adjusted.adjusted]
    assert adjusted.candles is not None
    assert adjusted.candles.close[999] == pytest.approx(plain.candles.close[999] / 4)


def test_an_upload_leaves_no_file_behind(ws: Workspace, candles: Candles, tmp_path: Path) -> None:
    content = _csv(tmp_path, candles).read_bytes()
    source = read_upload(ws, "../../EURUSD_1h.csv", content)
    assert (source.name, source.size_bytes) == ("EURUSD_1h.csv", len(content))
    assert list((ws.home / "uploads").iterdir()) == []


def test_rows_near_one_are_numbered_as_the_file_is(candles: Candles) -> None:
    assert rows_near(_raw(candles), 2)["row"].tolist() == [1, 2, 3, 4, 5]
    near = rows_near(_raw(candles), 40)
    assert near["row"].tolist() == list(range(37, 44))
    assert near["time"].iloc[3] == pd.Timestamp(int(candles.time[39]), unit="s")
