"""What the API adds to the model it serves, beside `mlflow models serve`: `python -m benchmarks.serving`.

Trains `bio` and `window` (XGBoost) on the sample in a temporary home, or copies a trained home, and starts
each server itself on loopback. Bodies are distinct and the cache is off wherever a speed is claimed; what is
compared takes turns, so that noise hits both. Ends with one table of times and one of claims; exit code 1
where one does not hold.

Parts: `predict` (500 candles over one connection, beside the in-process Predictor and MLflow), `load`
(8 connections on two processes), `batch` (a long history), `start` (process start to /ready), `cache`.
"""

import argparse
import asyncio
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import servers, starting, sweeping
from benchmarks.figures import Report
from benchmarks.homes import PAIR, config_file, history, make_champion, run_of, temporary_home
from benchmarks.load import Blocking, Charts, many
from benchmarks.stages import stages, timed
from benchmarks.turns import BARS, UNCACHED, in_turns, log_file, spread
from mllib.pipeline.promoting import load_run
from mllib.pipeline.serving import warm
from mllib.pipeline.workspace import Workspace
from mllib.store import Run

MOST_IN_PROCESS_MS = {"bio": 8.0, "window": 25.0}
MOST_ADDED_MS, MOST_P99_RATIO, MOST_OF_MLFLOW = 4.0, 2.0, 0.5
CONNECTIONS, WORKERS = 8, 2
LEAST_GAIN, MOST_P99_MS, MOST_GROWTH = 1.5, 250.0, 1.05
_WARM = 20


@dataclass(frozen=True, slots=True)
class Sizes:
    requests: int
    seconds: float
    sweep_bars: int
    starts: int


FULL, QUICK = Sizes(400, 30.0, 1_000_000, 5), Sizes(40, 4.0, 100_000, 2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--home", type=Path, help="a trained home to copy, instead of training")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them, such as predict,batch")
    parser.add_argument("--seconds", type=float, help=f"of load, instead of {FULL.seconds:g}")
    parser.add_argument("--stages", action="store_true", help="only where the time of a prediction goes")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    if arguments.seconds is not None:
        sizes = Sizes(sizes.requests, arguments.seconds, sizes.sweep_bars, sizes.starts)
    report = Report()
    with temporary_home(arguments.home, tuple(MOST_IN_PROCESS_MS)) as ws:
        for part in ["stages"] if arguments.stages else arguments.parts.split(","):
            print(part, flush=True)
            (PARTS | {"stages": where_time_goes})[part](ws, sizes, report)
    print(f"\n{report.text()}")
    sys.exit(0 if report.holds else 1)


def predict(ws: Workspace, sizes: Sizes, report: Report) -> None:
    """One connection, request alone and with stored context, beside the Predictor and MLflow."""
    for encoder in (*MOST_IN_PROCESS_MS, "combined"):
        run = run_of(ws, encoder)
        if run is not None:
            _predict(ws, run, sizes, report)


def _predict(ws: Workspace, run: Run, sizes: Sizes, report: Report) -> None:
    encoder, most = run.encoder, MOST_IN_PROCESS_MS.get(run.encoder)
    ms = in_turns(ws, run, sizes.requests)
    report.time(f"`{encoder}`: Predictor in process", ms["alone"])
    report.time(f"`{encoder}`: POST /predict", ms["alone over HTTP"])
    report.time(f"`{encoder}`: Predictor in process, with stored context", ms["context"])
    report.time(f"`{encoder}`: POST /predict, with stored context", ms["context over HTTP"])
    report.claim(f"`{encoder}`: in process, ms", float(np.median(ms["alone"])), most=most)
    for kind in ("alone", "context"):
        told = f"`{encoder}`, request alone" if kind == "alone" else f"`{encoder}`, with stored context"
        inside, whole = ms[kind], ms[f"{kind} over HTTP"]
        judged = most is not None
        report.claim(
            f"{told}: HTTP adds, ms",
            float(np.median(whole) - np.median(inside)),
            most=MOST_ADDED_MS if judged else None,
        )
        report.claim(
            f"{told}: p99 / median",
            float(np.quantile(whole, 0.99) / np.median(whole)),
            most=MOST_P99_RATIO if judged else None,
        )
        if "mlflow" in ms:
            part = float(np.median(whole) / np.median(ms["mlflow"]))
            report.claim(f"{told}: whole / MLflow's", part, most=MOST_OF_MLFLOW)
    if "mlflow" in ms:
        report.time("`bio`: mlflow models serve, given the ready-made matrix", ms["mlflow"])


