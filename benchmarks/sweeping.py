"""`/predict/batch` over a long history beside the in-process sweep, which runs in a process of its own."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import servers
from benchmarks.figures import Report
from benchmarks.homes import WALK, WALK_STARTS_AT, WALK_TIMEFRAME, config_file, store_walk
from benchmarks.load import Blocking
from mllib.inference import Predictor
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.store import Run

MOST_RATIO, MOST_GB = 1.3, 2.0
ROUNDS = 2
NDJSON = {"Accept": "application/x-ndjson"}
_WHOLE = {"pair": WALK, "timeframe": WALK_TIMEFRAME}
_START = _WHOLE | {"end_date": WALK_STARTS_AT + 60 * 1_000}


def measure(ws: Workspace, run: Run, bars: int, report: Report) -> None:
    """Each way in turn, twice; the faster time and the higher peak of each count."""
    store_walk(ws, bars)
    found: dict[str, list[tuple[float, float]]] = {"in process": [], "streamed": [], "in one piece": []}
    for _ in range(ROUNDS):
        found["in process"].append(_apart(ws, run))
        found["streamed"].append(_over_http(ws, NDJSON, bars))
        found["in one piece"].append(_over_http(ws, {}, bars))
    best = {way: min(seconds for seconds, _ in times) for way, times in found.items()}
    peak = {way: max(gb for _, gb in times) for way, times in found.items()}
    for way in ("streamed", "in one piece"):
        ratio = best[way] / best["in process"]
        report.claim(f"/predict/batch, {bars:,} candles, {way} / in process", ratio, most=MOST_RATIO)
        report.claim(f"/predict/batch, {bars:,} candles, {way}: peak GB", peak[way], most=MOST_GB)
    told = ", ".join(f"{way} {best[way]:.2f} s ({peak[way]:.2f} GB)" for way in found)
    report.note(f"Batch of {bars:,} candles (`{run.encoder}`), peak memory in brackets: {told}.")


def _apart(ws: Workspace, run: Run) -> tuple[float, float]:
    """Seconds and peak GB of `Predictor.predict` over the same candles."""
    assert run.predictor_path is not None, "a usable run has one"
    command = [sys.executable, "-m", "benchmarks.sweeping", str(ws.home), run.predictor_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, peak_gb = json.loads(done.stdout)
    return seconds, peak_gb


def _over_http(ws: Workspace, headers: dict[str, str], bars: int) -> tuple[float, float]:
    """Seconds until the whole answer is there, and the server's peak GB."""
    config = config_file(ws, "uncached", {"cached_predictions": 0})
    with servers.api(ws.home, config) as server, Blocking(server.port) as connection:
        # Reads the series into memory, as the child does before it starts its clock.
        connection.post("/predict/batch", json.dumps(_START).encode())
        started = time.perf_counter()
        answer = connection.post("/predict/batch", json.dumps(_WHOLE).encode(), headers)
        seconds = time.perf_counter() - started
        peak_gb = server.peak_mb() / 1e3
    counted = _lines(answer) if headers else len(msgspec.json.decode(answer)["per_candle"])
    if counted != bars:
        raise SystemExit(f"/predict/batch: found {counted:,} candles in the answer, expected {bars:,}")
    return seconds, peak_gb


def _lines(stream: bytes) -> int:
    """The candles in a stream that has its last line."""
    lines: list[dict[str, Any]] = [msgspec.json.decode(line) for line in stream.splitlines() if line]
    if "candle_count" not in lines[-1]:
        raise SystemExit(f"/predict/batch: the stream broke off: {lines[-1]}")
    return sum(len(line.get("per_candle", ())) for line in lines)


def main() -> None:
    """The child: a home and a predictor's folder in, seconds and peak GB out."""
    home, folder = Path(sys.argv[1]), sys.argv[2]
    with open_workspace(home) as ws:
        candles = ws.candles.read(WALK, WALK_TIMEFRAME)
        predictor = Predictor.load(home / folder)
        predictor.predict(candles[:1_000])
        started = time.perf_counter()
        predictor.predict(candles)
        seconds = time.perf_counter() - started
    print(json.dumps([seconds, servers.status_mb(servers.own_id(), "VmHWM") / 1e3]))


if __name__ == "__main__":
    main()
