"""The console in a real browser, on a real server, with a real worker."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mllib.config import load_config
from mllib.jobs import worker_is_alive
from mllib.pipeline.data import import_candles
from mllib.pipeline.importing import import_annotations
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import Workspace, open_workspace

pytestmark = pytest.mark.needs("browser")

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
BARS = 1_800
TREES = 8
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WORKER = (
    "from mllib.jobs import run_worker; from mllib.pipeline.workspace import open_workspace; "
    "run_worker(open_workspace())"
)
DRAG_MODE = "() => document.querySelector('.js-plotly-plot')._fullLayout.dragmode"
A_WHILE_MS = 30_000


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default configuration with few trees, so that a training takes seconds."""
    values = yaml.safe_load((ROOT / "config" / "pipeline.yaml").read_text())
    values["pipeline"]["pair"] = "EURUSD"
    values["stages"]["training"] |= {"hyperparameters": {"n_estimators": TREES}, "validation_folds": 0}
    values["stages"]["annotation_ingestion"]["talib_patterns"] = ["CDLENGULFING"]
    file = tmp_path_factory.mktemp("config") / "pipeline.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory, config_file: Path) -> Iterator[Workspace]:
    """A home with a short real series, its annotations, a champion and a run that was not promoted."""
    home = tmp_path_factory.mktemp("home")
    with open_workspace(home, config=load_config(config_file)) as opened:
        _import_sample(opened, tmp_path_factory.mktemp("files"))
        for overrides in ({}, {"stages.training.auto_promote": False, "stages.training.seed": 1}):
            config = resolve_config(opened.config, overrides=overrides)
            execute_run(opened, request_training(opened, pairs=["EURUSD"], config=config).run_id)
        yield opened


def _import_sample(ws: Workspace, files: Path) -> None:
    candles = pd.read_parquet(SAMPLES / "EURUSD_1h.parquet").head(BARS)
    candles.to_parquet(files / "candles.parquet")
    exported = json.loads((SAMPLES / "EURUSD_1h.annotations.json").read_text())
    last = int(candles["time"].iloc[-1])
    exported["annotations"] = [a for a in exported["annotations"] if a["end_time"] <= last]
    (files / "annotations.json").write_text(json.dumps(exported))
    import_candles(ws, files / "candles.parquet", pair="EURUSD", timeframe="1h")
    import_annotations(ws, files / "annotations.json", pair="EURUSD", timeframe="1h")


@pytest.fixture(scope="module")
def environment(ws: Workspace, config_file: Path) -> dict[str, str]:
    return os.environ | {"CANDLELOOP_HOME": str(ws.home), "CANDLELOOP_CONFIG": str(config_file)}


