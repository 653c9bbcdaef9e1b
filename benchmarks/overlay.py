"""The chart's spans: frames while panning over 5,000 visible candles with 500 spans.

    python -m benchmarks.overlay

Builds `web/` and pans its page `/bench/overlay` in headless Chromium: with spans, without, and as a peer
with the same boxes drawn by one plain object a span. They take turns in one browser. It draws without a
graphics card, and whatever else the machine is busy with costs frames: what counts beside the limit is how
many more there are without spans.
"""

import argparse
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.browsers import chromium
from benchmarks.figures import Report
from benchmarks.servers import HOST, chart, free_port

CANDLES = 5_000
SPANS = 500
PAN_S = 6.0
TURNS = 4
LEAST_FRAMES = 59.5
"""A second: 60, but for a frame that a clock's edge leaves out."""
LEAST_SHARE = 95.0
_LATE_MS = 1.1 * 1_000 / 60
_WARM_S = 1.0
_OURS, _BARE = f"{SPANS} spans", "no spans"
_QUERIES = {
    _OURS: f"spans={SPANS}",
    _BARE: "spans=0",
    f"{SPANS} spans, one object each": f"spans={SPANS}&by=plain",
}


@dataclass
class Panned:
    """The milliseconds between each two frames, and how many of them the page's own thread worked."""

    between: list[float] = field(default_factory=list)
    work_ms: float = 0.0


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    panned = {kind: Panned() for kind in _QUERIES}
    with chart(free_port()) as server, chromium() as browser:
        address = f"http://{HOST}:{server.port}/bench/overlay"
        for _ in range(TURNS):
            for kind, query in _QUERIES.items():
                _pan(browser, f"{address}?candles={CANDLES}&{query}", panned[kind])
    report = Report()
    for kind, one in panned.items():
        _tell(report, kind, one)
    share = _per_second(panned[_OURS]) / _per_second(panned[_BARE])
    report.claim("frames with spans of those without", 100 * share, least=LEAST_SHARE, unit="%")
    report.note(
        f"{os.cpu_count()} cores, {os.getloadavg()[1]:.1f} of them wanted over the last five minutes."
    )
    print(report.text())


def _per_second(panned: Panned) -> float:
    return 1_000 / float(np.mean(panned.between))


def _tell(report: Report, kind: str, panned: Panned) -> None:
    ms = np.array(panned.between)
    report.time(f"between two frames, {kind}", panned.between)
    least = LEAST_FRAMES if kind == _OURS else None
    report.claim(f"frames a second, {kind}", _per_second(panned), least=least, unit="/s")
    report.claim(f"the page's own work a frame, {kind}", panned.work_ms / len(ms), unit="ms")
    report.claim(f"95th percentile between two frames, {kind}", float(np.quantile(ms, 0.95)), unit="ms")
    report.claim(f"longest between two frames, {kind}", float(ms.max()), unit="ms")
    report.claim(f"frames over 1/60 s + 10 %, {kind}", 100 * float((ms > _LATE_MS).mean()), unit="%")


def _pan(browser: Any, address: str, panned: Panned) -> None:
    # The page's policy lets nobody evaluate text, which is how Playwright asks more than once.
    page = browser.new_page(viewport={"width": 1280, "height": 800}, bypass_csp=True)
    page.goto(address)
    page.wait_for_function("window.candleloopBench")
    page.evaluate(f"candleloopBench.pan({_WARM_S})")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _work_ms(session)
    panned.between += page.evaluate(f"candleloopBench.pan({PAN_S})")
    panned.work_ms += _work_ms(session) - before
    page.close()


def _work_ms(session: Any) -> float:
    told = session.send("Performance.getMetrics")["metrics"]
    return float(1_000 * next(one["value"] for one in told if one["name"] == "TaskDuration"))


if __name__ == "__main__":
    main()
