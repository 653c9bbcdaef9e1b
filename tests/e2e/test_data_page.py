"""The Data page in a real browser, on a real server."""

import re
from pathlib import Path

import pandas as pd
import pytest

from mllib.pipeline.workspace import Workspace
from tests.e2e.consoles import SAMPLES, button, open_tab, settle, tick, wait

pytestmark = pytest.mark.needs("browser")


@pytest.fixture(scope="module")
def candles() -> pd.DataFrame:
    return pd.read_parquet(SAMPLES / "EURUSD_1h.parquet")


def _csv(folder: Path, name: str, frame: pd.DataFrame) -> Path:
    file = folder / name
    frame.rename(columns={"time": "Open time"}).to_csv(file, index=False)
    return file


def test_series_and_their_gaps_are_shown(page) -> None:
    page.goto("/data")
    page.get_by_text("lacks nothing while its market is open").wait_for()
    page.locator(".js-plotly-plot").wait_for()
    open_tab(page, "Disk")
    page.get_by_text(re.compile("the disk has .* left")).wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0


def test_a_cell_that_is_no_number_is_named_before_anything_is_stored(
    page, ws: Workspace, candles: pd.DataFrame, tmp_path: Path
) -> None:
    bad = candles.head(60).astype(object)
    bad.loc[41, "open"] = "n/a"
    bad.loc[11, "close"] = "?"
    _upload(page, _csv(tmp_path, "GBPUSD_1h.csv", bad))
    page.get_by_text("row 42, column open: found 'n/a', expected a number").wait_for()
    page.get_by_text("row 12, column close: found '?', expected a number").wait_for()
    settle(page)
    assert button(page, "Import").count() == 0
    assert [one.pair for one in ws.candles.list()] == ["EURUSD"]


def test_what_the_gate_refuses_cannot_be_imported(page, candles: pd.DataFrame, tmp_path: Path) -> None:
    bad = candles.head(60).copy()
    bad.loc[20, "high"] = 0.5
    bad.loc[33, "time"] = bad.loc[32, "time"]
    _upload(page, _csv(tmp_path, "GBPUSD_1h.csv", bad))
    page.get_by_text(re.compile("candle 34 opens at .* same time as candle 33")).wait_for()
    page.get_by_text(re.compile(r"candle 21 \(.*high 0.5")).wait_for()
    assert button(page, "Import").is_disabled()


def test_a_file_is_previewed_imported_appended_to_renamed_and_deleted(
    page, ws: Workspace, candles: pd.DataFrame, tmp_path: Path
) -> None:
    _upload(page, _csv(tmp_path, "GBPUSD_1d.csv", candles.iloc[:500]))
    page.get_by_text("A new series: nothing is stored under this name yet").wait_for()
    page.get_by_text("Mind the name: the file's says 1d, its candles are 1h apart.").wait_for()
    page.get_by_role("textbox", name="Pair").fill("")
    page.keyboard.press("Enter")
    page.get_by_text("Give the symbol to go on.").wait_for()
    assert button(page, "Import").is_disabled()
    page.get_by_role("textbox", name="Pair").fill("GBPUSD")
    page.keyboard.press("Enter")
    button(page, "Import 500 candles").wait_for()
    assert page.get_by_role("textbox", name="Pair").input_value() == "GBPUSD"
    page.locator(".js-plotly-plot").wait_for()
    assert [one.pair for one in ws.candles.list()] == ["EURUSD"]
    button(page, "Import 500 candles").click()
    page.get_by_text("GBPUSD 1h: 500 candles added").wait_for()
    assert len(ws.candles.read("GBPUSD", "1h")) == 500
    _name_over_buttons(page, "GBPUSD 1h").wait_for()

    newer = candles.iloc[450:600].copy()
    newer.loc[460, "close"] = newer.loc[460, "low"]
    _upload(page, _csv(tmp_path, "GBPUSD_2017.csv", newer))
    page.get_by_text("To append to 500 stored candles: 100 new, 49 there already, 1 would change").wait_for()
    button(page, "Append 100 candles and change 1 stored candle").click()
    page.get_by_text("GBPUSD 1h: 100 candles added, 1 changed, 49 as they were, 600 in all").wait_for()
    assert ws.candles.read("GBPUSD", "1h").close[460] == newer.loc[460, "low"]

    _select(page, "GBPUSD 1h")
    button(page, "Rename").click()
    page.get_by_role("textbox", name="New symbol").fill("CABLE")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    page.get_by_text("GBPUSD 1h is now CABLE 1h").wait_for()
    assert {one.pair for one in ws.candles.list()} == {"CABLE", "EURUSD"}

    _select(page, "CABLE 1h")
    _delete(page, "CABLE 1h goes from the store: 600 candles")
    page.get_by_text("CABLE 1h is deleted").wait_for()
    assert [one.pair for one in ws.candles.list()] == ["EURUSD"]
    button(page, "Undo").click()
    page.get_by_text("CABLE 1h is stored again").wait_for()
    assert len(ws.candles.read("CABLE", "1h")) == 600


def test_annotations_are_previewed_and_stored(page, ws: Workspace, tmp_path: Path) -> None:
    time = ws.candles.read("EURUSD", "1h").time.tolist()
    file = tmp_path / "EURUSD_1h.annotations.csv"
    file.write_text(
        f"id,start_time,end_time,label\nnew1,{time[5]},{time[9]},bull_flag\nnew2,{time[20]},{time[29]},bear_flag\n"
    )
    before = len(ws.store.annotations.list("EURUSD", "1h"))
    page.goto("/data?part=Import+annotations")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("2 new, 0 updated, 0 there already, 0 in conflict").wait_for()
    page.get_by_text("What is in it").wait_for()
    assert len(ws.store.annotations.list("EURUSD", "1h")) == before
    page.get_by_test_id("stMain").get_by_role("button", name="Import annotations").click()
    page.get_by_text("2 annotations added").wait_for()
    assert {"new1", "new2"} <= {one.id for one in ws.store.annotations.list("EURUSD", "1h")}


def _upload(page, file: Path) -> None:
    page.goto("/data?part=Import+candles")
    page.locator("input[type=file]").set_input_files(file)


def _select(page, series: str) -> None:
    tick(page, series)
    _name_over_buttons(page, series).wait_for()
    settle(page)


def _name_over_buttons(page, series: str):
    """The name of the selected series; the figure and the table say it too."""
    return page.get_by_test_id("stHorizontalBlock").get_by_text(series, exact=True)


def _delete(page, said: str) -> None:
    button(page, "Delete").click()
    dialog = page.get_by_role("dialog")
    wait(lambda: said in dialog.inner_text(), "what goes", page)
    dialog.get_by_role("button", name="Delete").click()
