"""Waiting until every service answers, or one cannot."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from rich.console import Console

from mllib.errors import NotReady
from mllib.supervision.configuration import log_path
from mllib.supervision.service import Service
from mllib.supervision.supervisord import ServiceState, Supervisord

POLL_S = 0.2
URL_TIMEOUT_S = 1.0
MOST_STARTS = 4
LOG_LINES = 20


class StartUp:
    """The services that are not ready yet, and how often each was started."""

    def __init__(self, services: Sequence[Service], *, home: Path, timeout_s: float) -> None:
        self.waiting = [service for service in services if service.awaited]
        self._home = home
        self._timeout_s = timeout_s
        self._began = time.monotonic()
        self._guard_pids: defaultdict[str, set[int]] = defaultdict(set)
        self._log_starts = {service.name: _size(log_path(home, service.name)) for service in services}

    def wait(self, supervisord: Supervisord, *, console: Console, stopped: Callable[[], bool]) -> bool:
        """Returns True when all are ready, False when a stop was asked for; prints a line for each.

        Raises:
            NotReady: a service keeps ending, the time is over, or supervisord ended.
        """
        with console.status(self._waiting_for()) as status:
            while self.waiting and not stopped():
                self._poll(supervisord, console)
                status.update(self._waiting_for())
                time.sleep(POLL_S)
        return not self.waiting

    def _poll(self, supervisord: Supervisord, console: Console) -> None:
        if not supervisord.is_alive():
            raise self._failure("supervisor", "that supervisord ended")
        states = supervisord.states()
        for service in list(self.waiting):
            state = states.get(service.name)
            if state is not None and self._is_ready(service, state):
                self.waiting.remove(service)
                console.print(f"{service.name} is up after {time.monotonic() - self._began:.1f} s")
        if self.waiting and time.monotonic() - self._began > self._timeout_s:
            raise self._failure(self.waiting[0].name, f"no answer within {self._timeout_s:g} s")

    def _is_ready(self, service: Service, state: ServiceState) -> bool:
        self._refuse_if_hopeless(service, state)
        if state.pid == 0:
            return False
        if service.ready_url is not None:
            return _answers(service.ready_url)
        return service.ready() if service.ready is not None else state.state == "RUNNING"

    def _refuse_if_hopeless(self, service: Service, state: ServiceState) -> None:
        pids = self._guard_pids[service.name]
        pids.update({state.pid} - {0})
        if state.state == "FATAL" or len(pids) > MOST_STARTS:
            raise self._failure(service.name, f"that it ended {max(len(pids), 1)} times")

    def _waiting_for(self) -> str:
        return f"Waiting for {', '.join(service.name for service in self.waiting)} …"

    def _failure(self, name: str, found: str) -> NotReady:
        path = log_path(self._home, name)
        lines = _tail(path, start=self._log_starts.get(name, 0)) or ["(nothing)"]
        return NotReady(
            f"Starting {name} failed, {path}: found {found}, expected it to come up. "
            "Mend what its last lines say and start again:\n" + "\n".join(f"  {line}" for line in lines)
        )


def _answers(url: str) -> bool:
    try:
        # These are our own ports: a proxy from the environment has no part in it.
        with build_opener(ProxyHandler({})).open(url, timeout=URL_TIMEOUT_S):
            return True
    except (OSError, HTTPException):  # refused, too slow, cut off, or 400 and above
        return False


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _tail(path: Path, *, start: int) -> list[str]:
    if not path.exists():
        return []
    raw = path.read_bytes()
    since = raw[start:] if len(raw) >= start else raw  # shorter: it was rotated since
    return since.decode(errors="replace").splitlines()[-LOG_LINES:]
