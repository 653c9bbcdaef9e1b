"""supervisord as a child of this process: started, asked and ended."""

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from mllib.supervision.configuration import (
    GROUP,
    SUPERVISORD_GRACE_S,
    SupervisorFiles,
    guard_command,
    mark_prefix,
)
from mllib.supervision.guard import PARENT_VARIABLE, end_marked


@dataclass(frozen=True)
class ServiceState:
    """What supervisord says of one service; `pid` is its guard's, 0 while none runs."""

    name: str
    state: str
    pid: int
    description: str


class Supervisord:
    """One running supervisord with its guard, in a session of its own so that Ctrl-C does not reach it."""

    def __init__(self, files: SupervisorFiles, *, home: Path) -> None:
        self._files = files
        self._home = home
        self._process = subprocess.Popen(
            guard_command(files.specification),
            env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def is_alive(self) -> bool:
        """Returns whether supervisord and its guard still run."""
        return self._process.poll() is None

    def states(self) -> dict[str, ServiceState]:
        """Returns the state of each service by name; empty while supervisord does not answer."""
        try:
            answer: Any = self._proxy().supervisor.getAllProcessInfo()
        except OSError:
            return {}
        return {
            info["name"]: ServiceState(info["name"], info["statename"], info["pid"], info["description"])
            for info in answer
        }

    def start(self, name: str) -> None:
        """Starts a service that supervisord has given up; one that runs already is left alone."""
        try:
            self._proxy().supervisor.startProcess(f"{GROUP}:{name}", False)
        except (OSError, Fault):  # asked again at the next pause
            return

    def stop(self) -> None:
        """Ends supervisord and all services, and returns when none is left."""
        if self.is_alive():
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=2 * SUPERVISORD_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        end_marked(mark_prefix(self._home), grace_s=1)
        self._files.remove_temporary()

    def _proxy(self) -> ServerProxy:
        transport = SupervisorTransport(None, None, serverurl=f"unix://{self._files.socket}")
        return ServerProxy("http://127.0.0.1", transport=transport)
