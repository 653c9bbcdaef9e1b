"""The console in a real browser, on a real server."""

import re

import pytest

from mllib.pipeline.workspace import Workspace
from tests.e2e.consoles import BARS, wait

pytestmark = pytest.mark.needs("browser")

DRAG_MODE = "() => document.querySelector('.js-plotly-plot')._fullLayout.dragmode"


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
    wait(lambda: len(_verdicts(ws)) == 1, "the confirmation")
    judged.append(_next(page, judged))
    _correct_by_hand(page, ws)
    judged.append(_next(page, judged))
    _button(page, "Dismiss").dblclick()
    wait(lambda: len(_verdicts(ws)) >= 3, "the dismissal")
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
    wait(lambda: page.evaluate(DRAG_MODE) == "select", "the chart to take a range", page)
    first = page.get_by_role("combobox", name="First candle")
    predicted = first.input_value()
    box = page.locator(".js-plotly-plot .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + 0.30 * box["width"], box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.60 * box["width"], box["y"] + 160, steps=8)
    page.mouse.up()
    wait(lambda: first.input_value() != predicted, "the first candle that was dragged over", page)
    _settle(page)
    _button(page, "Save correction").click()
    wait(lambda: len(_verdicts(ws)) == before + 1, "the correction")
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
    wait(lambda: ws.store.champions.current("candleloop").run_id == other.run_id, "the promotion")
    page.get_by_text("v2 serves now").wait_for()


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
    wait(lambda: page.get_by_text(re.compile(r"of [1-9]\d* predictions?")).count(), "predictions", page)
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
    wait(lambda: _button(page, "Confirm").count() and _selected(page) not in judged, "the next one", page)
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
    wait(lambda: len(_verdicts(ws)) == 2, "the correction")


def _undo(page, ws: Workspace, *, left: int) -> None:
    _settle(page)
    page.keyboard.press("u")
    wait(lambda: len(_verdicts(ws)) == left, "the undo")


def _button(page, name: str):
    return page.get_by_role("button", name=re.compile(f"^{name}"))


def _verdicts(ws: Workspace) -> list:
    return ws.store.verdicts.list("EURUSD", "1h")
