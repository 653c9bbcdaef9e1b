"""How long the console's server works on each page: `python -m benchmarks.console [--home HOME]`.

A real console over BTCUSDT 1h (43,654 candles), looked at by a real Chromium. The time of a page is what lies
between the browser's request on its websocket and the last answer to it, so rendering in the browser is left
out. `first` is a browser session's first look at the page while the server is warm, `again` the median of
what a person does there.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.browsers import chromium
from benchmarks.figures import Report
from benchmarks.homes import make_champion, run_of, temporary_home
from benchmarks.servers import HOST, console
from mllib.pipeline.workspace import Workspace

FIRST_MS, AGAIN_MS = 1_500, 300
_QUIET_MS = 700
_TIMES = 6
_TOLD_AFTER_MS = 400
_WARM_MS = 12_000
"""Meanwhile whole series are read beside the page, once a model."""
_LONGEST_MS = 120_000
_WATCH = """
window.__asked = []; window.__answered = 0;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (!this.__watched) {
    this.__watched = true;
    this.addEventListener("message", () => { window.__answered = performance.now(); });
  }
  window.__asked.push(performance.now());
  return send.call(this, data);
};
"""
_TOOK = "() => window.__asked.length ? window.__answered - window.__asked[0] : 0"
_FORGET = "() => { window.__asked = []; }"

Act = Callable[[Any, int], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="a home with trained runs, which is copied")
    parser.add_argument(
        "pages", nargs="*", help=f"some of {', '.join(ACTS)}; all of them where none is named"
    )
    asked = parser.parse_args()
    report = Report()
    with temporary_home(asked.home, ("window",)) as ws:
        _prepare(ws)
        with console(ws.home) as server, chromium() as browser:
            for name in asked.pages or ACTS:
                _measure(browser, server.port, name, report)
    print(report.text())


def _prepare(ws: Workspace) -> None:
    """A champion, as the pages are for homes that have one."""
    run = run_of(ws, "window")
    assert run is not None, "trained with the home"
    make_champion(ws, run)


def _measure(browser: Any, port: int, name: str, report: Report) -> None:
    """The first look at a page, in a session of its own after one that warmed the server, and then."""
    address = f"http://{HOST}:{port}/{'' if name == 'overview' else name}"
    said, act = ACTS[name]
    with _session(browser) as page:
        page.goto(address)
        _settled(page)
        page.wait_for_timeout(_WARM_MS)
    with _session(browser) as page:
        page.goto(address)
        _settled(page)
        first = page.evaluate(_TOOK)
        again = [_acted(page, act, i) for i in range(_TIMES)]
    print(f"{name}: {first:.0f} ms, {median(again):.0f} ms", flush=True)
    report.claim(f"{name}: first look", first, most=FIRST_MS, unit="ms")
    report.claim(f"{name}: {said}", median(again), most=AGAIN_MS, unit="ms")


def _acted(page: Any, act: Act, turn: int) -> float:
    page.evaluate(_FORGET)
    act(page, turn)
    page.wait_for_function("() => window.__asked.length > 0")  # a table waits a moment before it tells
    _settled(page)
    return float(page.evaluate(_TOOK))


def _settled(page: Any) -> None:
    """Waits until the server has nothing more to say."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_function(f"() => performance.now() - window.__answered > {_QUIET_MS}")


def _back(page: Any, _turn: int) -> None:
    """From the page to another one, which does not count, and back."""
    links = page.get_by_test_id("stTopNavLink")
    here = page.locator('[data-testid="stTopNavLink"][aria-current="page"]').inner_text()
    links.filter(has_text="Models").click()
    _settled(page)
    page.evaluate(_FORGET)
    links.filter(has_text=here.split()[-1]).click()


def _row(page: Any, turn: int) -> None:
    """Another row of the first table; Streamlit waits a moment before it tells the server."""
    page.get_by_test_id("stDataFrame").first.click(position={"x": 17, "y": 83 - 33 * (turn % 2)})
    page.wait_for_timeout(_TOLD_AFTER_MS)


def _only_row(page: Any, _turn: int) -> None:
    """The one row of the first table, chosen or given up."""
    page.get_by_test_id("stDataFrame").first.click(position={"x": 17, "y": 50})
    page.wait_for_timeout(_TOLD_AFTER_MS)


def _verdict(page: Any, turn: int) -> None:
    if not turn:
        page.get_by_placeholder("Your name").fill("ada")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Correct").wait_for()
        _settled(page)
        page.evaluate(_FORGET)
    page.keyboard.press("y")


def _next_row(page: Any, _turn: int) -> None:
    page.keyboard.press("j")


def _train(page: Any, turn: int) -> None:
    page.get_by_text(("random forest", "XGBoost")[turn % 2], exact=True).first.click()


ACTS: dict[str, tuple[str, Act]] = {
    "overview": ("back from another page", _back),
    "data": ("another series", _row),
    "labels": ("another span", _row),
    "review": ("a verdict", _verdict),
    "disagreements": ("the next row", _next_row),
    "train": ("another model", _train),
    "models": ("the run, and back", _only_row),
    "datasets": ("back from another page", _back),
}
"""Of each page, what a person does there."""


@contextmanager
def _session(browser: Any) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(_LONGEST_MS)
    page.add_init_script(_WATCH)
    yield page
    page.close()


if __name__ == "__main__":
    main()
