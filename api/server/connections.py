"""Connections that a server process keeps: how many, and how long it waits for the other side.

uvicorn waits for ever for the head of a first request, for the rest of a body that nobody wants any more, and
for a client that does not read its answer; it takes heads of any length. Here all of these have an end.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.problems import RETRY_AFTER_S, Problem, respond

HEAD_S = 10.0
"""So long the head of a request may take, and what comes of a body after its answer."""
READ_S = 20.0
"""A client that reads not a byte of its answer for so long is gone."""
MOST_HEAD_BYTES = 64 * 1024
MOST_CONNECTIONS = 512
"""In one process; idle ones included."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol for one connection, with an end to every wait."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._read_timer: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._parsed_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes the connection if there is room."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._close_with(_too_many())
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the connection and its timers."""
        self._stop_head_timer()
        self._stop_read_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, as far as there is a reader."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._close_with(_too_long_a_head())

    def on_message_begin(self) -> None:
        """A head begins; the time that it may take began with the connection, or begins now."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._parsed_bytes = True, 0, 0
        if self._head_timer is None:
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """Takes a piece of the address."""
        self._parsed_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header of the head; what follows a chunked body is left alone."""
        if self._in_head:
            self._parsed_bytes += len(name) + len(value) + len(": \r\n")
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there, and the app begins, unless it is too long."""
        self._in_head = False
        self._stop_head_timer()
        if self._parsed_bytes > MOST_HEAD_BYTES:
            self._close_with(_too_long_a_head())
            raise ValueError("too long a head")  # the parser stops
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there too; where it was answered before, the connection is idle from now on."""
        super().on_message_complete()
        if self._head_timer is not None:
            self._stop_head_timer()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """An answer is sent; the rest of its request is read for a while, so that the client gets to read."""
        super().on_response_complete()
        if self.cycle.more_body and self.cycle.response_complete and not self.transport.is_closing():
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Answers what is not HTTP."""
        self._close_with(Problem(HTTPStatus.BAD_REQUEST, f"{msg} Send HTTP/1.1."))

    def pause_writing(self) -> None:
        """The client reads more slowly than the app writes: from now on it is watched."""
        super().pause_writing()
        self._watch_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has read."""
        self._stop_read_timer()
        super().resume_writing()

    def _await_head(self) -> None:
        self._stop_head_timer()
        self._head_timer = self.loop.call_later(HEAD_S, self._give_up)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _watch_reader(self, left: int) -> None:
        def look() -> None:
            now_left = self.transport.get_write_buffer_size()
            if now_left < left:
                self._watch_reader(now_left)
            else:
                self.transport.abort()

        self._read_timer = self.loop.call_later(READ_S, look)

    def _stop_read_timer(self) -> None:
        if self._read_timer is not None:
            self._read_timer.cancel()
            self._read_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self.transport.close()

    def _close_with(self, problem: Problem) -> None:
        """Sends an answer that no app has made, and closes."""
        if self.transport.is_closing():
            return
        answer = respond(problem)
        head = [f"HTTP/1.1 {answer.status_code} {problem.status.phrase}".encode()]
        head += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join([*head, b"connection: close", b"", bytes(answer.body)]))
        self.transport.close()


def _too_many() -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"Connections: found more than {MOST_CONNECTIONS} in this process, expected at most so many. "
        "Keep fewer open, and try again.",
        retry_after_s=RETRY_AFTER_S,
    )


def _too_long_a_head() -> Problem:
    return Problem(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"request head: found more than {MOST_HEAD_BYTES:,} bytes, expected fewer. Send shorter headers.",
    )
