"""What every route works with: one workspace, the champion that it follows, and where predictions run."""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.lanes import Lane
from api.prediction_cache import PredictionCache
from mllib.config import ApiSection
from mllib.errors import CandleloopError
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.serving import Champion
from mllib.pipeline.workspace import Workspace, open_workspace

_WATCH_ENDS_WITHIN_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """The collaborators of a serving process; shared between its threads, the cache and lanes excepted."""

    ws: Workspace
    champion: Champion
    stored: StoredCandles
    charts: Lane
    sweeps: Lane
    cache: PredictionCache

    @property
    def limits(self) -> ApiSection:
        """What this process takes on."""
        return self.ws.config.stages.inference.api


@contextmanager
def running(ws: Workspace | None) -> Iterator[Service]:
    """A service that follows the champion; it opens a workspace, and closes it again, where none is given."""
    workspace = open_workspace() if ws is None else ws
    try:
        service = _service_over(workspace)
        _take_up(service.champion)
        watch = service.champion.watch()
        try:
            yield service
        finally:
            service.champion.stop()
            service.charts.close()
            service.sweeps.close()
            watch.join(_WATCH_ENDS_WITHIN_S)
    finally:
        if ws is None:
            workspace.close()


def _service_over(ws: Workspace) -> Service:
    limits = ws.config.stages.inference.api
    return Service(
        ws,
        Champion(ws),
        StoredCandles(ws),
        charts=Lane("charts", queued=limits.queued),
        sweeps=Lane("sweeps", queued=limits.queued),
        cache=PredictionCache(ws.candles, entries=limits.cached_predictions),
    )


def _take_up(champion: Champion) -> None:
    """Loads the champion if that is possible now; the watch tries again, and `/ready` says why not."""
    try:
        champion.refresh()
    except CandleloopError as exc:
        champion.error = str(exc)
        log.error("champion: %s", exc)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: later collections need not look at it again


async def _service(request: Request) -> Service:
    # Not `def`: FastAPI would wait for a free thread, and /health needs none.
    service = request.app.state.service
    assert isinstance(service, Service), "set by the lifespan"
    return service


ServiceDep = Annotated[Service, Depends(_service)]
