"""What computing, labelling and training cost beside bare calls: `python -m benchmarks.training [--quick]`.

Candles are a random walk of a fixed seed. Each size runs in a process of its own, for its peak memory; there
ours and the bare calls take turns, and the fastest of each counts. The ratios of one run are what the table
says; seconds depend on the machine and on what else it does.

- features: `compute_features` of the default context against the TA-Lib and NumPy calls it consists of: a
  rolling call for every window, a subtraction and a division for every column, or a copy where it is another
  column at another bar; nothing put together.
- labelling: `patterns.detect` against TA-Lib's 61 CDL functions.
- fit: a model's `fit` against the bare estimator's on the same matrix and targets, a few rounds or trees.
- training: the whole of `train`, with split, calibration, thresholds and evaluation; for memory and slope.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import talib
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from mllib.candles import Candles
from mllib.encoders import EncodingConfig
from mllib.features import ContextConfig, compute_features
from mllib.features.context import PATH_BARS, WINDOWS
from mllib.models.random_forest import RandomForest
from mllib.models.xgboost_trees import XGBoostTrees
from mllib.patterns import FUNCTIONS, detect, label_of
from mllib.rows import Rows, Targets
from mllib.spans import ReviewedRange
from mllib.training import LabelledSeries, TrainingConfig, train

SIZES = (10_000, 100_000, 1_000_000)
QUICK = (10_000, 30_000, 100_000)
LIMITS = {"features": 3.0, "labelling": 1.3, "fit, xgboost": 1.15, "fit, random_forest": 1.15}
STEEPEST, MOST_GB = 1.05, 4.0
ROUNDS, TREES = 2, 2
LEARNED = (
    *("CDLENGULFING", "CDLHARAMI", "CDLDOJI", "CDLHAMMER", "CDLHANGINGMAN", "CDLINVERTEDHAMMER"),
    *("CDLSHOOTINGSTAR", "CDLMARUBOZU", "CDLMORNINGSTAR", "CDLEVENINGSTAR", "CDL3INSIDE", "CDL3OUTSIDE"),
)
_LONGEST_S = 120.0
Floats = NDArray[np.float64]
_SHAPES = 23
"""Shapes of a single candle, each seen at several bars around its own."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help=f"sizes {QUICK} instead of {SIZES}")
    parser.add_argument("--child", nargs=2, metavar=("PART", "SIZE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        part, size = arguments.child
        print(json.dumps({**PARTS[part](int(size)), "peak_gb": _peak_gb()}))
        return
    sizes = QUICK if arguments.quick else SIZES
    show({part: [_apart(part, size) for size in sizes] for part in PARTS}, sizes)


def _apart(part: str, size: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.training", "--child", part, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def show(found: dict[str, list[dict[str, Any]]], sizes: tuple[int, ...]) -> None:
    heads = [f"{size:,}" for size in sizes]
    print(f"| {'what':<20} | {'candles':>9} | ours s | bare s | ratio | at most | peak GB |")
    print(f"|{'-' * 22}|{'-' * 10}:|-------:|-------:|------:|--------:|--------:|")
    for part, results in found.items():
        for head, one in zip(heads, results, strict=True):
            bare = one.get("bare")
            ratio = "" if bare is None else f"{one['ours'] / bare:.2f}"
            limit = f"{LIMITS[part]:g}" if part in LIMITS else ""
            told = "" if bare is None else f"{bare:.3f}"
            print(
                f"| {part:<20} | {head:>9} | {one['ours']:6.3f} | {told:>6} | {ratio:>5} | {limit:>7} | "
                f"{one['peak_gb']:7.2f} |"
            )
    print(f"\nSlope of log time over log candles, at most {STEEPEST}:")
    for part, results in found.items():
        print(f"  {part:<20} {slope(sizes, [one['ours'] for one in results]):.2f}")
    print(
        f"Peak memory, at most {MOST_GB} GB: {max(one['peak_gb'] for r in found.values() for one in r):.2f}"
    )


def slope(sizes: tuple[int, ...], seconds: list[float]) -> float:
    """The least-squares slope through the points in log–log."""
    return float(np.polyfit([math.log(n) for n in sizes], [math.log(s) for s in seconds], 1)[0])


def turns(
    ours: Callable[[], object], bare: Callable[[], object], *, most_s: float = 20.0
) -> dict[str, float]:
    """The fastest of each; they take turns for so long, and three times unless that takes minutes."""
    best = [math.inf, math.inf]
    started = time.perf_counter()
    for turn in range(25):
        for i, function in enumerate((ours, bare)):
            began = time.perf_counter()
            function()
            best[i] = min(best[i], time.perf_counter() - began)
        spent_s = time.perf_counter() - started
        if (turn >= 2 and spent_s > most_s) or spent_s > _LONGEST_S:
            break
    return {"ours": best[0], "bare": best[1]}


def candles_of(n: int) -> Candles:
    """A random walk with gaps, dojis and wicks."""
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, n)))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0, 0.0005, n))
    close = np.where(rng.random(n) < 0.05, open_, close)
    high = np.maximum(open_, close) * np.exp(rng.exponential(0.001, n))
    low = np.minimum(open_, close) * np.exp(-rng.exponential(0.001, n))
    time_ = 946_684_800 + 3_600 * np.arange(n, dtype=np.int64)
    return Candles("WALK", "1h", time_, open_, high, low, close, rng.integers(1, 1_000, n).astype(float))


def features(n: int) -> dict[str, float]:
    candles, config = candles_of(n), ContextConfig()
    return turns(lambda: compute_features(candles, config), lambda: bare_features(candles, config))


