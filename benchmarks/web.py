"""The Next.js chart: what its first load weighs, and how soon after the click predictions are drawn.

    python -m benchmarks.web [--home HOME]

A real API over BTCUSDT 1h (43,654 candles) on loopback, the built chart in front of it, a real Chromium. The
framework's weight is that of a page of the same build that holds nothing. Each click asks about a place that
nobody asked about before. A prediction is drawn in the frame after the one that has its row counted.
"""

import argparse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmarks.browsers import chromium
from benchmarks.figures import Report
from benchmarks.homes import make_champion, run_of, temporary_home
from benchmarks.servers import HOST, api, chart
from mllib.config import default_config_path
from mllib.pipeline.workspace import Workspace

MOST_KB = 200.0
MOST_MS = 150.0
ENCODER = "combined"
_CLICKS = 30
_PAN_PX = 700
_DRAWN = """() => new Promise((drawn) => {
  const counted = document.querySelector('[aria-label="Agreement"] dl');
  const seen = new MutationObserver(() => {
    seen.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => drawn(performance.now() - clicked)));
  });
  seen.observe(counted, { subtree: true, characterData: true, childList: true });
  const clicked = performance.now();
  [...document.querySelectorAll("button")].find((one) => one.textContent === "Run on visible").click();
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="a home with trained runs, which is copied")
    asked = parser.parse_args()
    report = Report()
    with temporary_home(asked.home, (ENCODER,)) as ws:
        _prepare(ws)
        with api(ws.home, default_config_path()) as service, chart(service.port) as server:
            address = f"http://{HOST}:{server.port}"
            with chromium() as browser:
                _weigh(browser, address, report)
                _click(browser, address, report)
    print(report.text())


def _prepare(ws: Workspace) -> None:
    run = run_of(ws, ENCODER)
    assert run is not None, "trained with the home"
    make_champion(ws, run)


def _weigh(browser: Any, address: str, report: Report) -> None:
    whole, framework = (_script_kb(browser, address + path) for path in ("/", "/nothing-is-here"))
    report.claim("JavaScript of the first load, compressed", whole, unit="kB")
    report.claim("of it the framework", framework, unit="kB")
    report.claim("besides the framework", whole - framework, most=MOST_KB, unit="kB")


def _script_kb(browser: Any, address: str) -> float:
    """The compressed bytes of all scripts that a page loads, by name once each."""
    page = browser.new_page()
    weights: dict[str, int] = {}

    def weigh(request: Any) -> None:
        if request.resource_type == "script":
            weights[urlsplit(request.url).path] = request.sizes()["responseBodySize"]

    page.on("requestfinished", weigh)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.close()
    return sum(weights.values()) / 1_000


def _click(browser: Any, address: str, report: Report) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}/?series=BTCUSDT+1h")
    page.get_by_label("Confidence from").fill("0.05")
    page.locator("[data-chart][data-to]").wait_for()
    took: list[float] = []
    for _ in range(_CLICKS):
        _pan(page)
        took.append(page.evaluate(_DRAWN))
    first, last = (
        float(page.locator("[data-chart]").get_attribute(name)) for name in ("data-from", "data-to")
    )
    median, _ = report.time(f"click to drawn, {last - first:.0f} visible candles", took)
    report.claim("click to drawn, median", median, most=MOST_MS, unit="ms")
    report.claim("click to drawn, 95th percentile", float(np.quantile(took, 0.95)), most=MOST_MS, unit="ms")
    page.close()


def _pan(page: Any) -> None:
    """To candles further back, and until the chart rests."""
    page.mouse.move(120, 400)
    page.mouse.down()
    page.mouse.move(120 + _PAN_PX, 400, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()
