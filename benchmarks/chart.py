"""The console's chart beside Plotly's candlestick figure: time to draw, frames while panning, bytes sent.

    python -m benchmarks.chart

Both draw the same candles in the same headless Chromium, in turns. It draws without a graphics card, so that
frames are fewer than on a desk.
"""

import argparse
import functools
import http.server
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly
import plotly.graph_objects as go

from app.chart import Layer, chart_model, span_mark
from benchmarks.browsers import chromium
from benchmarks.figures import Report
from mllib.candle_gate import check_candles
from mllib.candle_overview import overview, stretch
from mllib.candles import Candles
from mllib.spans import Span

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "samples" / "BTCUSDT_1h.parquet"
COLOR = {"bull_flag": "#2e9e5b"}
TURNS = 5
DRAG_S = 3.0
PX = 900
_AFTER_MS = 1_000


def main() -> None:
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    history, _ = check_candles(pd.read_parquet(SAMPLE), pair="BTCUSDT", timeframe="1h")
    report = Report()
    _time_python(history, report)
    with _page() as page:
        for bars in (300, 5_000):
            _time_drawing(page, history, bars, report)
        _count_frames(page, history, report)
    print(report.text())


def _model(history: Candles, bars: int, *, margin: bool) -> dict[str, Any]:
    """What the browser is given with the newest bars visible, a span on a fifth of all candles."""
    end = len(history)
    loaded = stretch(end - bars, end, series_bars=end)
    part = history if margin else history[end - bars :]
    spans = [
        span_mark(
            Span("bull_flag", int(history.time[i]), int(history.time[i + 19])), who="by ada", timeframe="1h"
        )
        for i in range(0, end - 20, 100)
    ]
    layers = [Layer(spans, "solid", name="people")]
    model = chart_model(part, layers, COLOR, loaded=loaded if margin else None)
    return model | {"view": (end - bars, end) if margin else (0, bars)}


def _figure(history: Candles, bars: int) -> str:
    """Plotly's figure of the newest bars, as the console had it: no gaps, drag pans, wheel zooms."""
    part = history[len(history) - bars :]
    at = np.arange(bars)
    figure = go.Figure(go.Candlestick(x=at, open=part.open, high=part.high, low=part.low, close=part.close))
    figure.update_layout(
        height=560,
        width=PX,
        dragmode="pan",
        showlegend=False,
        margin={"l": 6, "r": 6, "t": 8, "b": 6},
        xaxis={"rangeslider": {"visible": False}},
    )
    return str(figure.to_json())


def _time_python(history: Candles, report: Report) -> None:
    for bars in (300, 5_000, len(history)):
        ms = []
        for _ in range(TURNS):
            start = time.perf_counter()
            text = json.dumps(_model(history, bars, margin=True))
            ms.append(1_000 * (time.perf_counter() - start))
        report.time(f"Python, {bars:,} visible", ms)
        report.claim(f"sent, {bars:,} visible with what is loaded around them", len(text) / 1_000, unit="kB")
    many = overview(history, 16)
    report.claim("candles of the whole series at 16 bars each", len(many))


def _time_drawing(page: Any, history: Candles, bars: int, report: Report) -> None:
    ours, peer = json.dumps(_model(history, bars, margin=False)), _figure(history, bars)
    ms: dict[str, list[float]] = {"drawOurs": [], "drawPeer": []}
    for _ in range(TURNS):
        for name, text in (("drawOurs", ours), ("drawPeer", peer)):
            ms[name].append(page.evaluate(f"text => {name}(text)", text))
            page.evaluate("clear()")
    report.time(f"draw {bars:,} candles", ms["drawOurs"][1:])
    report.time(f"draw {bars:,} candles, Plotly", ms["drawPeer"][1:])
    report.claim(f"{bars:,} candles sent", len(ours) / 1_000, unit="kB")
    report.claim(f"{bars:,} candles sent, Plotly", len(peer) / 1_000, unit="kB")


def _count_frames(page: Any, history: Candles, report: Report) -> None:
    """Frames a second while a hand drags 5,000 visible candles to and fro."""
    for name, text, top in (
        ("drawOurs", json.dumps(_model(history, 5_000, margin=True)), 0),
        ("drawPeer", _figure(history, 5_000), 560),
    ):
        page.evaluate(f"text => {name}(text)", text)
        times = _drag(page, top + 250)
        page.evaluate("clear()")
        between = np.diff(times)
        whose = "" if name == "drawOurs" else ", Plotly"
        report.claim(f"frames a second at 5,000 visible{whose}", 1_000 / float(between.mean()), unit="/s")
        report.time(f"between two frames{whose}", between.tolist())
        report.claim(
            f"longest wait for a frame, the hand's release included{whose}", float(between.max()), unit="ms"
        )


def _drag(page: Any, y: float) -> list[float]:
    """The times of all frames of a drag and after it: Plotly draws anew when the hand lets go."""
    page.mouse.move(450, y)
    page.mouse.down()
    page.evaluate("watchFrames()")
    end, x, by = time.monotonic() + DRAG_S, 450.0, 6.0
    while time.monotonic() < end:
        by = -by if not 250 < x + by < 650 else by
        x += by
        page.mouse.move(x, y)
    page.mouse.up()
    page.wait_for_timeout(_AFTER_MS)
    times: list[float] = page.evaluate("framesSeen()")
    return times


@contextmanager
def _page() -> Iterator[Any]:
    """A page with both libraries, served from a folder of its own."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        shutil.copy(Path(__file__).with_suffix(".html"), folder / "index.html")
        shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", folder)
        (folder / "static").symlink_to(ROOT / "app" / "static")
        with _served(folder) as port:
            page = browser.new_page(viewport={"width": 1280, "height": 1160})
            page.goto(f"http://127.0.0.1:{port}/")
            page.wait_for_function("window.isReady")
            yield page


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


_Quiet.extensions_map |= {".mjs": "text/javascript"}


@contextmanager
def _served(folder: Path) -> Iterator[int]:
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


if __name__ == "__main__":
    main()
