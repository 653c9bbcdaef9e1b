"""What a cluster adds, and what a candle costs: `python -m benchmarks.scale [--small] [--only PART ...]`.

Candles are stretches of a random walk of a fixed seed, minute by minute, stored as series are. The model is
an xgboost of TA-Lib's labels (12 functions) with the default inputs.

- workers: a sweep of 50 series by one worker and by two, in turns; the fastest of each counts.
- size: labels of all 61 functions, the configured columns and a sweep of 1, 10 and 100 series of 100,000
  candles by two workers. Seconds a million candles shall not rise with the number; no worker's memory shall.
- training: a model trained on two workers beside the same trained here: rows a second, and how far they
  differ.
"""

import argparse
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.homes import WALK_STARTS_AT
from benchmarks.training import LEARNED, candles_of
from mllib.candle_source import CandleSource
from mllib.candles import Candles
from mllib.cluster import Cluster, open_engine
from mllib.config import FeatureSection
from mllib.datasets.tables import enriched_rows
from mllib.encoders import EncodingConfig
from mllib.features import ContextConfig
from mllib.inference import Predictor
from mllib.patterns import PatternSpans, detect, label_of
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.series_sweeps import sweep_many
from mllib.pipeline.sweep_files import keep
from mllib.pipeline.sweeps import computed_sweep
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.progress import quiet
from mllib.spans import ReviewedRange
from mllib.training import LabelledSeries, TrainingConfig, fit, prepare
from mllib.training.spread_fitting import SpreadTraining, fit_spread

