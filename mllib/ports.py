"""Whether the ports that services want are free, and who holds one that is not."""

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from mllib.errors import Conflict, InvalidConfig

PORTS = {"api": 8001, "console": 8501, "mlflow": 5000, "web": 3000}
"""Where the services listen when nothing else is said."""
LISTENING = "0A"


class NeedsPort(Protocol):
    """Something that will listen on a port, if it names one."""

    @property
    def name(self) -> str: ...
    @property
    def port(self) -> int | None: ...
    @property
    def port_variable(self) -> str | None: ...


def port_of(name: str) -> int:
    """The port of a service: `CANDLELOOP_<NAME>_PORT`, else its own of `PORTS`.

    Raises:
        InvalidConfig: the variable holds no number.
    """
    variable = f"CANDLELOOP_{name.upper()}_PORT"
    text = os.environ.get(variable) or str(PORTS[name])
    if not (text.isascii() and text.isdigit()):
        raise InvalidConfig(
            f"{variable}: found {text!r}, expected a port number. Set it to such as {PORTS[name]}."
        )
    return int(text)


def check_ports(services: Sequence[NeedsPort], *, host: str = "127.0.0.1") -> None:
    """Returns when every port can be bound on `host`.

    Raises:
        InvalidConfig: two services want one port, or a port is not a port.
        Conflict: ports are in use; the message has a line for each, with the holder where it can be told.
    """
    wanted = [(service, service.port) for service in services if service.port is not None]
    _check_distinct(wanted)
    busy = [_complaint(service, port) for service, port in wanted if not _is_free(host, port, service)]
    if busy:
        raise Conflict("\n".join(busy))


def port_holder(port: int) -> tuple[int, str] | None:
    """Returns pid and command line of the lowest process listening on `port`; None where it can't be told.

    Processes of other users and of other network namespaces cannot be told.
    """
    links = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    pids = sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit()) if links else []
    holder = next((pid for pid in pids if not links.isdisjoint(_open_files(pid))), None)
    return None if holder is None else (holder, _command_line(holder))


def _check_distinct(wanted: list[tuple[NeedsPort, int]]) -> None:
    seen: dict[int, NeedsPort] = {}
    for service, port in wanted:
        other = seen.setdefault(port, service)
        if other is not service:
            raise InvalidConfig(
                f"Choosing ports failed, {service.name}: found port {port}, which {other.name} has too, "
                f"expected a port of its own. Set {service.port_variable} to another one."
            )


def _is_free(host: str, port: int, service: NeedsPort) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of an earlier run that linger in TIME_WAIT are no holder.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OverflowError as error:
            raise _not_a_port(service, "a number from 1 to 65535") from error
        except PermissionError as error:
            raise _not_a_port(service, "one that this user may open (1024 and above)") from error
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def _not_a_port(service: NeedsPort, expected: str) -> InvalidConfig:
    return InvalidConfig(
        f"Choosing ports failed, {service.name}: found port {service.port}, expected {expected}. "
        f"Set {service.port_variable} to another one."
    )


def _complaint(service: NeedsPort, port: int) -> str:
    holder = port_holder(port)
    who = "by a process that cannot be told" if holder is None else f"by process {holder[0]} ({holder[1]})"
    remedy = f" or set {service.port_variable} to a free port" if service.port_variable else ""
    return (
        f"Starting {service.name} failed, port {port}: found it in use {who}, expected it free. "
        f"Stop that process{remedy}."
    )


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for fields in _rows(table):
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _rows(table: str) -> list[list[str]]:
    try:
        lines = Path(table).read_text(encoding="ascii").splitlines()
    except OSError:  # no IPv6, or no Linux: then nobody can be told
        return []
    return [line.split() for line in lines[1:]]


def _open_files(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    with suppress(OSError):  # ended in between, or another user's
        for name in os.listdir(folder):
            with suppress(FileNotFoundError):
                yield os.readlink(f"{folder}/{name}")


def _command_line(pid: int) -> str:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "ended just now"
    return raw.replace(b"\0", b" ").decode(errors="replace").strip()
