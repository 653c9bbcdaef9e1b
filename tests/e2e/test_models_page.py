"""Models in a real browser: runs side by side, the chart of what changed, promotion and the way back."""

import re

import pytest

from mllib.pipeline.runs import request_training
from mllib.pipeline.workspace import Workspace
from mllib.store import Run
from tests.e2e.charts import ChartOnPage
from tests.e2e.consoles import button, settle, shown, tick, wait

pytestmark = pytest.mark.needs("browser")


@pytest.fixture
def other(ws: Workspace) -> Run:
    """The run that does not serve at first; it is the newer one, and stands on top."""
    return next(run for run in ws.store.runs.list() if run.model_version == 2)


def test_the_champion_is_shown_first_with_its_scores(page) -> None:
    page.goto("/models")
    shown(page, re.compile("Champion$")).wait_for()
    page.get_by_text("Always “no pattern” would score").wait_for()
    page.get_by_test_id("stPlotlyChart").wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0


def test_a_run_that_is_ticked_stands_beside_the_champion_in_every_view(page) -> None:
    _compare(page)
    for view, said in (
        ("Labels", "average precision"),
        ("Confusion", "Rows are true, columns predicted"),
        ("Curves", "ECE is the mean distance"),
        ("Bounds", "20 candles and more count together"),
        ("Settings", "data version"),
        ("Gate", "passed"),
        ("Champions", "MODELS"),
    ):
        _view(page, view)
        view_shown = page.get_by_test_id("stDataFrame").nth(1) if said == "MODELS" else shown(page, said)
        view_shown.wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0


def test_what_changed_is_drawn_on_the_chart(page) -> None:
    _compare(page)
    _view(page, "On the chart")
    page.get_by_text(re.compile(r"v2 against v1: [\d,]+ kept, [\d,]+ moved")).wait_for()
    settle(page)
    labels = page.get_by_role("combobox", name=re.compile("Labels"))
    labels.fill("bullish eng")
    page.get_by_role("option", name="bullish engulfing").click()
    page.get_by_text("v2 above the candles, v1 below").wait_for()
    ChartOnPage(page).wait(lambda now: int(now["spans"]) > 0, "the spans of both")


def test_a_promotion_is_confirmed_and_rolled_back_with_a_reason(page, ws: Workspace, other: Run) -> None:
    champion = ws.store.champions.current("candleloop").run_id
    _compare(page)
    button(page, "Promote v2").click()
    page.get_by_text("The served model changes from version 1 to version 2.").wait_for()
    assert ws.store.champions.current("candleloop").run_id == champion, "nothing moves before it is confirmed"
    page.get_by_role("dialog").get_by_role("button", name="Promote", exact=True).click()
    wait(lambda: ws.store.champions.current("candleloop").run_id == other.run_id, "the promotion")
    page.get_by_text("v2 serves now").wait_for()

    page.goto("/models")
    button(page, "Roll back").click()
    page.get_by_text("The served model changes from version 2 to version 1.").wait_for()
    page.get_by_role("textbox", name=re.compile("Why")).fill("false alarms")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Roll back", exact=True).click()
    wait(lambda: ws.store.champions.current("candleloop").run_id == champion, "the way back")
    assert "false alarms" in str(ws.store.champions.current("candleloop").reason)


def test_a_refused_run_says_what_the_gate_found_and_needs_a_reason_to_serve(
    page, ws: Workspace, other: Run
) -> None:
    before = ws.store.champions.current("candleloop").run_id
    refused = request_training(ws, pairs=["EURUSD"], config=ws.config)
    ws.store.runs.claim(refused.run_id, owner="here:1")
    findings = [{"name": "span F1", "passed": False, "said": "Span F1 is 0.1, below the floor."}]
    metrics = (other.metrics or {}) | {"gate": {"passed": False, "checks": findings}}
    reason = "Span F1 is 0.1, below the floor."
    path = other.predictor_path
    ws.store.runs.reject(refused.run_id, reason=reason, metrics=metrics, predictor_path=path)

    page.goto("/models")
    page.get_by_test_id("stPlotlyChart").first.wait_for()
    tick(page, 0)
    page.get_by_text(f"The gate refused this model: {reason}").wait_for()
    _view(page, "Gate")
    page.get_by_text(re.compile(rf"✕ {reason}")).wait_for()
    button(page, "Promote .* over the gate").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Promote", exact=True).click()
    dialog.get_by_text("or promote over the refusal with a reason").wait_for()
    assert ws.store.champions.current("candleloop").run_id == before
    dialog.get_by_role("textbox").fill("flags matter more")
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Promote", exact=True).click()
    wait(lambda: ws.store.champions.current("candleloop").run_id == refused.run_id, "the promotion")
    assert "flags matter more" in str(ws.store.champions.current("candleloop").reason)


def _compare(page) -> None:
    page.goto("/models")
    page.get_by_test_id("stPlotlyChart").first.wait_for()
    tick(page, "v2")
    button(page, "Promote v2").wait_for()


def _view(page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()
