"""Who may use a console that other machines can reach, in a real browser."""

import re
from collections.abc import Iterator

import pytest

from mllib.pipeline.workspace import Workspace
from tests.e2e.consoles import console, settle, wait
from tests.processes import free_port

pytestmark = pytest.mark.needs("browser")


@pytest.fixture(scope="module")
def address(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console bound to every address of this machine."""
    port = free_port()
    log = tmp_path_factory.mktemp("log") / "console.log"
    with console(port, environment, log, host="0.0.0.0"):
        yield f"http://127.0.0.1:{port}"


def test_without_a_key_the_page_says_how_to_get_one(page) -> None:
    page.goto("/")
    page.get_by_text("candleloop keys create").wait_for()
    settle(page)
    assert _pages(page) == set()
    assert page.get_by_test_id("stMetric").count() == 0


def test_a_key_opens_what_its_scopes_allow_and_survives_a_reload(page, ws: Workspace) -> None:
    key, token = ws.store.api_keys.create("ada", ["annotate"])
    page.goto("/train")
    page.get_by_placeholder("cl_").fill("cl_wrong_secret")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("not known, or it was revoked").wait_for()
    _sign_in(page, token)
    page.get_by_text("Sign out ada").wait_for()
    wait(lambda: _pages(page) >= {"Overview", "Review"}, "the pages that are open", page)
    assert not _pages(page) & {"Train", "Models", "Data"}
    page.get_by_text("Your key does not open Train. Ask for one with the scope train.").wait_for()
    page.goto("/data")
    page.get_by_text("Your key does not open Data. Ask for one with the scope train.").wait_for()
    page.goto("/review")
    page.get_by_role("button", name="Correct").wait_for()
    assert page.get_by_text("Your key does not open").count() == 0

    page.reload()
    page.get_by_text("Sign out ada").wait_for()
    ws.store.api_keys.revoke(key.id)
    page.reload()
    page.get_by_placeholder("cl_").wait_for()


def test_signing_out_ends_the_session_of_the_browser(page, ws: Workspace) -> None:
    _, token = ws.store.api_keys.create("grace", ["annotate", "train"])
    page.goto("/")
    _sign_in(page, token)
    page.get_by_text("Sign out grace").wait_for()
    wait(lambda: _pages(page) >= {"Train", "Models"}, "the pages that are open", page)
    page.get_by_text("Sign out grace").click()
    page.get_by_placeholder("cl_").wait_for()
    page.reload()
    page.get_by_placeholder("cl_").wait_for()


def test_an_open_deck_asks_for_a_key_again_once_its_own_is_revoked(page, ws: Workspace) -> None:
    key, token = ws.store.api_keys.create("hal", ["annotate"])
    page.goto("/review")
    _sign_in(page, token)
    page.get_by_text("Signed in as hal").wait_for()
    page.locator(".deck .verdicts, .deck .moves").first.wait_for()
    ws.store.api_keys.revoke(key.id)
    page.keyboard.press("b")
    page.get_by_placeholder("cl_").wait_for()
    assert ws.store.verdicts.list(with_skips=True) == []


def _sign_in(page, token: str) -> None:
    page.get_by_placeholder("cl_").fill(token)
    page.get_by_role("button", name="Sign in").click()


def _pages(page) -> set[str]:
    links = page.get_by_test_id("stTopNavLink").all_inner_texts()
    return {re.sub(r"^\w+\n", "", text).strip() for text in links}
