"""Whether the loop goes on: the few figures that an operator's alarms rest on."""

import shutil
import time
from dataclasses import dataclass

from mllib.jobs import worker_is_alive
from mllib.pipeline.workspace import Workspace


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """How the loop is now; `run_waits_s` is 0 where no run waits for a worker."""

    worker_alive: bool
    run_waits_s: float
    last_run_failed: bool
    disk_free_bytes: int


def vital_signs(ws: Workspace) -> VitalSigns:
    """Three short look-ups and one question to the disk.

    Raises:
        NotReady: the database does not answer.
    """
    now = time.time()
    newest = next(iter(ws.store.runs.list(limit=1, with_metrics=False)), None)
    waits = [now - run.created_at for run in ws.store.runs.queued()]
    return VitalSigns(
        worker_alive=worker_is_alive(ws, now=now),
        run_waits_s=max([0.0, *waits]),
        last_run_failed=newest is not None and newest.status == "failed",
        disk_free_bytes=shutil.disk_usage(ws.home).free,
    )