@pytest.fixture(scope="module")
def address(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running console."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["streamlit", "run", "app/main.py", "--server.port", str(port)]
    log = tmp_path_factory.mktemp("log") / "console.log"
    with Process([*command, "--server.address", "127.0.0.1"], environment, log):
        _wait(lambda: _answers(port), "the console's port")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def browser(chromium_path: str):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser, address: str):
    """A fresh session, 1280 px wide."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=address)
    opened.set_default_timeout(A_WHILE_MS)
    yield opened
    opened.close()


def test_overview_says_where_the_loop_stands(page) -> None:
    page.goto("/")
    page.get_by_text("Review what v1 predicts").wait_for()
    page.get_by_text("v1 XGBoost").wait_for()
    page.get_by_text(f"{BARS:,}", exact=True).wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0


def test_every_verdict_reaches_the_store_once_and_an_undo_takes_it_back(page, ws: Workspace) -> None:
    _open_review(page)
    page.get_by_placeholder("Your name").fill("ada")
    page.keyboard.press("Enter")
    _leave_field(page)
    judged = [_selected(page)]
    page.keyboard.press("y")
    _wait(lambda: len(_verdicts(ws)) == 1, "the confirmation")
    judged.append(_next(page, judged))
    _correct_by_hand(page, ws)
    judged.append(_next(page, judged))
    _button(page, "Dismiss").dblclick()
    _wait(lambda: len(_verdicts(ws)) >= 3, "the dismissal")
    _settle(page)  # the second click may be a verdict on the next one
    _undo(page, ws, left=len(_verdicts(ws)) - 1)
    while len(_verdicts(ws)) > 2:
        _undo(page, ws, left=len(_verdicts(ws)) - 1)

    correction, confirmation = _verdicts(ws)
    assert (confirmation.action, confirmation.annotator) == ("confirm", "ada")
    assert confirmation.prediction.model_version == "1"
    assert (correction.action, correction.label) == ("correct", "head_and_shoulders")
    assert correction.start_time == correction.prediction.start_time
    stored = ws.store.annotations.list("EURUSD", "1h", sources=["model_confirmed", "model_corrected"])
    assert {a.label for a in stored} == {confirmation.label, "head_and_shoulders"}
    assert len(stored) == 2

    page.reload()
    page.get_by_text("New verdicts").or_(page.get_by_role("button", name="Undo")).first.wait_for()
    assert page.get_by_placeholder("Your name").input_value() == "ada"
    assert len(_verdicts(ws)) == 2


def test_bounds_can_be_dragged_on_the_chart(page, ws: Workspace) -> None:
    before = len(_verdicts(ws))
    _open_review(page)
    _selected(page)
    page.keyboard.press("e")
    page.get_by_text("Drag over the candles").wait_for()
    _wait(lambda: page.evaluate(DRAG_MODE) == "select", "the chart to take a range", page)
    first = page.get_by_role("combobox", name="First candle")
    predicted = first.input_value()
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 0.30 * box["width"], box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.60 * box["width"], box["y"] + 160, steps=8)
    page.mouse.up()
    _wait(lambda: first.input_value() != predicted, "the first candle that was dragged over", page)
    _settle(page)
    _button(page, "Save correction").click()
    _wait(lambda: len(_verdicts(ws)) == before + 1, "the correction")
    verdict = _verdicts(ws)[0]
    times = set(ws.candles.read("EURUSD", "1h").time.tolist())
    assert {verdict.start_time, verdict.end_time} <= times
    bars = (verdict.end_time - verdict.start_time) / 3_600
    assert 30 < bars < 110
    ws.store.verdicts.retract(verdict.id)


def test_another_run_is_promoted(page, ws: Workspace) -> None:
    other = next(run for run in ws.store.runs.list() if run.model_version == 2)
    page.goto("/models")
    page.get_by_text("Label by label").wait_for()
    page.get_by_text(re.compile("Champion$")).wait_for()
    page.get_by_test_id("stDataFrame").first.click(position={"x": 17, "y": 50})
    _button(page, "Promote v2").click()
    _wait(lambda: ws.store.champions.current("candleloop").run_id == other.run_id, "the promotion")
    page.get_by_text("v2 serves now").wait_for()


def test_a_training_is_launched_and_watched_to_its_end(
    page, ws: Workspace, environment: dict[str, str], tmp_path: Path
) -> None:
    page.goto("/train")
    page.get_by_text("No worker is running").wait_for()
    with Process(["python", "-c", WORKER], environment, tmp_path / "worker.log"):
        _wait(lambda: worker_is_alive(ws, now=time.time()), "the worker's heart")
        page.reload()
        _button(page, "Start training").click()
        page.get_by_text(re.compile(r"one training runs at a time")).wait_for()
        assert _button(page, "Start training").is_disabled()
        page.get_by_text(re.compile(r"\d+% · ")).wait_for()
        page.get_by_text(re.compile(r"Ready after \d+ s")).wait_for(timeout=60_000)
        _wait(lambda: _button(page, "Start training").is_enabled(), "the next start", page)
    run = ws.store.runs.list(limit=1)[0]
    assert (run.status, run.model_version) == ("ready", 3)


def _open_review(page) -> None:
    """Opens Review and lets predictions of a TA-Lib pattern through, which few trees can learn."""
    page.goto("/review")
    page.locator(".js-plotly-plot .nsewdrag").first.wait_for()
    page.get_by_text(re.compile("model v1|Nothing at 0.70|No predictions here")).first.wait_for()
    _button(page, "Labels").click()
    labels = page.get_by_role("combobox", name=re.compile("Predictions of these labels"))
    labels.fill("bearish")
    option = page.get_by_role("option", name="bearish engulfing")
    option.or_(page.get_by_text("No results")).first.wait_for()
    if option.count():  # a verdict on it makes it one of the labels that are shown from the start
        option.click()
    _wait(lambda: page.get_by_text(re.compile(r"of [1-9]\d* predictions?")).count(), "predictions", page)
    page.keyboard.press("Escape")
    _leave_field(page)
    page.get_by_role("slider", include_hidden=True).first.press("Home")
    page.get_by_text("model v1").wait_for()
    _leave_field(page)


def _leave_field(page) -> None:
    """Keys are shortcuts only while no field has the focus."""
    page.mouse.click(640, 30)
    _settle(page)


def _settle(page) -> None:
    """A key that comes while the page is drawn anew is about a prediction that is no longer selected."""
    page.wait_for_timeout(300)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def _selected(page) -> str:
    """The bounds of the prediction that the next verdict is about."""
    return page.get_by_text(re.compile(r"candles? · model v1")).inner_text()


def _next(page, judged: list[str]) -> str:
    """The prediction that comes after those judged."""
    _wait(lambda: _button(page, "Confirm").count() and _selected(page) not in judged, "the next one", page)
    _settle(page)
    return _selected(page)


def _correct_by_hand(page, ws: Workspace) -> None:
    page.keyboard.press("e")
    label = page.get_by_role("combobox", name=re.compile("Label"))
    label.click()
    label.fill("head and")
    page.get_by_role("option", name="head and shoulders", exact=True).click()
    _settle(page)
    _button(page, "Save correction").click()
    _wait(lambda: len(_verdicts(ws)) == 2, "the correction")


def _undo(page, ws: Workspace, *, left: int) -> None:
    _settle(page)
    page.keyboard.press("u")
    _wait(lambda: len(_verdicts(ws)) == left, "the undo")


def _button(page, name: str):
    return page.get_by_role("button", name=re.compile(f"^{name}"))


def _verdicts(ws: Workspace) -> list:
    return ws.store.verdicts.list("EURUSD", "1h")


class Process:
    """A child that is ended with its block; its output goes to a file that a failure can show."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._command = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        self._environment, self._log = environment, log

    def __enter__(self) -> None:
        with self._log.open("wb") as out:
            self._child = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
            )

    def __exit__(self, *_) -> None:
        self._child.terminate()
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait(is_so, what: str, page=None, *, timeout_s: float = 30.0) -> None:
    """Waits for something to be so; a page in hand gets the time that it needs to change."""
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, f"waited {timeout_s:.0f} s for {what}"
        page.wait_for_timeout(100) if page else time.sleep(0.1)