LEAST_RATIO, MOST_SLOPE, MOST_GROWTH = 1.7, 1.25, 1.25
PARTS = ("workers", "size", "training")
_SERIES_BARS, _SWEPT_BARS, _TAUGHT_BARS = 100_000, 20_000, 50_000
_ROUNDS = 3
_WALKED = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="a tenth of everything")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    asked = parser.parse_args()
    walk = candles_of(_WALKED // (10 if asked.small else 1))
    print(
        f"commit {_commit()}, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}", flush=True
    )
    with TemporaryDirectory(prefix="candleloop-scale-") as folder, open_workspace(Path(folder)) as ws:
        predictor = taught(walk[:20_000])
        if "workers" in asked.only:
            workers(ws, predictor, walk, series=10 if asked.small else 50)
        if "size" in asked.only:
            size(ws, predictor, walk, counts=(1, 4) if asked.small else (1, 10, 100))
        if "training" in asked.only:
            training(ws, walk, series=2 if asked.small else 4)


def taught(candles: Candles) -> Predictor:
    """A model of the default inputs."""
    prepared = prepare(
        [labelled(candles)], encoder_name="bio", context=ContextConfig(), encoding=EncodingConfig()
    )
    return fit(prepared, run_id="scale", config=_training(n_jobs=1), progress=quiet)


def _training(**hyperparameters: Any) -> TrainingConfig:
    return TrainingConfig(model_type="xgboost", validation_folds=0, hyperparameters=hyperparameters)


def labelled(candles: Candles) -> LabelledSeries:
    spans = [span for found in detect(candles, LEARNED).values() for span in found]
    names = frozenset(label_of(name, bullish=side) for name in LEARNED for side in (True, False))
    return LabelledSeries(candles, spans, [ReviewedRange(int(candles.time[0]), int(candles.time[-1]), names)])


def store(ws: Workspace, walk: Candles, count: int, bars: int) -> list[tuple[str, str]]:
    """Stores so many series, of stretches of the walk, under names of their length."""
    named = [(f"W{bars}-{i}", "1m") for i in range(count)]
    times = WALK_STARTS_AT + 60 * np.arange(bars, dtype=np.int64)
    for i, (pair, timeframe) in enumerate(named):
        first = (i * bars) % (len(walk) - bars + 1)
        ws.candles.merge(replace(walk[first : first + bars], pair=pair, timeframe=timeframe, time=times))
    return named


def workers(ws: Workspace, predictor: Predictor, walk: Candles, *, series: int) -> None:
    """One worker and two, in turns; each alone, as idle workers of another cluster want a processor too."""
    named = store(ws, walk, series, _SWEPT_BARS)
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(_ROUNDS):
        for number, times in found.items():
            with cluster(number) as engine:
                swept(ws, predictor, named[:4], engine)
                times.append(swept(ws, predictor, named, engine))
            print(f"  {number} worker(s): {times[-1]:.1f} s", flush=True)
    ratio = min(found[1]) / min(found[2])
    candles = series * _SWEPT_BARS
    print(f"\n| sweep of {series} series, {candles:,} candles | s, fastest of {_ROUNDS} | candles/s |")
    print("|---|---:|---:|")
    for number, times in found.items():
        print(f"| {number} worker(s) | {min(times):.1f} | {candles / min(times):,.0f} |")
    print(
        f"| ratio | {ratio:.2f} ({_verdict(ratio >= LEAST_RATIO)}, at least {LEAST_RATIO}) | |\n", flush=True
    )


def swept(ws: Workspace, predictor: Predictor, named: Sequence[tuple[str, str]], engine: Cluster) -> float:
    """Seconds of a sweep of which nothing is kept yet."""
    shutil.rmtree(ws.sweeps, ignore_errors=True)
    started = time.perf_counter()
    for _ in sweep_many(ws, StoredCandles(ws), predictor, named, engine=engine):
        pass
    return time.perf_counter() - started


@contextmanager
def cluster(workers: int) -> Iterator[Cluster]:
    with open_engine(f"local:{workers}") as engine:
        assert isinstance(engine, Cluster)
        yield engine


class Shared(NamedTuple):
    source: CandleSource
    predictor: Predictor
    features: FeatureSection
    folder: Path


class Cost(NamedTuple):
    """What one series took: processor seconds a stage, bytes a product, and the worker's peak memory."""

    seconds: dict[str, float]
    sizes: dict[str, int]
    process: int
    peak_mb: float


def size(ws: Workspace, predictor: Predictor, walk: Candles, *, counts: Sequence[int]) -> None:
    """More and more series of one length."""
    features = ws.config.stages.feature_engineering
    rows = []
    for count in counts:
        named = store(ws, walk, count, _SERIES_BARS)
        folder = ws.home / f"written-{count}"
        folder.mkdir()
        shared = Shared(ws.candle_source, predictor, features, folder)
        candles = count * _SERIES_BARS
        with cluster(2) as engine:
            [*engine.map(cost, named[:1], shared=shared)]
            started = time.perf_counter()
            costs = [*engine.map(cost, named, shared=shared, progress=_tell(candles))]
            seconds = time.perf_counter() - started
        shutil.rmtree(folder)
        rows.append((candles, seconds, costs))
    _show_sizes(rows)


def cost(shared: Shared, series: tuple[str, str]) -> Cost:
    """A worker's part: each product of one series, computed and written."""
    pair, timeframe = series
    target = shared.folder / f"{pair}.{os.getpid()}"
    seconds, sizes = {}, {}
    clock = _Clock()
    candles = shared.source.archive.read(pair, timeframe)
    seconds["read"] = clock.lap()
    found = detect(candles)
    sizes["labels"] = _written(_span_table(found), target)
    seconds["labels"] = clock.lap()
    frame = enriched_rows(candles, shared.features)
    added = frame.drop(columns=[c for c in candles.to_frame().columns if c in frame])
    sizes["columns"] = _written(pa.Table.from_pandas(added, preserve_index=False), target)
    seconds["columns"] = clock.lap()
    swept = computed_sweep(shared.source.archive, shared.predictor, pair=pair, timeframe=timeframe)
    keep(swept, target)
    sizes["coverage"], sizes["spans"] = swept.coverage.nbytes, target.stat().st_size - swept.coverage.nbytes
    seconds["sweep"] = clock.lap()
    target.unlink()
    sizes["candles"] = _written(pa.Table.from_pandas(candles.to_frame(), preserve_index=False), target)
    target.unlink()
    return Cost(seconds, sizes, os.getpid(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


class _Clock:
    """Processor seconds of this process since the last lap."""

    def __init__(self) -> None:
        self._at = time.process_time()

    def lap(self) -> float:
        before, self._at = self._at, time.process_time()
        return self._at - before


def _written(table: pa.Table, target: Path) -> int:
    pq.write_table(table, target, compression="zstd")
    return target.stat().st_size


def _span_table(found: dict[str, PatternSpans]) -> pa.Table:
    names = np.repeat([*found], [len(one) for one in found.values()])
    parts = [*found.values()]
    return pa.table(
        {
            "function": pa.array(names).dictionary_encode(),
            "start_time": np.concatenate([one.time[one.start_bar] for one in parts]),
            "end_time": np.concatenate([one.time[one.end_bar] for one in parts]),
            "value": np.concatenate([one.value for one in parts]).astype(np.int16),
        }
    )


def _tell(candles: int) -> Any:
    tenths = iter(range(1, 11))
    due = next(tenths)

    def tell(done: float, _: str) -> None:
        nonlocal due
        if done * 10 >= due:
            print(f"  {candles:,} candles: {done:.0%}", flush=True)
            due = next(tenths, 11)

    return tell


def _show_sizes(rows: Sequence[tuple[int, float, Sequence[Cost]]]) -> None:
    stages, products = [*rows[0][2][0].seconds], [*rows[0][2][0].sizes]
    print(
        "\n| candles | wall s | wall s a million | "
        + " | ".join(f"{s}, cpu s" for s in stages)
        + " | peak MB |"
    )
    print("|---:" * (4 + len(stages)) + "|")
    slopes, peaks = [], []
    for candles, seconds, costs in rows:
        cpu = [sum(one.seconds[stage] for one in costs) * 1e6 / candles for stage in stages]
        slopes.append(sum(cpu))
        peaks.append(max(one.peak_mb for one in costs))
        cells = [
            f"{candles:,}",
            f"{seconds:.1f}",
            f"{seconds * 1e6 / candles:.1f}",
            *(f"{c:.2f}" for c in cpu),
        ]
        print("| " + " | ".join([*cells, f"{peaks[-1]:.0f}"]) + " |")
    slope, growth = slopes[-1] / slopes[0], peaks[-1] / peaks[0]
    print(f"\ncpu seconds a million, most / least candles: {slope:.2f} ({_verdict(slope <= MOST_SLOPE)})")
    print(f"peak memory of a worker, most / least candles: {growth:.2f} ({_verdict(growth <= MOST_GROWTH)})")
    candles, _, costs = rows[-1]
    told = ", ".join(f"{name} {sum(one.sizes[name] for one in costs) / candles:.1f}" for name in products)
    print(f"bytes a candle: {told}\n", flush=True)


def training(ws: Workspace, walk: Candles, *, series: int) -> None:
    """The same training on two workers and here."""
    named = store(ws, walk, series, _TAUGHT_BARS)
    config = _training(n_jobs=1)
    context, encoding = ContextConfig(), EncodingConfig()
    started = time.perf_counter()
    read = [labelled(ws.candles.read(*one)) for one in named]
    prepared = prepare(read, encoder_name="bio", context=context, encoding=encoding)
    here = fit(prepared, run_id="here", config=config, progress=quiet)
    here_s = time.perf_counter() - started
    del prepared
    asked = SpreadTraining(
        source=ws.candle_source,
        series=named,
        functions=LEARNED,
        encoder_name="bio",
        context=context,
        encoding=encoding,
    )
    with cluster(2) as engine:
        started = time.perf_counter()
        there, _ = fit_spread(asked, engine, run_id="there", config=config, progress=quiet)
        there_s = time.perf_counter() - started
        peaks = engine.client.run(lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
    part = read[0].candles[:20_000]
    apart = np.abs(here.predict(part).coverage - there.predict(part).coverage)
    print("| training | train rows | trees | s | test span F1 |\n|---|---:|---:|---:|---:|")
    for name, one, seconds in (("here", here, here_s), ("two workers", there, there_s)):
        f1, rows = one.metrics["span_f1"]["0.5"]["micro"], one.metrics["split"]["train"]
        print(f"| {name} | {rows:,} | {one.model.rounds} | {seconds:.1f} | {f1:.4f} |")  # type: ignore[attr-defined]
    print(f"\ncoverage apart: mean {apart.mean():.4f}, 99th percentile {np.quantile(apart, 0.99):.4f}")
    print(f"peak MB of the workers: {', '.join(f'{peak:.0f}' for peak in peaks.values())}", flush=True)


def _verdict(holds: bool) -> str:
    return "holds" if holds else "does NOT hold"


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
