import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy.exc import IntegrityError

from mllib.candles import Candles
from mllib.errors import Conflict, InvalidCandles, NotFound, NotReady
from mllib.patterns import detect
from mllib.pipeline.annotations import label_series
from mllib.pipeline.data import (
    CandleImport,
    check_file,
    delete_series,
    import_candles,
    import_samples,
    rename_series,
)
from mllib.pipeline.importing import import_annotations
from mllib.pipeline.workspace import Workspace
from mllib.price_adjustment import parse_split
from mllib.spans import Annotation
from mllib.timeframes import iso_utc
from tests.naive import sample

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def _file(tmp_path: Path, candles: Candles) -> Path:
    candles.to_frame().to_parquet(tmp_path / "candles.parquet")
    return tmp_path / "candles.parquet"


def _annotate(ws: Workspace, candles: Candles) -> None:
    span = Annotation("bull_flag", int(candles.time[3]), int(candles.time[9]), id="a")
    ws.store.annotations.add("EURUSD", "1h", [span])


def test_importing_again_merges_and_says_what_changed(ws: Workspace, tmp_path: Path) -> None:
    done = import_candles(ws, _file(tmp_path, sample("EURUSD_1h")[250:400]), pair="EURUSD", timeframe="1H")
    assert done.merged is not None
    assert (done.merged.added, done.merged.changed, done.merged.total) == (100, 0, 400)
    assert len(ws.candles.read("EURUSD", "1h")) == 400


def test_checking_a_file_stores_nothing(ws: Workspace, tmp_path: Path) -> None:
    report = check_file(_file(tmp_path, sample("EURUSD_1h")[:400]), **EURUSD)
    assert report.merged is None
    assert len(ws.candles.read("EURUSD", "1h")) == 300


def test_a_file_that_the_gate_refuses_leaves_what_is_stored(ws: Workspace, tmp_path: Path) -> None:
    frame = sample("EURUSD_1h")[:400].to_frame()
    frame.loc[350, "high"] = 0.1
    frame.to_parquet(tmp_path / "bad.parquet")
    with pytest.raises(InvalidCandles, match="EURUSD 1h"):
        import_candles(ws, tmp_path / "bad.parquet", **EURUSD)
    assert len(ws.candles.read("EURUSD", "1h")) == 300


def _cut_csv(frame: pd.DataFrame, path: Path) -> None:
    text = frame.to_csv(index=False)
    path.write_text(text[: text.rindex(",") - 3])


def _cut_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path)
    path.write_bytes(path.read_bytes()[:-2_000])


def _in_latin_1(frame: pd.DataFrame, path: Path) -> None:
    text = frame.assign(note="café").to_csv(index=False)
    path.write_text(text, encoding="latin-1")


def _huge(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False)
    os.truncate(path, 500_000_000)


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("cut.csv", _cut_csv, r"cut\.csv: found 5 cells in row 400 .*expected 6, as in the header"),
        ("cut.parquet", _cut_parquet, r"cut\.parquet: found .*expected a whole Parquet file"),
        ("latin.csv", _in_latin_1, r"latin\.csv: found byte 0xe9 at .*expected text encoded as UTF-8"),
        ("huge.csv", _huge, r"huge\.csv: found 500 MB, expected at most 256 MB"),
        ("none.csv", lambda *_: None, r"none\.csv: found No such file"),
    ],
)
def test_a_damaged_file_leaves_what_is_stored(
    ws: Workspace, tmp_path: Path, name: str, damage: Callable[[pd.DataFrame, Path], None], said: str
) -> None:
    damage(sample("EURUSD_1h")[:400].to_frame(), tmp_path / name)
    before = ws.candles.version("EURUSD", "1h")
    with pytest.raises(InvalidCandles, match=said):
        import_candles(ws, tmp_path / name, **EURUSD)
    assert ws.candles.version("EURUSD", "1h") == before
    assert [series.pair for series in ws.store.series.list()] == ["EURUSD"]


