"""What a test may need of the machine, and what is said when it is not there."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mllib import web_app
from mllib.cluster import Cluster, open_engine
from mllib.errors import NotReady

if TYPE_CHECKING:
    from tests.postgres import Server

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=SpareRendererForSitePerProcess,PaintHolding",
]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Returns the path of a Chromium or Chrome."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def find_node() -> str | None:
    """Returns the path of a Node, with npm, that is new enough for the chart."""
    try:
        return web_app.find_node().path
    except NotReady:
        return None


def find_postgres() -> str | None:
    """Returns the path of initdb; Debian keeps it off PATH, newest version last."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return shutil.which("initdb") or (str(debian[-1]) if debian else None)


def find_torch() -> str | None:
    """Returns where PyTorch lies, which is not imported for it."""
    found = importlib.util.find_spec("torch")
    return None if found is None else found.origin


TOOLS: dict[str, tuple[Callable[[], str | None], str]] = {
    "browser": (find_chromium, "no Chromium found; apt-get install chromium"),
    "node": (
        find_node,
        "no Node 20.9 or newer with npm found; apt-get install nodejs npm, or see nodejs.org",
    ),
    "curl": (lambda: shutil.which("curl"), "no curl found; apt-get install curl"),
    "postgres": (find_postgres, "no initdb found; apt-get install postgresql"),
    "redis": (lambda: shutil.which("redis-server"), "no redis-server found; apt-get install redis-server"),
    "torch": (find_torch, "no PyTorch found; make torch"),
}


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser's path, for tests marked `needs("browser")`."""
    return _path_of("browser")


@pytest.fixture(scope="session")
def node_path() -> str:
    """Node's path, for tests marked `needs("node")`."""
    return _path_of("node")


@pytest.fixture(scope="session")
def initdb_path() -> str:
    """The path of PostgreSQL's initdb, for tests marked `needs("postgres")`."""
    return _path_of("postgres")


@pytest.fixture(scope="session")
def postgres(initdb_path: str) -> "Iterator[Server]":
    """One PostgreSQL a test process, for tests marked `needs("postgres")`; give each its own database."""
    from tests.postgres import postgres_server

    with postgres_server(initdb_path) as server:
        yield server


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Any]:
    """One Chromium a test file.

    Playwright keeps an event loop running in the thread that started it, in which neither a second Playwright
    nor `asyncio.run` can start: it must have ended before the next file's tests.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def redis_path() -> str:
    """The path of redis-server, for tests marked `needs("redis")`."""
    return _path_of("redis")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two worker processes of Dask on this machine; a test file's own, as they are busy even when idle."""
    with open_engine("local:2") as engine:
        assert isinstance(engine, Cluster)
        yield engine


def _path_of(tool: str) -> str:
    path = TOOLS[tool][0]()
    if path is None:
        pytest.skip(_not_there(tool))
    return path


def pytest_configure() -> None:
    """Refuses to start when CANDLELOOP_REQUIRE names something unknown or absent."""
    required = [name for name in os.environ.get("CANDLELOOP_REQUIRE", "").split(",") if name]
    if unknown := sorted(set(required) - set(TOOLS)):
        raise pytest.UsageError(
            f"CANDLELOOP_REQUIRE: found {', '.join(unknown)}, expected some of {', '.join(TOOLS)}. Mend it."
        )
    if missing := [_not_there(name) for name in required if TOOLS[name][0]() is None]:
        raise pytest.UsageError(f"CANDLELOOP_REQUIRE asks for what is not here: {'; '.join(missing)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips every test that needs something absent, and puts files first that may take a minute.

    Begun last, one of them would keep a single process busy while the others have nothing left.
    """
    items.sort(key=_how_soon_it_ends)
    absent = {name for name, (find, _) in TOOLS.items() if find() is None}
    for item in items:
        needed = [tool for marker in item.iter_markers("needs") for tool in marker.args]
        if unknown := set(needed) - set(TOOLS):
            raise pytest.UsageError(f"{item.nodeid} needs {unknown}, expected some of {', '.join(TOOLS)}")
        for tool in absent.intersection(needed):
            item.add_marker(pytest.mark.skip(reason=_not_there(tool)))


def _how_soon_it_ends(item: pytest.Item) -> int:
    if {"docs", "e2e"} & set(item.path.parts):
        return 0
    return 1 if item.path.parent == Path(__file__).parent else 2


def _not_there(tool: str) -> str:
    return f"{tool} ({TOOLS[tool][1]})"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says plainly what did not run; read from the reports, which come from every test process."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for tool in TOOLS:
        tests = sum(_not_there(tool) in reason for reason in skipped)
        if tests:
            terminalreporter.write_line(
                f"NOT RUN: {_not_there(tool)}: {tests} test{'s' if tests > 1 else ''}", yellow=True
            )
