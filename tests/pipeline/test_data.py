from pathlib import Path

import pytest

from mllib.candles import Candles
from mllib.errors import Conflict, InvalidCandles, NotFound
from mllib.pipeline.annotations import label_series
from mllib.pipeline.data import check_file, delete_series, import_candles, import_samples, rename_series
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation
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


def test_the_samples_are_imported_once_with_their_annotations(ws: Workspace) -> None:
    ws.candles.delete("EURUSD", "1h")
    assert import_samples(ws) == ["AAPL 1d", "BTCUSDT 1h", "EURUSD 1h"]
    assert len(ws.store.annotations.list("AAPL", "1d")) == 43
    assert import_samples(ws) == []
