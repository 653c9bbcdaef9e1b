"""The whole loop in one browser, on the whole house: from a CSV file to an answer of a new version."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pandas as pd
import pytest

from mllib.pipeline.workspace import Workspace, open_workspace
from tests.e2e.charts import ChartOnPage
from tests.e2e.conftest import House
from tests.e2e.consoles import SAMPLES, button, downloaded, name_oneself, open_tab, settle, shown, tick, wait

pytestmark = [pytest.mark.needs("browser"), pytest.mark.timeout(290)]

BARS = 1_500
KEYS = "yxysyyxyxy"


@pytest.fixture
def ws(house: House) -> Iterator[Workspace]:
    with open_workspace(house.home) as opened:
        yield opened


@pytest.fixture
def address(house: House) -> str:
    return f"http://127.0.0.1:{house.ports['CONSOLE']}"


def test_a_file_becomes_labels_a_model_verdicts_and_an_answer_of_the_new_version(
    page, ws: Workspace, house: House, tmp_path: Path
) -> None:
    served = _served_version(house)
    _import_csv(page, tmp_path)
    _label_and_draw(page, ws)
    version = _train(page, ws)
    _compare_and_promote(page, ws, version, served)
    _review_ten_places_with_an_undo(page, ws, version)
    _resolve_a_disagreement(page, ws)
    _export(page, ws, tmp_path)
    wait(lambda: _served_version(house) == version, "the API to follow")
    answer = httpx.post(
        f"{house.api}/predict/batch", json={"pair": "GBPUSD", "timeframe": "1h"}, timeout=60
    ).json()
    assert (answer["model_info"]["model_version"], answer["candle_count"]) == (version, BARS)
    page.goto("/")
    page.get_by_text(f"v{version} is loaded and answers").wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0


def _import_csv(page, folder: Path) -> None:
    candles = pd.read_parquet(SAMPLES / "EURUSD_1h.parquet").iloc[2_000 : 2_000 + BARS]
    file = folder / "GBPUSD_1h.csv"
    candles.to_csv(file, index=False)
    page.goto("/data?part=Import+candles")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("A new series: nothing is stored under this name yet").wait_for()
    button(page, f"Import {BARS:,} candles").click()
    page.get_by_text(f"GBPUSD 1h: {BARS:,} candles added").wait_for()


def _label_and_draw(page, ws: Workspace) -> None:
    """TA-Lib's engulfing candles are kept, and a bull flag is drawn by dragging."""
    page.goto("/labels")
    chart = ChartOnPage(page)
    page.get_by_role("combobox", name=re.compile("Series")).first.click()
    page.get_by_role("option", name="GBPUSD 1h").click()
    last = str(ws.candles.read("GBPUSD", "1h").time[-1])
    chart.wait(lambda now: now["lastTime"] == last, "the series")
    settle(page)
    name_oneself(page, "ada")
    settle(page)
    button(page, "bull flag").click()
    page.locator(".candle-chart.selecting").wait_for()
    chart.drag(BARS - 99.8, BARS - 80.3)
    wait(lambda: len(ws.store.annotations.list("GBPUSD", "1h")) == 1, "the span", page)
    settle(page)
    page.get_by_role("radio", name="TA-Lib patterns").click()
    page.get_by_text("Choose patterns").wait_for()
    settle(page)
    tick(page, "3 Inside")
    button(page, "Keep 1 pattern").click()
    wait(lambda: ws.store.talib.layers("GBPUSD", "1h"), "the layer", page)


def _train(page, ws: Workspace) -> str:
    """A training of XGBoost over the sample that does not promote by itself; its version."""
    page.goto("/train")
    page.get_by_text("Promote by itself").click()
    settle(page)
    button(page, "Start training").click()
    page.get_by_text(re.compile(r"\d+% · ")).wait_for()
    page.get_by_text(re.compile(r"Ready after \d+ ")).wait_for(timeout=150_000)
    run = ws.store.runs.list(limit=1)[0]
    assert run.status == "ready"
    return str(run.model_version)


def _compare_and_promote(page, ws: Workspace, version: str, served: str) -> None:
    page.goto("/models")
    page.get_by_text("Tick one run").wait_for()
    tick(page, f"v{version}")
    shown(page, f"v{served}").wait_for()
    button(page, f"Promote v{version}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=re.compile("^Promote")).click()
    wait(lambda: _champion(ws) == version, "the promotion", page)


def _review_ten_places_with_an_undo(page, ws: Workspace, version: str) -> None:
    page.goto("/review")
    page.get_by_text("Judging as ada").wait_for()
    page.get_by_role("button", name="Correct").wait_for(timeout=90_000)
    pressed = [_judge(page, key) for key in KEYS]
    _press(page, "u")
    _press(page, pressed[-1])
    page.locator(".saving[data-state=saved]").wait_for()
    said = [one for one in ws.store.verdicts.list(with_skips=True) if one.model_version == version]
    actions = {"y": "confirm", "x": "dismiss", "s": "skip"}
    assert [one.action for one in reversed(said)] == [actions[key] for key in pressed]


def _judge(page, key: str) -> str:
    """The key that was pressed: another one where the model predicts nothing that could be judged."""
    if page.get_by_text("Nothing predicted here").is_visible():
        key = "s"
    _press(page, key)
    return key


def _press(page, key: str) -> None:
    before = _place(page)
    page.keyboard.press(key)
    wait(lambda: _place(page) != before, "another place", page)


def _resolve_a_disagreement(page, ws: Workspace) -> None:
    before = len(ws.store.verdicts.list())
    page.goto("/disagreements?series=EURUSD 1h")
    page.get_by_text("Mean IoU").wait_for(timeout=90_000)
    settle(page)
    button(page, "Missed by model").click()  # what the model did not predict has nothing to dismiss
    settle(page)
    tick(page, 0, x=100)
    settle(page)
    page.keyboard.press("x")
    wait(lambda: len(ws.store.verdicts.list()) == before + 1, "the verdict", page)


def _export(page, ws: Workspace, folder: Path) -> None:
    page.goto("/datasets?part=Export")
    open_tab(page, "Export")
    assert len(pd.read_parquet(downloaded(page, "Verdicts", folder))) == len(ws.store.verdicts.list())


def _served_version(house: House) -> str:
    return str(httpx.get(f"{house.api}/model/info", timeout=30).json()["model_info"]["model_version"])


def _champion(ws: Workspace) -> str:
    move = ws.store.champions.current("candleloop")
    return "" if move is None else str(ws.store.runs.get(move.run_id).model_version)


def _place(page) -> str:
    return page.locator(".chart").get_attribute("data-place") or ""