def load(ws: Workspace, sizes: Sizes, report: Report) -> None:
    """Eight connections against two processes, beside one connection against the same."""
    _serve(ws, "bio")
    charts = Charts(history(ws), BARS)
    bodies = _endless(charts)
    config = config_file(ws, "uncached", UNCACHED)
    with servers.api(ws.home, config, workers=WORKERS, log=log_file(ws, "load")) as server:
        asyncio.run(many(server.port, bodies, connections=CONNECTIONS, seconds=2))
        one = asyncio.run(many(server.port, bodies, connections=1, seconds=sizes.seconds / 3))
        memory, cpu, parts = [server.rss_mb()], server.cpu_s_each(), []
        for _ in range(2):
            parts.append(
                asyncio.run(many(server.port, bodies, connections=CONNECTIONS, seconds=sizes.seconds / 2))
            )
            memory.append(server.rss_mb())
        cpu = {pid: spent - cpu[pid] for pid, spent in server.cpu_s_each().items()}
    ms, failures = parts[0].ms + parts[1].ms, parts[0].failures + parts[1].failures
    seconds = sum(part.seconds for part in parts)
    _, p99 = report.time(f"`bio`: POST /predict, {CONNECTIONS} connections, {WORKERS} processes", ms)
    report.claim(
        f"{CONNECTIONS} connections / 1: requests a second",
        len(ms) / seconds / one.per_second,
        least=LEAST_GAIN,
    )
    report.claim(f"{CONNECTIONS} connections: p99, ms", p99, most=MOST_P99_MS)
    report.claim(f"{CONNECTIONS} connections: errors", len(failures), most=0)
    report.claim("memory at the end / in the middle", memory[2] / memory[1], most=MOST_GROWTH)
    ours = sum(part.client_cpu_s for part in parts)
    report.note(
        f"Load: {len(ms) / seconds:.0f} requests a second on {CONNECTIONS} connections, "
        f"{one.per_second:.0f} on one, for {seconds:.0f} s. Of the cores the generator took "
        f"{ours / seconds:.2f}, the server "
        f"{' + '.join(f'{spent / seconds:.2f}' for spent in cpu.values() if spent > 0.05)}. "
        f"Memory {' → '.join(f'{mb:.0f}' for mb in memory)} MB. {' '.join(failures[:3])}"
    )


def cache(ws: Workspace, sizes: Sizes, report: Report) -> None:
    """The same bodies twice, with the cache as it is by default."""
    _serve(ws, "bio")
    charts = Charts(history(ws), BARS)
    with servers.api(ws.home, config_file(ws, "cached", {})) as server, Blocking(server.port) as connection:
        firsts = spread(charts, min(sizes.requests, 200) + _WARM)
        bodies = [charts.body(i, PAIR) for i in firsts]
        for body in bodies[:_WARM]:
            connection.post("/predict", body)
        _, computed = timed(lambda body: connection.post("/predict", body), bodies[_WARM:])
        _, repeated = timed(lambda body: connection.post("/predict", body), bodies[_WARM:])
        report.time("`bio`: POST /predict, computed", computed)
        report.time("`bio`: POST /predict, from the cache", repeated)
        report.note(_hit_rate(servers.get(server.port, "/metrics")))


def _hit_rate(metrics: str | None) -> str:
    """The hits and misses of the cache, of which half are hits, as the metrics tell them."""
    lines = [line for line in (metrics or "").splitlines() if not line.startswith("#") and "cache" in line]
    counts = {word: sum(float(line.split()[-1]) for line in lines if word in line) for word in _COUNTED}
    if not sum(counts.values()):
        return "The cache's hit rate is not among the metrics."
    return (
        f"/metrics: {counts['hit']:.0f} hits, {counts['miss']:.0f} misses, hit rate "
        f"{counts['hit'] / sum(counts.values()):.2f} ({_WARM} bodies were sent once, the others twice)."
    )


def where_time_goes(ws: Workspace, sizes: Sizes, report: Report) -> None:
    for encoder in (*MOST_IN_PROCESS_MS, "combined"):
        run, charts = run_of(ws, encoder), Charts(history(ws), BARS)
        if run is None:
            continue
        predictor = load_run(ws, run)
        warm(predictor)
        bodies = [charts.body(i, PAIR) for i in spread(charts, sizes.requests)]
        for what, ms in stages(predictor, bodies):
            report.time(f"`{encoder}`: {what}", ms)


def batch(ws: Workspace, sizes: Sizes, report: Report) -> None:
    """A long history, streamed and in one piece, beside the in-process sweep."""
    sweeping.measure(ws, _serve(ws, "bio"), sizes.sweep_bars, report)


def start(ws: Workspace, sizes: Sizes, report: Report) -> None:
    """Process start to /ready, and what is imported until then."""
    _serve(ws, "bio")
    starting.measure(ws, sizes.starts, report)


def _serve(ws: Workspace, encoder: str) -> Run:
    run = run_of(ws, encoder)
    assert run is not None, "trained for the benchmark"
    make_champion(ws, run)
    return run


def _endless(charts: Charts) -> Iterator[bytes]:
    """Bodies in a shuffled order, so that neighbours in time are none on the chart."""
    order = np.random.default_rng(0).permutation(len(charts))
    return (charts.body(int(i), PAIR) for i in itertools.cycle(order))


_COUNTED = ("hit", "miss")
PARTS: dict[str, Callable[[Workspace, Sizes, Report], None]] = {
    "predict": predict,
    "load": load,
    "batch": batch,
    "start": start,
    "cache": cache,
}

if __name__ == "__main__":
    main()
