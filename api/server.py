"""The server: `python -m api.server`, as `candleloop api` starts it.

One process listens and keeps its workers alive; each worker opens its own workspace (`api.main`).
"""

import argparse
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from api.logs import LOG_CONFIG

BACKLOG = 1_024
"""Connections that wait for a worker to take them; the kernel may hold fewer."""
GRACE_S = 6
"""So long requests may go on after SIGTERM; the supervisor of `candleloop up` waits for 8 s."""
SILENCE_S = 30
"""A worker that does not answer its parent for so long hangs, and is replaced."""
_RETRY_EVERY_S = 2.0


class Workers(Multiprocess):
    """uvicorn's keeper of workers, which goes on while a worker cannot start, once others have.

    uvicorn ends all workers when a new one fails to start. A database that is gone for a moment would end a
    service that still answers.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._has_served = False
        self._retry_at = 0.0

    def keep_subprocess_alive(self) -> None:
        """Starts a worker in the place of each that has ended."""
        self._has_served = self._has_served or any(one.is_ready(timeout=1) for one in self.processes)
        if not self._has_served:
            super().keep_subprocess_alive()
            return
        for place, process in enumerate(self.processes):
            if not self.should_exit.is_set() and not process.is_alive(timeout=SILENCE_S):
                self._replace(place, process)

    def _replace(self, place: int, process: Process) -> None:
        if time.monotonic() < self._retry_at:
            return
        process.kill()
        process.join()
        if process.exitcode == STARTUP_FAILURE:
            self._retry_at = time.monotonic() + _RETRY_EVERY_S
        self.processes[place] = Process(self.config, self.sockets)
        self.processes[place].start()


def create_worker_app() -> Any:
    """The app of a worker, which ends with its parent."""
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=follow, name="parent watch", daemon=True).start()
    from api.main import create_app

    return create_app()


def configuration(host: str, port: int, workers: int) -> uvicorn.Config:
    """The configuration of uvicorn."""
    return uvicorn.Config(
        "api.server:create_worker_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="api.connections:BoundedProtocol",
        ws="none",
        lifespan="on",
        log_config=LOG_CONFIG,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        timeout_worker_healthcheck=SILENCE_S,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="api.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(arguments)
    config = configuration(asked.host, asked.port, asked.workers)
    if asked.workers > 1:
        Workers(config, [config.bind_socket()]).run()
    else:
        uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
