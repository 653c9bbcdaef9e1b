"""Our champion pointer, mirrored as MLflow's alias. The pointer is the truth; the mirror may lag behind."""

import logging
from pathlib import Path

from mllib.errors import NotReady
from mllib.pipeline.workspace import Workspace

log = logging.getLogger(__name__)


def mirror_champion(ws: Workspace) -> None:
    """Sets MLflow's alias to the champion's run. A failure is logged, the pointer holds."""
    from mllib import tracking

    move = ws.store.champions.current(ws.config.served_model_name)
    if move is None:
        return
    run = ws.store.runs.get(move.run_id)
    try:
        if run.mlflow_run_id is not None:
            tracking.move_champion(ws.home, run.registered_model_name, run.mlflow_run_id)
    except NotReady as exc:
        log.warning("MLflow's alias not moved to run %s: %s", move.run_id, exc)
        return
    _marker(ws).parent.mkdir(parents=True, exist_ok=True)
    _marker(ws).write_text(str(move.id))


def is_mirrored(ws: Workspace) -> bool:
    """Whether MLflow's alias is where our pointer is."""
    move = ws.store.champions.current(ws.config.served_model_name)
    marker = _marker(ws)
    return move is None or (marker.exists() and marker.read_text() == str(move.id))


def _marker(ws: Workspace) -> Path:
    return ws.home / "mlflow" / "champion.mirrored"
