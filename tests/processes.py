"""What tests of real processes share: a free port, and waiting for what a process does in its own time."""

import socket
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    condition: Callable[[], Any], *, within_s: float, what: str, pause: Callable[[float], None] = time.sleep
) -> Any:
    """The first truthy answer of `condition`; connection errors count as not yet.

    What takes long is asked for less often, as asking takes a processor from it.
    """
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) < within_s:
        try:
            if answer := condition():
                return answer
        except (httpx.HTTPError, OSError):
            pass
        pause(min(max(0.05, waited / 20), 0.5))
    raise AssertionError(f"{what}: not within {within_s:g} s")
