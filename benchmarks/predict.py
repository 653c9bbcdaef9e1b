"""Where the time of one `/predict` of 500 candles goes: `python -m benchmarks.predict`.

Uses the champion of `CANDLELOOP_HOME` (train it with `make up` or `candleloop train`), starts a server of its
own on loopback, and sends 200 distinct bodies over one connection. The stages are timed in this process on
the same candles. Milliseconds.
"""

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import msgspec
import numpy as np

from api.candle_bodies import PredictRequest, PredictResponse, checked_candles, decoded, response_fields
from mllib.candles import Candles
from mllib.inference import Predictor
from mllib.inference.prediction import predicted
from mllib.pipeline.predicting import StoredCandles, predict_candles
from mllib.pipeline.promoting import find_run, load_run
from mllib.pipeline.serving import warm
from mllib.pipeline.workspace import Workspace, open_workspace

REQUESTS = 200
BARS = 500
UNKNOWN = "UNKNOWN"
"""A pair that is not stored: predicted from the request's candles alone."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", default="BTCUSDT")
    parser.add_argument("--timeframe", default="1h")
    arguments = parser.parse_args()
    with open_workspace() as ws:
        predictor = load_run(ws, find_run(ws, None))
        warm(predictor)
        history = ws.candles.read(arguments.pair, arguments.timeframe)
        charts = [
            history[first : first + BARS]
            for first in np.linspace(2_000, len(history) - 1_000, REQUESTS, dtype=int)
        ]
        print(
            f"{predictor.info.model_type}, version {predictor.info.model_version}, "
            f"{predictor.info.feature_count} features, {len(predictor.encoder.labels)} labels; "
            f"{REQUESTS} requests of {BARS} candles of {history.name}; ms\n"
        )
        table = stages(predictor, charts)
        table += in_process(ws, predictor, charts)
        table += over_http(charts)
    print(f"| {'what':<58} | median |    p99 |\n|{'-' * 60}|-------:|-------:|")
    for what, times in table:
        print(f"| {what:<58} | {np.median(times):6.2f} | {np.quantile(times, 0.99):6.2f} |")


Row = tuple[str, list[float]]


def stages(predictor: Predictor, charts: Sequence[Candles]) -> list[Row]:
    """The parts of a prediction from the request's candles alone."""
    encoder = predictor.encoder
    read = timed(read_json, [body_of(chart, chart.pair) for chart in charts])
    rows = timed(encoder.propose, charts)
    P = timed(lambda r: predictor.model.predict_proba(r.X), rows.results)
    judged = list(zip(charts, rows.results, P.results, strict=True))
    spans = timed(
        lambda one: predicted(one[0], encoder.labels, encoder.decode(*one), encoder.coverage(*one)), judged
    )
    written = timed(
        lambda p: msgspec.json.encode(PredictResponse(**response_fields(p, predictor))), spans.results
    )
    parts = {
        "JSON in, and the candle gate": read,
        "features": rows,
        "model": P,
        "decode": spans,
        "JSON out": written,
    }
    return [(f"{what}, {BARS} bars", one.ms) for what, one in parts.items()]


def read_json(body: bytes) -> Candles:
    asked = decoded(body, PredictRequest)
    return checked_candles(asked.pair, asked.timeframe, asked.candles)


def in_process(ws: Workspace, predictor: Predictor, charts: Sequence[Candles]) -> list[Row]:
    stored = StoredCandles(ws)
    alone = timed(predictor.predict, charts)
    joined = timed(lambda chart: predict_candles(predictor, stored, chart), charts)
    bars = BARS + predictor.encoder.context_bars + predictor.encoder.provisional_bars
    return [
        ("Predictor, request alone", alone.ms),
        (f"Predictor, with stored context ({bars} bars)", joined.ms),
    ]


def over_http(charts: Sequence[Candles]) -> list[Row]:
    known = [body_of(chart, chart.pair) for chart in charts]
    alone = [body_of(chart, UNKNOWN) for chart in charts]
    with server() as url, httpx.Client(base_url=url, timeout=30) as client:
        for body in known[:20]:
            ask(client, body)
        first = timed(lambda body: ask(client, body), alone)
        second = timed(lambda body: ask(client, body), known)
    return [
        ("POST /predict, whole, request alone", first.ms),
        ("POST /predict, whole, with stored context", second.ms),
    ]


def body_of(candles: Candles, pair: str) -> bytes:
    rows = candles.to_frame().to_dict("records")
    return json.dumps({"pair": pair, "timeframe": candles.timeframe, "candles": rows}).encode()


def ask(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
    if answer.status_code != 200 or not answer.content:
        raise SystemExit(answer.text)


@contextmanager
def server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "mllib.cli", "api", "--port", str(port), "--workers", "1"]
    )
    try:
        yield wait_ready(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def wait_ready(url: str) -> str:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/ready").status_code == 200:
                return url
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("the server was not ready within 30 s")


class timed:  # noqa: N801  (reads as a verb where it is used)
    """Results and milliseconds of a function over distinct inputs."""

    def __init__(self, function: Callable[[Any], Any], inputs: Sequence[Any]) -> None:
        function(inputs[0])
        self.results, self.ms = [], []
        for one in inputs:
            started = time.perf_counter()
            self.results.append(function(one))
            self.ms.append((time.perf_counter() - started) * 1e3)


if __name__ == "__main__":
    main()
