"""Runs one command so that nothing of it outlives its supervisor, or the command itself.

Started by path with `python -I -S guard.py SPEC.json`, so that it costs milliseconds: it imports the
standard library alone, and nothing of this package. SPEC holds `command`, `environment`, `mark`, `ends`
and `grace_s`.

Three things hold the tree together, on Linux:

- The kernel sends SIGTERM to the guard when its parent dies (`PR_SET_PDEATHSIG`), also by kill -9, and to
  the command when the guard dies.
- Every process below the guard carries `CANDLELOOP_SUPERVISED=<mark>` in its environment. When the command
  is gone the guard ends whatever still carries it: workers that a killed parent left behind.
- A guard that starts first ends what an earlier guard with the same mark left behind.
"""

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MARK_VARIABLE = "CANDLELOOP_SUPERVISED"
PARENT_VARIABLE = "CANDLELOOP_PARENT_PID"
PR_SET_PDEATHSIG = 1
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def main(spec_path: str) -> int:
    """Returns the command's exit code (128 + n after signal n), once nothing of it is left."""
    spec = json.loads(Path(spec_path).read_text(encoding="utf-8"))
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS | {signal.SIGCHLD})
    die_with_parent(expected_parent=int(os.environ[PARENT_VARIABLE]))
    end_marked(spec["ends"], grace_s=spec["grace_s"])
    command_pid = _start(spec)
    code = _wait(command_pid, spec)
    end_marked(spec["ends"], grace_s=spec["grace_s"])
    return code


def die_with_parent(*, expected_parent: int) -> None:
    """Asks the kernel for a SIGTERM at the parent's death; exits if the parent is dead already."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != expected_parent:
        os._exit(128 + signal.SIGTERM)


def end_marked(prefix: str, *, grace_s: float) -> list[int]:
    """Returns the pids that carried a mark starting with `prefix`; SIGTERM, and SIGKILL after `grace_s`."""
    found = list(marked_pids(prefix))
    _signal_all(found, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while left := list(marked_pids(prefix)):
        if time.monotonic() > deadline:
            _signal_all(left, signal.SIGKILL)
        time.sleep(0.05)
    return found


def marked_pids(prefix: str) -> Iterator[int]:
    """Yields the pids, this process's aside, whose mark starts with `prefix`; a zombie has none."""
    wanted = f"{MARK_VARIABLE}={prefix}".encode()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid() and _carries(entry, wanted):
            yield int(entry)


def _carries(pid: str, wanted: bytes) -> bool:
    try:
        environment = Path("/proc", pid, "environ").read_bytes()
    except OSError:  # gone in between, or another user's
        return False
    return any(entry.startswith(wanted) for entry in environment.split(b"\0"))


def _signal_all(pids: list[int], signum: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, signum)
        except ProcessLookupError:
            continue


def _start(spec: dict[str, Any]) -> int:
    guard_pid = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        die_with_parent(expected_parent=guard_pid)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        marks = {MARK_VARIABLE: spec["mark"], PARENT_VARIABLE: str(os.getpid())}
        os.execvpe(spec["command"][0], spec["command"], {**os.environ, **spec["environment"], **marks})
    except OSError as error:
        print(f"Starting {spec['command'][0]} failed: {error.strerror}.", file=sys.stderr, flush=True)
    finally:
        os._exit(127)


def _wait(command_pid: int, spec: dict[str, Any]) -> int:
    deadline: float | None = None
    while True:
        received = signal.sigtimedwait(STOP_SIGNALS | {signal.SIGCHLD}, 0.5 if deadline else 5.0)
        if received and received.si_signo in STOP_SIGNALS and deadline is None:
            deadline = time.monotonic() + spec["grace_s"]
            os.kill(command_pid, signal.SIGTERM)
        reaped, status = os.waitpid(command_pid, os.WNOHANG)
        if reaped:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if deadline and time.monotonic() > deadline:
            os.kill(command_pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