def bare_features(candles: Candles, config: ContextConfig) -> list[NDArray[np.float32]]:
    """The calls that features are made of, over whole arrays; every column is kept, none put together."""
    open_, high, low, close = candles.open, candles.high, candles.low, candles.close
    assert candles.volume is not None
    scale = talib.SMA(talib.TRANGE(high, low, close), 14)
    body, span = close - open_, high - low
    upper, lower = high - np.maximum(open_, close), np.minimum(open_, close) - low
    usual = [talib.SMA(np.abs(x), 10) for x in (body, span, upper + lower)] + [talib.SMA(span, 5)]
    shapes = [_column(x, usual[i % 4]) for i, x in enumerate((body, span, upper, lower) * 6)][:_SHAPES]
    lags = config.shape_bars_before + 1 + config.shape_bars_after
    columns = [shape.copy() for shape in shapes for _ in range(lags)]
    columns += _bare_windows(candles, scale, span) + _bare_paths(candles, scale)
    change = np.diff(close, prepend=close[0])
    averages = ((np.maximum(change, 0), 14), (np.maximum(-change, 0), 14), (candles.volume, 20))
    columns += [
        _column(talib.SMA(x, bars), scale) for x, bars in (*averages, *((close, n) for n in (10, 20, 50)))
    ]
    assert len(columns) == len(compute_features(candles[:0], config).columns)
    return columns


def _bare_windows(candles: Candles, scale: Floats, span: Floats) -> list[NDArray[np.float32]]:
    steps = np.abs(np.diff(candles.close, prepend=candles.close[0]))
    columns = []
    for width in WINDOWS:
        high, low = talib.MAX(candles.high, width), talib.MIN(candles.low, width)
        travelled, active = talib.SUM(steps, width), talib.SUM(span, width)
        parts = (candles.close, high, low, travelled, active)
        columns += [_column(part, scale) for _ in ("before", "after") for part in parts]
    return columns


def _bare_paths(candles: Candles, scale: Floats) -> list[NDArray[np.float32]]:
    columns, nearer = [], 0
    for distance in PATH_BARS:
        width = max(distance - nearer, 2)  # TA-Lib's smallest window
        lines = (candles.close, talib.MAX(candles.high, width), talib.MIN(candles.low, width))
        columns += [_column(line, scale) for _ in ("before", "after") for line in lines]
        nearer = distance
    return columns


def _column(value: Floats, scale: Floats) -> NDArray[np.float32]:
    """One column: a difference in units of something, as models read it."""
    return np.divide(np.subtract(value, scale), scale).astype(np.float32)


def labelling(n: int) -> dict[str, float]:
    candles = candles_of(n)
    prices = (candles.open, candles.high, candles.low, candles.close)

    def bare() -> None:
        for function in FUNCTIONS:
            getattr(talib, function)(*prices)

    return turns(lambda: detect(candles), bare)


def matrix(n: int) -> tuple[Rows, Targets]:
    """Features, and for each learned function where its patterns start."""
    candles = candles_of(n)
    X = compute_features(candles, ContextConfig()).values
    found = detect(candles, LEARNED)
    Y = np.zeros((n, len(LEARNED)), np.float32)
    for i, spans in enumerate(found.values()):
        Y[spans.start_bar, i] = 1
    bars = np.arange(n, dtype=np.int64)
    time_, zeros = candles.time, np.zeros(n, np.int32)
    rows = Rows(X, zeros, bars, bars + 1, time_, time_, time_, zeros)
    return rows, Targets(LEARNED, Y, np.ones(Y.shape, bool), np.ones(Y.shape, np.float32))


def fit_xgboost(n: int) -> dict[str, float]:
    rows, targets = matrix(n)
    model = XGBoostTrees({"n_estimators": ROUNDS}, seed=0)
    given = model.hyperparameters.model_dump(exclude={"n_estimators", "early_stopping_rounds", "n_jobs"})
    parameters = given | {
        "objective": "binary:logistic",
        "multi_strategy": "multi_output_tree",
        "tree_method": "hist",
        "nthread": model.hyperparameters.n_jobs,
    }

    def bare() -> None:
        data = xgboost.QuantileDMatrix(rows.X, targets.Y, max_bin=model.hyperparameters.max_bin)
        xgboost.train(parameters, data, num_boost_round=ROUNDS)

    return turns(lambda: model.fit(rows, targets, None, progress=_quiet), bare)


def fit_random_forest(n: int) -> dict[str, float]:
    rows, targets = matrix(n)
    model = RandomForest({"n_estimators": TREES}, seed=0)
    estimator = RandomForestRegressor(**model.hyperparameters.model_dump(), random_state=0)
    return turns(
        lambda: model.fit(rows, targets, None, progress=_quiet), lambda: estimator.fit(rows.X, targets.Y)
    )


def training(n: int) -> dict[str, float]:
    candles = candles_of(n)
    spans = [span for found in detect(candles, LEARNED).values() for span in found]
    labels = frozenset(label_of(function, bullish=up) for function in LEARNED for up in (True, False))
    everywhere = ReviewedRange(int(candles.time[0]), int(candles.time[-1]), labels)
    began = time.perf_counter()
    train(
        [LabelledSeries(candles, spans, [everywhere])],
        run_id="benchmark",
        encoder_name="bio",
        context=ContextConfig(),
        encoding=EncodingConfig(),
        config=TrainingConfig(hyperparameters={"n_estimators": ROUNDS}),
        progress=_quiet,
    )
    return {"ours": time.perf_counter() - began}


def _quiet(_done: float, _what: str) -> None:
    """Nobody follows a benchmark's progress."""


PARTS: dict[str, Callable[[int], dict[str, float]]] = {
    "features": features,
    "labelling": labelling,
    "fit, xgboost": fit_xgboost,
    "fit, random_forest": fit_random_forest,
    "training": training,
}

if __name__ == "__main__":
    main()