AAPL = {"pair": "AAPL", "timeframe": "1d"}
RAW = Path(__file__).parents[2] / "data" / "samples" / "AAPL_1d.parquet"


def _import_aapl(ws: Workspace, **how: Any) -> CandleImport:
    return import_candles(ws, RAW, **AAPL, **how)


def test_splits_are_adjusted_when_asked_and_a_crash_is_not(ws: Workspace) -> None:
    raw = sample("AAPL_1d")
    done = _import_aapl(ws, adjust="split")
    assert [(iso_utc(time)[:10], ratio) for time, ratio in done.adjusted] == [
        ("2000-06-21", 2.0),
        ("2005-02-28", 2.0),
    ]
    assert [iso_utc(left.time)[:10] for left in done.report.splits] == ["2000-09-29"]
    stored = ws.candles.read("AAPL", "1d")
    factor = raw.close / stored.close
    assert [factor[raw.time < time][-1] for time, _ in done.adjusted] == [4.0, 2.0]
    assert factor[-1] == 1.0
    assert stored.volume is not None
    assert raw.volume is not None
    assert (stored.volume[0], stored.volume[-1]) == (4 * raw.volume[0], raw.volume[-1])
    assert ws.candles.list()[0].splits == done.adjusted


def test_without_being_asked_prices_are_stored_as_they_come(ws: Workspace) -> None:
    done = _import_aapl(ws)
    assert done.adjusted == ()
    assert len(done.report.splits) == 3
    np.testing.assert_array_equal(ws.candles.read("AAPL", "1d").close, sample("AAPL_1d").close)


def test_a_person_names_splits_and_exempts_others(ws: Workspace) -> None:
    named = [parse_split("2005-02-28=1"), parse_split("2000-09-29=2")]
    done = _import_aapl(ws, adjust="split", splits=named)
    assert [iso_utc(split.time)[:10] for split in done.adjusted] == ["2000-06-21", "2000-09-29"]
    alone = check_file(RAW, **AAPL, splits=[parse_split("2005-02-28=2")])
    assert [iso_utc(split.time)[:10] for split in alone.adjusted] == ["2005-02-28"]


def test_adjusting_later_keeps_the_annotations_and_derives_the_rest_again(ws: Workspace) -> None:
    _import_aapl(ws)
    import_annotations(ws, RAW.with_name("AAPL_1d.annotations.json"), **AAPL)
    label_series(ws, **AAPL, functions=["CDLDOJI", "CDLENGULFING"])
    crossed = parse_split("2005-02-28=2").time
    spans, layer, version = (
        ws.store.annotations.list("AAPL", "1d"),
        ws.store.talib.spans("AAPL", "1d"),
        ws.candles.version("AAPL", "1d"),
    )
    merged = _import_aapl(ws, adjust="split").merged
    assert merged is not None
    assert (merged.added, merged.total) == (0, len(sample("AAPL_1d")))
    assert merged.changed == np.count_nonzero(sample("AAPL_1d").time < crossed)
    assert ws.store.annotations.list("AAPL", "1d") == spans
    assert ws.store.talib.spans("AAPL", "1d") != layer
    assert ws.store.talib.spans("AAPL", "1d") == _labelled_anew(ws)
    assert ws.candles.version("AAPL", "1d") != version


def _labelled_anew(ws: Workspace) -> list[Annotation]:
    found = detect(ws.candles.read("AAPL", "1d"), ["CDLDOJI", "CDLENGULFING"])
    ws.store.talib.replace("NEW", "1d", list(found), found, 0)
    return ws.store.talib.spans("NEW", "1d")


def test_raw_prices_are_not_mixed_into_an_adjusted_series(ws: Workspace) -> None:
    _import_aapl(ws, adjust="split")
    before = ws.candles.version("AAPL", "1d")
    with pytest.raises(
        InvalidCandles, match=r"AAPL 1d: found unadjusted prices across the split of 2000-06-21"
    ):
        _import_aapl(ws)
    assert ws.candles.version("AAPL", "1d") == before
    assert _import_aapl(ws, adjust="split").merged.changed == 0


