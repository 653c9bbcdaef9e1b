"""Use case of the worker: what a champion says of series that people work on, before anybody asks."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing

from mllib.errors import InvalidCandles, NotFound
from mllib.inference import Predictor
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.promoting import load_run
from mllib.pipeline.queue_sweeps import Reading, series_to_read
from mllib.pipeline.review import labels_to_review
from mllib.pipeline.sweeps import sweep_steps
from mllib.pipeline.workspace import Workspace
from mllib.spans import PEOPLE

log = logging.getLogger(__name__)


def sweep_ahead(ws: Workspace, *, give_up: Callable[[], bool]) -> bool:
    """Sweeps what a review queue of the champion reads of series that people annotated or reviewed.

    That is its own sweeps, and those of the rival in its committee. What is kept already, or computed by
    somebody else at the moment, is left alone. `give_up` is asked between steps; False where it said so.

    Raises:
        BrokenModel: the folder of a model cannot be loaded.
    """
    champion = ws.store.champions.current(ws.config.served_model_name)
    if champion is None:
        return True
    predictor, stored = load_run(ws, ws.store.runs.get(champion.run_id)), StoredCandles(ws)
    series = [one for one in series_to_read(ws, predictor) if _worked_on(ws, *one)]
    return all(
        _swept(ws, stored, model, pair=pair, timeframe=timeframe, give_up=give_up)
        for model in _models(ws, stored, predictor)
        for pair, timeframe in series
    )


def _worked_on(ws: Workspace, pair: str, timeframe: str) -> bool:
    said = ws.store.annotations
    return bool(said.reviewed(pair, timeframe) or said.list(pair, timeframe, sources=PEOPLE))


def _models(ws: Workspace, stored: StoredCandles, predictor: Predictor) -> Iterator[Predictor]:
    """The champion's, and that of the other model type that its queue asks, where it asks one."""
    yield predictor
    if ws.config.stages.acquisition.shares.committee:
        rival = Reading(ws, stored, predictor, []).find_rival(labels_to_review(ws, predictor))
        if rival is not None:
            yield load_run(ws, rival)


def _swept(
    ws: Workspace,
    stored: StoredCandles,
    model: Predictor,
    *,
    pair: str,
    timeframe: str,
    give_up: Callable[[], bool],
) -> bool:
    try:
        with closing(sweep_steps(ws, stored, model, pair=pair, timeframe=timeframe)) as steps:
            for step in steps:
                if step.waiting:
                    return True
                if step.swept is None and give_up():
                    return False
    except (InvalidCandles, NotFound) as exc:  # too short for the model, or taken away meanwhile
        log.info("%s %s is not read ahead: %s", pair, timeframe, exc)
    return True
