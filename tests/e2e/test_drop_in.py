"""The guide docs/drop-in.md, followed in a bare Next.js app: its blocks are run and written as they stand."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from mllib.pipeline.workspace import Workspace
from mllib.spans import PEOPLE
from tests.e2e.consoles import BARS, ROOT, window
from tests.e2e.web_app import Services, saved, selected, wait_for_predictions
from tests.processes import free_port, wait_until

pytestmark = [pytest.mark.needs("browser", "node"), pytest.mark.timeout(400)]
GUIDE = ROOT / "docs" / "drop-in.md"
EURUSD = ("EURUSD", "1h")
BARE_APP = (
    "npx --yes create-next-app@16.4.3 bare --ts --app --empty --no-tailwind --no-eslint --no-src-dir "
    "--import-alias '@/*' --use-npm --disable-git --no-react-compiler --skip-install --yes"
)
QUIET = {
    "NEXT_TELEMETRY_DISABLED": "1",
    "npm_config_prefer_offline": "true",
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
}
_BLOCK = re.compile(r'^```(\w+)(?: title="(.+?)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bare app in which the guide was followed to its end; its build checks the types too."""
    folder = _bare_app(tmp_path_factory.mktemp("drop-in"))
    for language, path, text in _BLOCK.findall(GUIDE.read_text()):
        if path:
            (folder / path).write_text(text)
        else:
            assert language == "sh", f"a block of {language} that is neither run nor written: {text}"
            _run(text, folder)
    return folder


@pytest.fixture(scope="module")
def address(
    built: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The app, served before a real API."""
    logs = tmp_path_factory.mktemp("logs")
    api = Services(environment, logs)
    try:
        api.start_api()
        with _served(built, api.api, logs / "web.log") as served:
            yield served
    finally:
        api.end_all()


def test_the_app_of_the_guide_predicts_and_stores_a_verdict_given_by_keys(
    browser, address: str, ws: Workspace
) -> None:
    with window(browser, address) as page:
        complaints, hosts = _listen(page)
        page.goto("/")
        page.get_by_text(f"{BARS} candles, 0 annotated").wait_for()
        page.get_by_label("Confidence from").fill("0.05")
        page.get_by_role("button", name="Run on visible").click()
        assert wait_for_predictions(page)

        page.keyboard.press("j")
        confirmed = selected(page)
        page.keyboard.press("y")
        page.get_by_text(f"{BARS} candles, 1 annotated").wait_for()
        saved(page)
        assert [verdict.action for verdict in ws.store.verdicts.list(*EURUSD)] == ["confirm"]
        assert confirmed in _spans_of_people(ws)

        page.keyboard.press("u")
        page.get_by_text(f"{BARS} candles, 0 annotated").wait_for()
        assert confirmed not in _spans_of_people(ws)
        assert complaints == []
        assert hosts == {"127.0.0.1"}


def test_the_parts_have_colours_where_the_app_declares_none(browser, address: str) -> None:
    with window(browser, address) as page:
        page.goto("/")
        button = page.get_by_role("button", name="Run on visible")
        of = "element => getComputedStyle(element)"
        assert button.evaluate(f"{of}.backgroundColor") not in (
            "rgba(0, 0, 0, 0)",
            button.evaluate(f"{of}.color"),
        )


def test_no_answer_of_the_service_was_built_in(address: str, built: Path) -> None:
    prerendered = json.loads((built / ".next" / "prerender-manifest.json").read_text())["routes"]
    assert [route for route in prerendered if route.startswith("/api")] == []


def _bare_app(parent: Path) -> Path:
    """What create-next-app makes, with the packages that web/ pins.

    Its own would be the newest of the day: a release elsewhere would then change what is tested here.
    """
    _run(BARE_APP, parent)
    file = parent / "bare" / "package.json"
    package, web = json.loads(file.read_text()), json.loads((ROOT / "web" / "package.json").read_text())
    for part in ("dependencies", "devDependencies"):
        package[part] |= {name: web[part][name] for name in package[part]}
    file.write_text(json.dumps(package))
    _run("npm install", file.parent)
    return file.parent


def _run(commands: str, folder: Path) -> None:
    environment = {**os.environ, **QUIET, "CANDLELOOP": str(ROOT)}
    done = subprocess.run(
        ["sh", "-euc", commands], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"


@contextmanager
def _served(folder: Path, api: str, log: Path) -> Iterator[str]:
    """`npm start` of the app; without npm between, so that it ends when told to."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = ["node_modules/.bin/next", "start", "--port", str(port), "--hostname", "127.0.0.1"]
    environment = {**os.environ, **QUIET, "INFERENCE_API_URL": api}
    with log.open("wb") as out:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: httpx.get(address).is_success, within_s=60, what="the app answers")
        yield address
    finally:
        server.terminate()
        server.wait(20)


def _listen(page: Any) -> tuple[list[str], set[str | None]]:
    """What the page will complain of, and the hosts that it will ask, as they come to be known."""
    complaints: list[str] = []
    hosts: set[str | None] = set()
    page.on("console", lambda said: complaints.append(said.text) if _is_complaint(said) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    return complaints, hosts


def _is_complaint(said: Any) -> bool:
    """The bare app has no icon, for which the browser asks all the same."""
    return said.type == "error" and not said.location["url"].endswith("/favicon.ico")


def _spans_of_people(ws: Workspace) -> list[tuple[str, int, int]]:
    said = ws.store.annotations.list(*EURUSD, sources=PEOPLE)
    return [(one.label, one.start_time, one.end_time) for one in said]
