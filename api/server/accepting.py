"""How the workers of a server share what arrives at their one listening socket."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import uvloop

_PAUSE_S = 0.0005
_MOST_HELD = 16
_FULL_PAUSE_S = 1.0

log = logging.getLogger(__name__)


class SharingLoop(uvloop.Loop):
    """uvloop, which takes one connection from a shared socket and looks at its other work before the next.

    By itself it takes all that wait, so that of connections opened at once one worker gets nearly all, and
    its neighbour on the next core has nothing to do.
    """

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        *where: Any,
        sock: socket.socket | None = None,
        backlog: int = 100,
        **more: Any,
    ) -> Any:
        """A server on a socket that is given, or uvloop's own."""
        if sock is None:
            return await super().create_server(protocol_factory, *where, backlog=backlog, **more)
        return Listener(self, sock, protocol_factory, backlog=backlog)


class Listener:
    """A listening socket whose connections are taken one by one, until it is closed.

    A worker lets a connection wait a little for each one that it holds already, and one that holds fewer
    takes it meanwhile.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        protocol_factory: Callable[[], asyncio.Protocol],
        *,
        backlog: int,
    ) -> None:
        self._loop, self._socket, self._factory = loop, sock, protocol_factory
        self._begun: set[asyncio.Task[Any]] = set()
        self._open: list[asyncio.BaseTransport] = []
        self._closed = False
        sock.setblocking(False)
        sock.listen(backlog)
        self._watch()

    def close(self) -> None:
        """Takes no more; connections that are open stay."""
        self._closed = True
        self._loop.remove_reader(self._socket)

    async def wait_closed(self) -> None:
        """Waits for connections that are being taken; uvicorn waits for those that are open."""
        if self._begun:
            await asyncio.wait(self._begun)

    def _watch(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._socket, self._defer)

    def _defer(self) -> None:
        self._open = [one for one in self._open if not one.is_closing()]
        held = len(self._open) + len(self._begun)
        if not held:
            self._accept()
            return
        self._loop.remove_reader(self._socket)
        self._loop.call_later(min(held, _MOST_HELD) * _PAUSE_S, self._accept_deferred)

    def _accept_deferred(self) -> None:
        if not self._closed:
            self._watch()
            self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was quicker, or the client has gone
        except OSError as exc:
            log.error("Connections not taken for %g s: %s", _FULL_PAUSE_S, exc)
            self._loop.remove_reader(self._socket)
            self._loop.call_later(_FULL_PAUSE_S, self._watch)
            return
        connection.setblocking(False)
        begin = self._loop.connect_accepted_socket(self._factory, connection)
        task = self._loop.create_task(begin)
        self._begun.add(task)
        task.add_done_callback(self._end_beginning)

    def _end_beginning(self, task: "asyncio.Task[tuple[asyncio.BaseTransport, Any]]") -> None:
        self._begun.discard(task)
        if not task.cancelled() and task.exception() is None:
            self._open.append(task.result()[0])
