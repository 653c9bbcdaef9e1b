"""What `candleloop up` does for someone who has nothing yet: samples, TA-Lib labels, a first champion."""

import logging

from mllib.deployment import AT_HOME
from mllib.errors import Conflict
from mllib.pipeline.annotations import label_series
from mllib.pipeline.data import import_samples
from mllib.pipeline.runs import execute_run, request_training, resolve_config
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress

_MARKER = "samples.imported"

log = logging.getLogger(__name__)


def add_samples(ws: Workspace) -> list[str]:
    """Imports and labels the samples once in the life of a home folder; the names of the new series.

    Whoever deletes a sample does not get it back with the next start. Servers of a deployment get none: what
    is there is others' work.
    """
    marker = ws.home / _MARKER
    if marker.exists() or ws.deployment != AT_HOME:
        return []
    added = import_samples(ws)
    for series in ws.candles.list():
        label_series(ws, pair=series.pair, timeframe=series.timeframe)
    marker.touch()
    return added


def first_champion(ws: Workspace, *, progress: Progress) -> None:
    """Trains the configured model on the configured series, where no champion serves and there is one."""
    pipeline = ws.config.pipeline
    stored = {(series.pair, series.timeframe) for series in ws.candles.list()}
    if ws.store.champions.current(ws.config.served_model_name) is not None:
        return
    if (pipeline.pair, pipeline.timeframe) not in stored:
        log.warning("no champion yet: %s %s is not stored", pipeline.pair, pipeline.timeframe)
        return
    config = resolve_config(ws.config, overrides={"stages.training.auto_promote": True})
    try:
        run = request_training(ws, pairs=[pipeline.pair], timeframe=pipeline.timeframe, config=config)
    except Conflict as exc:
        log.warning("no champion yet, and a run is under way already: %s", exc)
        return
    execute_run(ws, run.run_id, progress=progress)
