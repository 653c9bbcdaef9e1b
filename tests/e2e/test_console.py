"""The console in a real browser, on a real server."""

import re

import pytest

from mllib.pipeline.workspace import Workspace
from tests.e2e.consoles import BARS, wait

pytestmark = pytest.mark.needs("browser")


def test_overview_says_where_the_loop_stands(page) -> None:
    page.goto("/")
    page.get_by_text("Review what v1 predicts").wait_for()
    page.get_by_text("v1 XGBoost").wait_for()
    page.get_by_text(f"{BARS:,}", exact=True).wait_for()
    assert page.get_by_test_id("stAlertContentError").count() == 0


def test_another_run_is_promoted(page, ws: Workspace) -> None:
    other = next(run for run in ws.store.runs.list() if run.model_version == 2)
    page.goto("/models")
    page.get_by_text("Label by label").wait_for()
    page.get_by_text(re.compile("Champion$")).wait_for()
    page.get_by_test_id("stDataFrame").first.click(position={"x": 17, "y": 50})
    _button(page, "Promote v2").click()
    wait(lambda: ws.store.champions.current("candleloop").run_id == other.run_id, "the promotion")
    page.get_by_text("v2 serves now").wait_for()


def _button(page, name: str):
    return page.get_by_role("button", name=re.compile(f"^{name}"))
