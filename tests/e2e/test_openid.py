"""Who may use a console at which people sign in through an OpenID Connect provider, in a real browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from mllib.pipeline.workspace import Workspace
from tests.e2e.consoles import Process, answers, window
from tests.processes import free_port, wait_until

pytestmark = pytest.mark.needs("browser")

ALLOW = "*@example.org=annotate ada@example.org=annotate,train"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A provider that believes whoever names themselves."""
    port, log = free_port(), tmp_path_factory.mktemp("log") / "provider.log"
    with Process(["oidc-provider-mock", "--port", str(port)], {"PYTHONWARNINGS": "ignore"}, log):
        wait_until(lambda: answers(port), within_s=30, what="the provider's port")
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def address(
    provider: str, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A console at which people of example.org may sign in."""
    port, log = free_port(), tmp_path_factory.mktemp("log") / "console.log"
    console = f"http://127.0.0.1:{port}"
    settings = {
        "CANDLELOOP_OIDC_METADATA_URL": f"{provider}/.well-known/openid-configuration",
        "CANDLELOOP_OIDC_CLIENT_ID": "candleloop",
        "CANDLELOOP_OIDC_CLIENT_SECRET": "s3cret",
        "CANDLELOOP_OIDC_REDIRECT_URI": f"{console}/oauth2callback",
        "CANDLELOOP_OIDC_COOKIE_SECRET": "0123456789abcdef" * 4,
        "CANDLELOOP_OIDC_ALLOW": ALLOW,
        "CANDLELOOP_OIDC_NAME": "Example",
    }
    command = ["candleloop", "console", "--host", "0.0.0.0", "--port", str(port)]
    with Process(command, environment | settings, log) as server:

        def is_up() -> bool:
            assert server.poll() is None, log.read_text()
            return httpx.get(f"{console}/_stcore/health").is_success

        wait_until(is_up, within_s=90, what="the console answers")
        yield console


@pytest.fixture
def page(browser, address: str):
    with window(browser, address) as opened:
        opened.route(re.compile("cdn.jsdelivr.net"), lambda route: route.abort())
        yield opened


def test_people_of_the_list_sign_in_and_say_what_they_say_under_their_address(page, ws: Workspace) -> None:
    page.goto("/train")
    _sign_in(page, "Bob@Example.org")
    page.get_by_text("Sign out bob@example.org").wait_for()
    page.goto("/train")
    page.get_by_text("bob@example.org may not open Train. Ask whoever runs the console for train.").wait_for()
    page.goto("/review")
    page.get_by_text("Signed in as bob@example.org").wait_for()
    page.get_by_role("button", name="Confirm").click()
    wait_until(
        lambda: [said.annotator for said in ws.store.verdicts.list(with_skips=True)] == ["bob@example.org"],
        within_s=30,
        what="the verdict is stored",
        pause=lambda seconds: page.wait_for_timeout(1_000 * seconds),
    )


def test_scopes_are_those_of_every_pattern_that_fits(page) -> None:
    page.goto("/")
    _sign_in(page, "ada@example.org")
    page.get_by_text("Sign out ada@example.org").wait_for()
    page.get_by_test_id("stTopNavLink").filter(has_text="Train").wait_for()


def test_whoever_is_not_listed_is_told_so_and_gets_nowhere(page) -> None:
    page.goto("/")
    _sign_in(page, "eve@elsewhere.example")
    page.get_by_text("eve@elsewhere.example is not on the list").wait_for()
    page.goto("/train")
    page.get_by_text("eve@elsewhere.example is not on the list").wait_for()
    assert page.get_by_test_id("stTopNavLink").count() == 0
    page.get_by_role("button", name="Sign in as somebody else").click()
    page.get_by_role("button", name="End session").click()
    page.get_by_role("button", name="Sign in with Example").wait_for()


def test_signing_out_asks_in_every_tab_and_of_a_kept_cookie_too(page) -> None:
    page.goto("/")
    _sign_in(page, "bob@example.org")
    page.get_by_text("Sign out bob@example.org").wait_for()
    other = page.context.new_page()
    other.goto("/review")
    other.get_by_text("Signed in as bob@example.org").wait_for()
    kept = page.context.cookies()
    page.get_by_text("Sign out bob@example.org").click()
    page.get_by_role("button", name="End session").click()
    page.get_by_role("button", name="Sign in with Example").wait_for()
    page.goto("/review")
    page.get_by_role("button", name="Sign in with Example").wait_for()
    other.keyboard.press("b")
    other.get_by_role("button", name="Sign in with Example").wait_for()
    page.context.add_cookies(kept)
    page.reload()
    page.get_by_role("button", name="Sign in with Example").wait_for()


def test_a_key_still_opens_the_console(page, ws: Workspace) -> None:
    _, token = ws.store.api_keys.create("robot", ["annotate"])
    page.goto("/")
    page.get_by_text("Or with a key").wait_for()
    page.get_by_placeholder("cl_").fill(token)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("Sign out robot").wait_for()


def test_the_providers_secrets_are_for_this_user_alone(address: str, ws: Workspace) -> None:
    file: Path = ws.home / "streamlit-secrets.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "s3cret" in file.read_text()


def _sign_in(page, email: str) -> None:
    page.get_by_role("button", name="Sign in with Example").click()
    page.get_by_placeholder("sub").fill(email)
    page.get_by_role("button", name="Authorize").click()
