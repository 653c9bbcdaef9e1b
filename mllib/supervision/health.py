"""Whether a service of this machine answers, for a container's health check."""

import socket
import time
import urllib.request
from contextlib import closing

from mllib.deployment import Deployment
from mllib.errors import NotReady
from mllib.ports import port_of

PATHS = {"api": "/health", "console": "/_stcore/health", "mlflow": "/health"}
"""What each service that listens answers with 200 while it is well."""
_ANSWER_S = 5.0
_SILENT_S = 60.0


def check_service(name: str) -> None:
    """Returns when that service answers on its port, or, for `worker`, when its heart has beaten.

    Raises:
        NotReady: it does not.
    """
    if name == "worker":
        _check_worker()
        return
    url = f"http://127.0.0.1:{port_of(name)}{PATHS[name]}"
    try:
        with closing(urllib.request.urlopen(url, timeout=_ANSWER_S)):
            return
    except (OSError, ValueError) as exc:  # ValueError: what answers speaks no HTTP
        raise NotReady(f"{name} at {url}: found {exc}, expected an answer. See its log.") from exc


def _check_worker() -> None:
    """A container has a host name of its own, by which its worker is told from others."""
    # Only here, as they take a second, and health is asked for every few.
    from mllib.pipeline.workspace import home_folder
    from mllib.store import open_store

    host = socket.gethostname()
    with closing(open_store(Deployment.from_environment().database or home_folder(), migrate=False)) as store:
        beats = [beat.beat_at for beat in store.workers.list() if beat.host == host]
    if not any(abs(time.time() - beat) < _SILENT_S for beat in beats):
        raise NotReady(
            f"worker on {host}: found no sign of life in the last {_SILENT_S:g} s, expected one. See its log."
        )
