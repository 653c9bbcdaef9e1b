"""Train in a real browser, with a real worker."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mllib.jobs import worker_is_alive
from mllib.pipeline.runs import request_training, resolve_config
from mllib.pipeline.workspace import Workspace
from tests.e2e.consoles import WORKER, Process, button, downloaded, wait

pytestmark = pytest.mark.needs("browser")


@pytest.fixture
def worker(ws: Workspace, environment: dict[str, str], tmp_path: Path) -> Iterator[None]:
    with Process(["python", "-c", WORKER], environment, tmp_path / "worker.log"):
        wait(lambda: worker_is_alive(ws, now=time.time()), "the worker's heart")
        yield


def test_without_a_worker_the_page_says_how_to_start_one(page) -> None:
    page.goto("/train")
    page.get_by_text("No worker is running").wait_for()


def test_what_cannot_be_is_refused_beside_its_field_with_its_path(page) -> None:
    page.goto("/train")
    page.get_by_text("More settings").click()
    _fill(page, "Test split", "0")
    page.get_by_text("input should be greater than 0").wait_for()
    assert page.get_by_text("stages.training.test_split:").count() >= 1
    wait(lambda: button(page, "Start training").is_disabled(), "the button to rest", page)
    _fill(page, "Test split", "0.25")
    wait(lambda: button(page, "Start training").is_enabled(), "the button to come back", page)
    page.get_by_text("the configuration says 0.2").wait_for()
    button(page, "Reset").click()
    page.get_by_text("the configuration says 0.2").wait_for(state="detached")


def test_a_number_out_of_bounds_keeps_the_training_from_starting(page, ws: Workspace) -> None:
    before = len(ws.store.runs.list())
    page.goto("/train")
    for wrong in ("-5", "99999999"):
        _fill(page, "Rounds", wrong)
        page.get_by_text(f"found {wrong}: input should be").wait_for()
        wait(lambda: button(page, "Start training").is_disabled(), "the button to rest", page)
    page.wait_for_timeout(1_500)
    assert page.get_by_text("stages.training.hyperparameters.n_estimators: found").is_visible()
    assert page.get_by_role("spinbutton", name="Rounds").input_value() == "99999999"
    button(page, "Reset").click()
    wait(lambda: button(page, "Start training").is_enabled(), "the button to come back", page)

    page.get_by_role("spinbutton", name="Rounds").fill("-7")
    button(page, "Start training").click()
    page.get_by_text("found -7: input should be").wait_for()
    assert len(ws.store.runs.list()) == before


def test_another_model_brings_its_own_settings(page) -> None:
    page.goto("/train")
    page.get_by_role("spinbutton", name="Rounds").wait_for()
    page.get_by_role("radio", name="random forest").click()
    page.get_by_role("spinbutton", name="Trees").wait_for()
    page.get_by_role("spinbutton", name="Rounds").wait_for(state="detached")


def test_a_double_click_starts_one_training_that_is_watched_to_its_end(
    page, ws: Workspace, worker, tmp_path: Path
) -> None:
    before = len(ws.store.runs.list())
    page.goto("/train")
    page.get_by_text("More settings").click()
    _fill(page, "Seed", "7")
    page.get_by_text("As YAML and as a command").click()
    page.get_by_text("--set stages.training.seed=7").wait_for()
    button(page, "Start training").dblclick()
    page.get_by_text("one training runs at a time").wait_for()
    assert button(page, "Start training").is_disabled()
    page.get_by_text(re.compile(r"\d+% · ")).wait_for()
    page.get_by_text("Ready after").wait_for(timeout=150_000)
    wait(lambda: button(page, "Start training").is_enabled(), "the next start", page)
    assert len(ws.store.runs.list()) == before + 1
    run = ws.store.runs.list(limit=1)[0]
    assert (run.status, run.request["config"]["stages"]["training"]["seed"]) == ("ready", 7)

    page.get_by_text("Log", exact=True).click()
    page.get_by_text(f"ready as version {run.model_version}").wait_for()
    assert f"run {run.run_id}: xgboost" in downloaded(page, "Download the log", tmp_path).read_text()


def test_a_run_that_asked_for_itself_says_why_and_is_cancelled(page, ws: Workspace) -> None:
    run = request_training(
        ws,
        pairs=["EURUSD"],
        config=resolve_config(ws.config),
        asked_by="verdicts",
        asked_why="12 verdicts are newer than the last training.",
    )
    page.goto("/train")
    page.get_by_text("asked for by new verdicts").wait_for()
    page.get_by_text("12 verdicts are newer than the last training.").wait_for()
    page.get_by_text("first in the queue").wait_for()
    button(page, "Cancel").click()
    wait(lambda: ws.store.runs.get(run.run_id).status == "cancelled", "the cancellation")
    page.get_by_text("Cancelled in the console.").wait_for()
    wait(lambda: button(page, "Start training").is_enabled(), "the next start", page)


def _fill(page, name: str, value: str) -> None:
    page.get_by_role("spinbutton", name=name).first.fill(value)
    page.keyboard.press("Enter")
