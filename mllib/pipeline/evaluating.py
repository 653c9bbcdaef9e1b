"""Use case: how a run's model does on stored candles, against the stored annotations."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.config import parse_config
from mllib.encoders import reviewed_bars
from mllib.errors import InvalidAnnotations
from mllib.evaluation import Judged, evaluate
from mllib.evaluation.baselines import seen_bars
from mllib.inference import Predictor
from mllib.patterns import function_of
from mllib.pipeline.annotations import Layer, labelled_series
from mllib.pipeline.gating import Incumbent, champion_of
from mllib.pipeline.promoting import find_run, load_run
from mllib.pipeline.workspace import Workspace
from mllib.store import Run
from mllib.timeframes import parse_timeframe
from mllib.training import LabelledSeries

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
    `in_sample` says whether any candle that counts was seen in training or by a choice on validation,
    `input_drift` how far these candles have moved from those of training (`InputProfile.psi`).

    Raises:
        NotFound: no such run or series.
        InvalidAnnotations: a label is unknown here, or no candle of the range was reviewed.
    """
    run = find_run(ws, run_id)
    predictor = load_run(ws, run)
    one = _known_about(ws, run, predictor, pair, parse_timeframe(timeframe), labels)
    counts = _between(one.candles, start_time, end_time)
    judged = _judged_labels(one, predictor, labels)
    _require_reviewed(one, judged, counts)
    part = Judged(predictor.predict(one.candles), one.spans, one.reviewed, counts)
    champion = champion_of(ws, run.registered_model_name)
    if champion.run is not None and champion.run.run_id == run.run_id:
        champion = Incumbent(champion.run, None, "this is the champion")
    metrics = champion.told(evaluate([part], judged, champion=champion.predictor))
    seen = int((counts & seen_bars(predictor, one.candles)).sum())
    return {
        "run_id": run.run_id,
        "model_version": predictor.info.model_version,
        "pair": one.candles.pair,
        "timeframe": one.candles.timeframe,
        "labels": judged,
        "unknown_labels": sorted(set(judged) - set(predictor.labels)),
        "in_sample": seen > 0,
        "in_sample_candles": seen,
        "input_drift": _drift(predictor, one.candles.between(start_time, end_time)),
        **metrics,
    }


def _drift(predictor: Predictor, candles: Candles) -> dict[str, float]:
    profile = predictor.profile
    return {} if profile is None else profile.psi(profile.counted(candles))


def _known_about(
    ws: Workspace, run: Run, predictor: Predictor, pair: str, timeframe: str, labels: Sequence[str]
) -> LabelledSeries:
    """The chosen layers of a series, merged as in training; of TA-Lib what the model knows."""
    ingestion = parse_config(run.request["config"], where=f"run {run.run_id}").stages.annotation_ingestion
    layers: list[Layer] = [name for name in LAYERS if name in labels] or list(ingestion.layers)
    functions = [f for f in map(function_of, predictor.labels) if f is not None]
    if functions:
        ingestion = ingestion.model_copy(update={"talib_patterns": tuple(dict.fromkeys(functions))})
    elif "talib" in layers and len(layers) > 1:
        layers.remove("talib")
    return labelled_series(ws, pair=pair, timeframe=timeframe, layers=layers, ingestion=ingestion)


def _between(candles: Candles, start_time: int | None, end_time: int | None) -> NDArray[np.bool_]:
    inside = np.ones(len(candles), bool)
    if start_time is not None:
        inside &= candles.time >= start_time
    if end_time is not None:
        inside &= candles.time <= end_time
    return inside


def _judged_labels(one: LabelledSeries, predictor: Predictor, labels: Sequence[str]) -> list[str]:
    """The labels that are judged: known to the model or found here, looked for here, and asked for."""
    chosen = {name for name in labels if name not in LAYERS}
    known = set(predictor.labels) | {span.label for span in one.spans}
    if unknown := sorted(chosen - known):
        raise InvalidAnnotations(
            f"labels: found {', '.join(unknown)}, expected human, talib or labels such as "
            f"{', '.join(sorted(known)[:6])}. Correct the name."
        )
    looked_for = {label for part in one.reviewed for label in part.labels}
    return sorted(label for label in known & looked_for if not chosen or label in chosen)


def _require_reviewed(one: LabelledSeries, judged: Sequence[str], counts: NDArray[np.bool_]) -> None:
    reviewed = any((reviewed_bars(label, one.candles, one.reviewed) & counts).any() for label in judged)
    if not reviewed:
        raise InvalidAnnotations(
            f"{one.candles.name}: found no candle that was reviewed for these labels in this range, expected "
            "some to compare with. Import annotations with --reviewed, or choose other labels or dates."
        )
