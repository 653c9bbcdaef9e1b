"""Use case: how a run's model does on stored candles, against the stored annotations."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.config import parse_config
from mllib.evaluation import Judged, evaluate
from mllib.inference import Predictor
from mllib.patterns import function_of
from mllib.pipeline.annotations import Layer, labelled_series
from mllib.pipeline.runs import find_run, load_run
from mllib.pipeline.workspace import Workspace
from mllib.timeframes import parse_timeframe

LAYERS: tuple[Layer, ...] = ("human", "talib")


def evaluate_run(
    ws: Workspace,
    *,
    run_id: str | None,
    pair: str,
    timeframe: str,
    labels: Sequence[str] = (),
    start_time: int | None = None,
    end_time: int | None = None,
) -> dict[str, Any]:
    """The metrics of `evaluation.evaluate` with `run_id model_version pair timeframe in_sample`.

    `labels` holds layers (`human`, `talib`), label names or both; by default the layers that the run was
    trained on, and all their labels. Labels that people gave and the model has never seen count as missed.
    `in_sample` says whether any candle that counts was seen in training or by a choice on validation.
    """
    run = find_run(ws, run_id)
    predictor = load_run(ws, run)
    ingestion = parse_config(run.request["config"], where=f"run {run.run_id}").stages.annotation_ingestion
    layers: list[Layer] = [name for name in LAYERS if name in labels] or list(ingestion.layers)
    functions = [f for f in map(function_of, predictor.encoder.labels) if f is not None]
    if functions:
        ingestion = ingestion.model_copy(update={"talib_patterns": tuple(dict.fromkeys(functions))})
    elif "talib" in layers and len(layers) > 1:
        layers.remove("talib")
    timeframe = parse_timeframe(timeframe)
    one = labelled_series(ws, pair=pair, timeframe=timeframe, layers=layers, ingestion=ingestion)
    candles = one.candles
    counts = np.ones(len(candles), bool)
    counts &= candles.time >= (candles.time[0] if start_time is None else start_time)
    counts &= candles.time <= (candles.time[-1] if end_time is None else end_time)
    chosen = {name for name in labels if name not in LAYERS}
    looked_for = {label for part in one.reviewed for label in part.labels}
    known = set(predictor.encoder.labels) | {span.label for span in one.spans}
    judged = sorted(label for label in known & looked_for if not chosen or label in chosen)
    metrics = evaluate([Judged(predictor.predict(candles), one.spans, one.reviewed, counts)], judged)
    seen = int((counts & _seen(predictor, candles)).sum())
    return {
        "run_id": run.run_id,
        "model_version": predictor.info.model_version,
        "pair": pair,
        "timeframe": timeframe,
        "labels": judged,
        "unknown_labels": sorted(set(judged) - set(predictor.encoder.labels)),
        "in_sample": seen > 0,
        "in_sample_candles": seen,
        **metrics,
    }


def _seen(predictor: Predictor, candles: Candles) -> NDArray[np.bool_]:
    seen = np.zeros(len(candles), bool)
    for part in predictor.trained_on:
        if (part.pair, part.timeframe) == (candles.pair, candles.timeframe):
            seen |= (candles.time >= part.start_time) & (candles.time <= part.end_time)
    return seen
