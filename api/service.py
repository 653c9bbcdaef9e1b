"""What every route works with: one workspace, the champion that it follows, and the candles read last."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from mllib.errors import CandleloopError
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.serving import Champion
from mllib.pipeline.workspace import Workspace, open_workspace

_WATCH_ENDS_WITHIN_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """The collaborators of a serving process; shared between its threads."""

    ws: Workspace
    champion: Champion
    stored: StoredCandles


@contextmanager
def running(ws: Workspace | None) -> Iterator[Service]:
    """A service that follows the champion; it opens a workspace, and closes it again, where none is given."""
    workspace = open_workspace() if ws is None else ws
    champion = Champion(workspace)
    try:
        _take_up(champion)
        watch = champion.watch()
        try:
            yield Service(workspace, champion, StoredCandles(workspace))
        finally:
            champion.stop()
            watch.join(_WATCH_ENDS_WITHIN_S)
    finally:
        if ws is None:
            workspace.close()


def _take_up(champion: Champion) -> None:
    """Loads the champion if that is possible now; the watch tries again, and `/ready` says why not."""
    try:
        champion.refresh()
    except CandleloopError as exc:
        champion.error = str(exc)
        log.error("champion: %s", exc)


def _service(request: Request) -> Service:
    service = request.app.state.service
    assert isinstance(service, Service), "set by the lifespan"
    return service


ServiceDep = Annotated[Service, Depends(_service)]
