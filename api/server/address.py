"""The address that the server wants: workers of a parent that was killed hold it for some seconds more."""

import errno
import logging
import socket
import time

from mllib.errors import Conflict
from mllib.ports import port_holder

WAIT_S = 10.0
"""Longer than workers take to notice that their parent is gone, and to end what they answer."""
_LOOKS_EVERY_S = 0.1

log = logging.getLogger("api.server")


def wait_for_address(host: str, port: int, *, within_s: float = WAIT_S) -> None:
    """Returns once the address is free, or cannot be had for another reason; the log says once that it waits.

    Raises:
        Conflict: it is still in use after `within_s` seconds.
    """
    ends_at = time.monotonic() + within_s
    said = False
    while _is_in_use(host, port):
        if not said:
            log.warning("%s:%d is in use; waiting up to %g s for it.", host, port, within_s)
            said = True
        if time.monotonic() >= ends_at:
            raise Conflict(_complaint(host, port, within_s))
        time.sleep(_LOOKS_EVERY_S)


def _is_in_use(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # Connections of an earlier run that linger in TIME_WAIT are no holder.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            return exc.errno == errno.EADDRINUSE
    return False


def _complaint(host: str, port: int, within_s: float) -> str:
    holder = port_holder(port)
    who = "by a process that cannot be told" if holder is None else f"by process {holder[0]} ({holder[1]})"
    return (
        f"Starting the API failed, {host}:{port}: found it in use {who} for {within_s:g} s, expected it "
        "free. Stop that process, or choose another --port."
    )
