"""From the key of a verdict to the next chart on screen: `python -m benchmarks.review [--home HOME]`.

The review deck beside the page that everybody writes first (`benchmarks/plain_review.py`: a Plotly chart and
a button with a shortcut), both over BTCUSDT 1h with 300 candles and more to a place, judged in turns in one
Chromium. A time runs from the keydown event to the end of the frame in which another place is drawn.
Fails (exit code 1) if a verdict of either is not in the database in the end.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.browsers import chromium
from benchmarks.figures import Report
from benchmarks.homes import make_champion, run_of, temporary_home
from benchmarks.servers import HOST, console, streamlit
from mllib.pipeline.workspace import Workspace

VERDICTS = 40
MOST_MS = 300
_TURN = 5
_WINDOW = "320"
_LONGEST_MS = 120_000
_WATCH = """
(read) => {
  const shown = new Function(`return ${read}`);
  window.__took = [];
  window.addEventListener("keydown", ({ key, timeStamp }) => {
    if (!["y", "s"].includes(key)) return;
    const before = shown();
    const look = () => {
      if (shown() === before) return requestAnimationFrame(look);
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => window.__took.push(performance.now() - timeStamp);
      port2.postMessage(null);
    };
    requestAnimationFrame(look);
  }, true);
}
"""
_DECK = """[...document.querySelectorAll("*")].find((one) => one.shadowRoot?.querySelector(".deck"))
  ?.shadowRoot.querySelector(".chart").dataset.place"""
_PLAIN = """document.querySelector(".js-plotly-plot .gtitle")?.textContent"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="a home with trained runs, which is copied")
    parser.add_argument("--verdicts", type=int, default=VERDICTS)
    asked = parser.parse_args()
    report = Report()
    with temporary_home(asked.home, ("window",)) as ws:
        run = run_of(ws, "window")
        assert run is not None, "trained with the home"
        make_champion(ws, run)
        before = _counts(ws)
        deck, plain = _in_turns(ws, asked.verdicts)
        stored = {name: n - before[name] for name, n in _counts(ws).items()}
    report.time("review deck, key to the next place drawn", deck)
    report.time("plain Streamlit page with Plotly, the same", plain)
    report.claim("review deck, median", float(np.median(deck)), most=MOST_MS, unit="ms")
    report.claim("review deck, 95th percentile", float(np.percentile(deck, 95)), most=MOST_MS, unit="ms")
    report.claim("plain page over deck", float(np.median(plain) / np.median(deck)), unit="times")
    print(report.text())
    if set(stored.values()) != {asked.verdicts}:
        sys.exit(f"verdicts: found {stored} in the database, expected {asked.verdicts} each.")


def _in_turns(ws: Workspace, verdicts: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each verdict in the deck, and on the plain page."""
    script = Path(__file__).with_name("plain_review.py")
    with console(ws.home) as ours, streamlit(ws.home, script) as theirs, chromium() as browser:
        deck = _page(browser, ours.port, "review", read=_DECK)
        plain = _page(browser, theirs.port, "", read=_PLAIN)
        _open_deck(deck)
        plain.locator(".js-plotly-plot .gtitle").wait_for()
        for start in range(0, verdicts, _TURN):
            for page in (deck, plain):
                page.bring_to_front()
                for n in range(start, min(start + _TURN, verdicts)):
                    page.keyboard.press("y" if page is plain else _verdict(deck))
                    page.wait_for_function("(n) => window.__took.length > n", arg=n)
                    page.wait_for_timeout(400)  # a person looks at the place
        deck.locator(".saving[data-state=saved]").wait_for()
        return deck.evaluate("window.__took"), plain.evaluate("window.__took")


def _verdict(page: Any) -> str:
    """Confirm, or skip where the place was drawn at random and the model says nothing of it."""
    return "y" if page.get_by_role("button", name="Confirm").count() else "s"


def _open_deck(page: Any) -> None:
    page.get_by_placeholder("Your name").fill("deck")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Skip").wait_for()
    page.keyboard.press("t")
    page.get_by_label("Places in the queue").select_option("100")
    page.get_by_label("Window", exact=True).select_option(_WINDOW)
    page.get_by_role("button", name="New queue").click()
    page.get_by_role("button", name="Skip").wait_for()
    page.wait_for_timeout(3_000)


def _page(browser: Any, port: int, path: str, *, read: str) -> Any:
    """A page in which keys are timed from its beginning: the deck lets none pass that it knows."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(_LONGEST_MS)
    page.add_init_script(f"({_WATCH})({json.dumps(read)})")
    page.goto(f"http://{HOST}:{port}/{path}")
    return page


def _counts(ws: Workspace) -> dict[str, int]:
    said = [v.annotator for v in ws.store.verdicts.list(with_skips=True)]
    return {name: said.count(name) for name in ("deck", "plain")}


if __name__ == "__main__":
    main()
