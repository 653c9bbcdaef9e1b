"""Ways to the same predictions, timed in turns: the Predictor, our API, `mlflow models serve`."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import servers
from benchmarks.homes import PAIR, config_file, history, make_champion
from benchmarks.load import Blocking, Charts
from benchmarks.stages import timed
from mllib.candles import Candles
from mllib.inference import Predictor
from mllib.pipeline.predicting import StoredCandles, predict_candles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.serving import warm
from mllib.pipeline.workspace import Workspace
from mllib.store import Run

BARS = 500
UNKNOWN = "UNKNOWN"
"""A pair that is not stored: predicted from the request's candles alone."""
UNCACHED = {"cached_predictions": 0}
_TURN = 10


def in_turns(ws: Workspace, run: Run, requests: int) -> dict[str, list[float]]:
    """Milliseconds of each way to the same predictions; the ways take turns of a few charts each.

    Turns of single charts would time a server that has just slept, which one at work has not. What a turn
    sends is made before it, and its first chart does not count.
    """
    make_champion(ws, run)
    predictor, charts = load_run(ws, run), Charts(history(ws), BARS)
    warm(predictor)
    with ExitStack() as stack:
        ways = _ways(ws, run, predictor, charts, stack)
        ms: dict[str, list[float]] = {name: [] for name in ways}
        firsts = spread(charts, (requests // _TURN + 1) * (_TURN + 1))
        for turn, start in enumerate(range(0, len(firsts), _TURN + 1)):
            for name, (prepare, run_one) in ways.items():
                inputs = [prepare(i) for i in firsts[start : start + _TURN + 1]]
                _, took = timed(run_one, inputs)
                ms[name] += took[1:] if turn else []
        return ms


Way = tuple[Callable[[int], Any], Callable[[Any], object]]
"""What makes an input from a chart's first bar, and what is timed with it."""


def _ways(ws: Workspace, run: Run, predictor: Predictor, charts: Charts, stack: ExitStack) -> dict[str, Way]:
    candles, stored = history(ws), StoredCandles(ws)
    ours = stack.enter_context(servers.api(ws.home, config_file(ws, "uncached", UNCACHED)))
    post = stack.enter_context(Blocking(ours.port)).post

    def chart(first: int) -> Candles:
        return candles[first : first + BARS]

    ways: dict[str, Way] = {
        "alone over HTTP": (lambda i: charts.body(i, UNKNOWN), partial(post, "/predict")),
        "alone": (chart, predictor.predict),
        "context over HTTP": (lambda i: charts.body(i, PAIR), partial(post, "/predict")),
        "context": (chart, partial(predict_candles, predictor, stored)),
    }
    if run.encoder == "bio":
        assert run.mlflow_run_id is not None, "set when a run is trained"
        theirs = stack.enter_context(servers.mlflow(ws.home, run.mlflow_run_id, log=log_file(ws, "mlflow")))
        invoke = stack.enter_context(Blocking(theirs.port)).post
        ways["mlflow"] = (partial(_matrix, predictor, candles), partial(invoke, "/invocations"))
    return ways


def _matrix(predictor: Predictor, candles: Candles, first: int) -> bytes:
    """MLflow's request for the features of the same candles, in the form that it reads fastest.

    Of `dataframe_split`, `instances` and `inputs` the first took least; numbers have as many digits as
    float32 needs.
    """
    around = max(first - predictor.encoder.context_bars, 0)
    rows = predictor.encoder.propose(candles[around : first + BARS + predictor.encoder.provisional_bars])
    X = rows.X[first - around : first - around + BARS]
    data = ",".join("[" + ",".join(map(str, row)) + "]" for row in X).replace("nan", "NaN")
    return f'{{"dataframe_split":{{"data":[{data}]}}}}'.encode()


def spread(charts: Charts, count: int) -> list[int]:
    """Starts of so many windows, spread evenly, all of them with history before and after."""
    firsts = np.linspace(2_000, len(charts) - 1_000, count, dtype=int)
    assert len(set(firsts)) == count, "distinct bodies"
    return [int(first) for first in firsts]


def log_file(ws: Workspace, name: str) -> Path:
    return ws.home.with_name(f"{name}.log")
