"""Overview in a real browser: where the loop stands, and what people have said."""

import re

import pytest

from mllib.pipeline.workspace import Workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback
from tests.e2e.consoles import BARS, shown, wait

pytestmark = pytest.mark.needs("browser")


def test_it_says_where_the_loop_stands_and_leads_on(page) -> None:
    page.goto("/")
    page.get_by_text("Review what v1 predicts").wait_for()
    page.get_by_text("v1 XGBoost").wait_for()
    page.get_by_text(f"{BARS:,}", exact=True).wait_for()
    page.get_by_text("v1 is loaded and answers").wait_for()
    page.get_by_text("No worker").wait_for()
    page.get_by_text(re.compile(r"\d+\+? places")).wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0
    page.get_by_text("Open Review").click()
    page.wait_for_url("**/review")


def test_what_people_said_is_drawn_week_by_week(page, ws: Workspace) -> None:
    time = ws.candles.read("EURUSD", "1h").time.tolist()
    for i, action in enumerate(["confirm"] * 8 + ["dismiss"] * 4):
        bounds = {"start_time": time[40 * i], "end_time": time[40 * i + 9]}
        seen = JudgedPrediction(label="bull_flag", confidence=0.7, model_version="1", **bounds)
        said = {"client_id": str(i), "action": action, "prediction": seen, "origin": "audit"}
        ws.store.verdicts.record(Feedback(pair="EURUSD", timeframe="1h", **said))
    page.goto("/")
    page.get_by_text("8 of 12 predictions looked at were confirmed").wait_for()
    wait(lambda: page.locator(".js-plotly-plot").count() == 2, "both figures", page)
    shown(page, "random audit").wait_for()