def test_renaming_takes_annotations_and_labels_along(ws: Workspace, candles: Candles) -> None:
    _annotate(ws, candles)
    label_series(ws, **EURUSD)
    rename_series(ws, **EURUSD, new_pair="EUR/USD")
    assert len(ws.candles.read("EUR/USD", "1h")) == 300
    assert len(ws.store.annotations.list("EUR/USD", "1h")) == 1
    assert ws.store.talib.layers("EUR/USD", "1h")
    with pytest.raises(NotFound, match="EURUSD 1h"):
        ws.candles.read("EURUSD", "1h")


def test_renaming_to_a_taken_name_changes_nothing(ws: Workspace, candles: Candles, tmp_path: Path) -> None:
    _annotate(ws, candles)
    import_candles(ws, _file(tmp_path, candles[:50]), pair="GBPUSD", timeframe="1h")
    with pytest.raises(Conflict, match="GBPUSD"):
        rename_series(ws, **EURUSD, new_pair="GBPUSD")
    ws.candles.delete("GBPUSD", "1h")  # the store still knows it
    with pytest.raises(Conflict, match="GBPUSD"):
        rename_series(ws, **EURUSD, new_pair="GBPUSD")
    assert len(ws.candles.read("EURUSD", "1h")) == 300
    assert len(ws.store.annotations.list("EURUSD", "1h")) == 1


def test_an_unknown_series_can_be_neither_renamed_nor_deleted(ws: Workspace) -> None:
    with pytest.raises(NotFound, match="XAUUSD 1h"):
        rename_series(ws, pair="XAUUSD", timeframe="1h", new_pair="GOLD")
    with pytest.raises(NotFound, match="XAUUSD 1h"):
        delete_series(ws, pair="XAUUSD", timeframe="1h")


@pytest.mark.parametrize("with_annotations", [False, True])
def test_annotations_outlive_their_candles_unless_asked_otherwise(
    ws: Workspace, candles: Candles, with_annotations: bool
) -> None:
    _annotate(ws, candles)
    delete_series(ws, **EURUSD, with_annotations=with_annotations)
    with pytest.raises(NotFound, match="EURUSD 1h"):
        ws.candles.read("EURUSD", "1h")
    assert len(ws.store.annotations.list("EURUSD", "1h")) == (0 if with_annotations else 1)


def test_where_the_database_refuses_nothing_is_deleted(ws: Workspace, candles: Candles) -> None:
    _annotate(ws, candles)
    with closing(sqlite3.connect(ws.home / "candleloop.db")) as database:
        database.execute(
            "create trigger refuse before delete on series begin select raise(abort, 'refused'); end"
        )
    with pytest.raises(IntegrityError, match="refused"):
        delete_series(ws, **EURUSD, with_annotations=True)
    assert len(ws.candles.read("EURUSD", "1h")) == 300
    assert ws.candles.deleted() == []
    assert len(ws.store.annotations.list("EURUSD", "1h")) == 1


def test_the_samples_are_imported_once_with_their_annotations(ws: Workspace) -> None:
    ws.candles.delete("EURUSD", "1h")
    assert import_samples(ws) == ["AAPL 1d", "BTCUSDT 1h", "EURUSD 1h"]
    assert len(ws.store.annotations.list("AAPL", "1d")) == 43
    assert import_samples(ws) == []


def test_layers_follow_changed_candles_also_where_the_import_broke_off_after_the_merge(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_args: object, **_fields: object) -> None:
        raise NotReady("locked")

    label_series(ws, **EURUSD)
    candles = ws.candles.read("EURUSD", "1h")
    changed = replace(candles, open=candles.close, high=candles.high + 0.01, low=candles.low - 0.01)
    with monkeypatch.context() as patch:
        patch.setattr("mllib.pipeline.data.refresh_layers", break_off)
        with pytest.raises(NotReady, match="locked"):
            import_candles(ws, _file(tmp_path, changed), **EURUSD)
    counts = label_series(ws, **EURUSD)
    assert counts == {function: len(spans) for function, spans in detect(changed, list(counts)).items()}
