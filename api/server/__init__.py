"""The server: `python -m api.server`, as `candleloop api` starts it.

One process listens and keeps its workers alive; each worker opens its own workspace (`api.main`).
"""

import argparse
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from api import metrics_folder
from api.server.address import wait_for_address
from mllib.config import load_config
from mllib.errors import Conflict, InvalidConfig
from mllib.logs import LOG_CONFIG

BACKLOG = 1_024
"""Connections that wait for a worker to take them; the kernel may hold fewer."""
GRACE_S = 6
"""So long requests may go on after SIGTERM; the supervisor of `candleloop up` waits for 8 s."""
SILENCE_S = 30
"""A worker that does not answer its parent for so long hangs, and is replaced."""
SWITCH_S = 0.001
"""A thread that computes gives way to the event loop after so long; Python's default is 5 ms."""
_ANSWER_S = 1.0
_RETRY_EVERY_S = 2.0
_WRONG_CONFIGURATION = 2

log = logging.getLogger("api.server")  # also where this is the main module


class Workers(Multiprocess):
    """uvicorn's keeper of workers, which goes on while one cannot start, once another has served.

    uvicorn ends all workers when a new one fails to start: a database that is gone for a moment would end a
    service that still answers. It also waits for a worker's answer as long as it tolerates silence, during
    which it sees no other worker end; here it asks each second.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.has_served = False
        """Whether any worker was ever ready."""
        self._retry_at = 0.0
        self._heard_at: WeakKeyDictionary[Process, float] = WeakKeyDictionary()

    def keep_subprocess_alive(self) -> None:
        """Starts a worker in the place of each that has ended or hangs."""
        for place, process in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if not self._is_well(process) and time.monotonic() >= self._retry_at:
                self._replace(place, process)

    def _is_well(self, process: Process) -> bool:
        now = time.monotonic()
        if not process.process.is_alive():
            return False
        self.has_served = self.has_served or process.is_ready(timeout=_ANSWER_S)
        if process.ping(timeout=_ANSWER_S):
            self._heard_at[process] = now
        return now - self._heard_at.setdefault(process, now) < SILENCE_S

    def _replace(self, place: int, process: Process) -> None:
        process.kill()
        process.join()
        log.error("Worker %s has ended (exit code %s).", process.pid, process.exitcode)
        if process.exitcode == STARTUP_FAILURE:
            if not self.has_served:
                self.should_exit.set()
                return
            self._retry_at = time.monotonic() + _RETRY_EVERY_S
        self.processes[place] = Process(self.config, self.sockets)
        self.processes[place].start()


def create_worker_app() -> Any:
    """The app of a worker, which ends with its parent."""
    sys.setswitchinterval(SWITCH_S)
    logging.captureWarnings(True)
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
        loop="api.server.accepting:SharingLoop",
        http="api.server.connections:BoundedProtocol",
        ws="none",
        lifespan="on",
        log_config=LOG_CONFIG,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
    )


def _check_configuration() -> None:
    """Ends with what is wrong with the configuration, before every worker says it."""
    try:
        load_config()
    except InvalidConfig as exc:
        print(exc, file=sys.stderr)
        sys.exit(_WRONG_CONFIGURATION)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="api.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args(arguments)
    _check_configuration()
    config = configuration(asked.host, asked.port, asked.workers)
    try:
        wait_for_address(asked.host, asked.port)
    except Conflict as exc:
        log.error("%s", exc)
        sys.exit(STARTUP_FAILURE)
    if asked.workers > 1:
        metrics_folder.share()
        workers = Workers(config, [config.bind_socket()])
        workers.run()
        sys.exit(0 if workers.has_served else STARTUP_FAILURE)
    else:
        uvicorn.Server(config).run()
