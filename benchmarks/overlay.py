"""The chart's spans: frames while panning over 5,000 visible candles with 500 spans.

    python -m benchmarks.overlay

Builds `web/` and pans its page `/bench/overlay` in headless Chromium: with spans, without, and with the same boxes
drawn by one plain object a span, as a peer. It draws without a graphics card, so that frames are fewer than on a
desk.
"""

import argparse
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.browsers import chromium
from benchmarks.figures import Report
from mllib.web_app import build, find_node, web_folder

CANDLES = 5_000
SPANS = 500
PAN_S = 8.0
TURNS = 3
FRAME_MS = 1_000 / 60
_LATE_MS = 1.1 * FRAME_MS
_WARM_S = 1.0
_START_S = 30.0
_KINDS = {
    f"{SPANS} spans": f"spans={SPANS}",
    "no spans": "spans=0",
    f"{SPANS} spans, one object each": f"spans={SPANS}&by=plain",
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    report = Report()
    with _served() as address, chromium() as browser:
        between: dict[str, list[float]] = {kind: [] for kind in _KINDS}
        for _ in range(TURNS):
            for kind, query in _KINDS.items():
                between[kind] += _pan(browser, f"{address}/bench/overlay?candles={CANDLES}&{query}")
    for kind, ms in between.items():
        _tell(report, kind, np.array(ms), least=59.0 if kind == f"{SPANS} spans" else None)
    print(report.text())


def _tell(
    report: Report, kind: str, ms: "np.ndarray[Any, np.dtype[np.float64]]", *, least: float | None
) -> None:
    """`least`: a display that shows 60 frames a second is not met to the last one by any clock."""
    report.time(f"between two frames, {kind}", ms.tolist())
    report.claim(f"frames a second, {kind}", 1_000 / float(ms.mean()), least=least, unit="/s")
    report.claim(f"95th percentile between two frames, {kind}", float(np.quantile(ms, 0.95)), unit="ms")
    report.claim(f"longest between two frames, {kind}", float(ms.max()), unit="ms")
    report.claim(f"frames over 1/60 s + 10 %, {kind}", 100 * float((ms > _LATE_MS).mean()), unit="%")


def _pan(browser: Any, address: str) -> list[float]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.wait_for_function("window.candleloopBench")
    page.evaluate(f"candleloopBench.pan({_WARM_S})")
    between: list[float] = page.evaluate(f"candleloopBench.pan({PAN_S})")
    page.close()
    return between


@contextmanager
def _served() -> Iterator[str]:
    """The address of the built chart, on a free port of this machine."""
    web, node = web_folder(), find_node()
    assert web is not None, "benchmarks are part of a checkout, as web/ is"
    server, port = build(web, node), _free_port()
    environment = {**os.environ, "PORT": str(port), "HOSTNAME": "127.0.0.1"}
    process = subprocess.Popen(
        [node.path, server.name], cwd=server.parent, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        _wait_until_up(f"http://127.0.0.1:{port}/bench/overlay")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_up(address: str) -> None:
    end = time.monotonic() + _START_S
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
