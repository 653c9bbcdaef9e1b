"""What happens after everything is up: restarts are told, and no service is given up for good."""

import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from mllib.errors import NotReady
from mllib.supervision.configuration import log_path
from mllib.supervision.supervisord import ServiceState, Supervisord

POLL_S = 0.2
ASK_EVERY_S = 1.0
FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 60.0


def watch(supervisord: Supervisord, *, home: Path, console: Console, stopped: Callable[[], bool]) -> None:
    """Returns when a stop was asked for.

    Raises:
        NotReady: supervisord ended by itself or was killed.
    """
    reporter = _Reporter(home, console)
    asked_at = 0.0
    while not stopped():
        if not supervisord.is_alive():
            raise NotReady(
                f"Supervision failed, {log_path(home, 'supervisor')}: found that supervisord ended, "
                "expected it to run until Ctrl-C. All services were ended with it; start again."
            )
        if time.monotonic() - asked_at > ASK_EVERY_S:
            asked_at = time.monotonic()
            for state in supervisord.states().values():
                reporter.see(state, supervisord)
        time.sleep(POLL_S)


class _Reporter:
    def __init__(self, home: Path, console: Console) -> None:
        self._home = home
        self._console = console
        self._pids: dict[str, int] = {}
        self._pauses: dict[str, float] = {}
        self._retry_at: dict[str, float] = {}

    def see(self, state: ServiceState, supervisord: Supervisord) -> None:
        if state.state == "FATAL":
            self._retry(state, supervisord)
        elif state.pid:
            self._tell_restart(state)
        if state.state == "RUNNING":
            self._pauses.pop(state.name, None)

    def _tell_restart(self, state: ServiceState) -> None:
        before = self._pids.get(state.name, state.pid)
        self._pids[state.name] = state.pid
        if before != state.pid:
            self._console.print(f"{state.name} ended and was started again. Log: {self._log(state)}")

    def _retry(self, state: ServiceState, supervisord: Supervisord) -> None:
        if state.name not in self._retry_at:
            pause_s = self._pauses.get(state.name, FIRST_PAUSE_S)
            self._pauses[state.name] = min(2 * pause_s, LONGEST_PAUSE_S)
            self._retry_at[state.name] = time.monotonic() + pause_s
            self._console.print(
                f"{state.name} keeps ending; next try in {pause_s:g} s. Log: {self._log(state)}"
            )
        elif time.monotonic() > self._retry_at[state.name]:
            del self._retry_at[state.name]
            supervisord.start(state.name)

    def _log(self, state: ServiceState) -> Path:
        return log_path(self._home, state.name)
