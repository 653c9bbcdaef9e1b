"""Connections against a real server in a thread, with waits that are short enough for a test."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from api.server import connections
from tests.processes import free_port, wait_until

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers `/big` with 64 MB, `/early` before the body is read, anything else with the body's length."""
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = bytes(64 * 2**20) if scope["path"] == "/big" else b"%d" % size
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connections, "HEAD_S", 0.5)
    monkeypatch.setattr(connections, "READ_S", 0.5)
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 20)
    port = free_port()
    config = uvicorn.Config(
        app,
        port=port,
        http=connections.BoundedProtocol,
        lifespan="off",
        ws="none",
        log_level="critical",
        loop="uvloop",
        timeout_keep_alive=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, within_s=10, what="the server listens")
    yield port
    server.should_exit = True
    thread.join(10)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def closes_after(connection: socket.socket) -> float:
    """Seconds until the server closes; whatever it sends before is read."""
    begun = time.monotonic()
    bytes_until_closed(connection)
    return time.monotonic() - begun


def bytes_until_closed(connection: socket.socket) -> int:
    size = 0
    with suppress(ConnectionError):
        while piece := connection.recv(4 * 2**20):
            size += len(piece)
    return size


def refuses_after(connection: socket.socket) -> float:
    """Seconds that a head may be sent for, a byte each 50 ms."""
    begun = time.monotonic()
    with suppress(ConnectionError):
        connection.sendall(HEAD)
        while time.monotonic() < begun + 5:
            connection.sendall(b"X")
            time.sleep(0.05)
    return time.monotonic() - begun


def test_requests_are_answered_over_one_connection(port: int) -> None:
    with connect(port) as connection:
        for _ in range(3):
            connection.sendall(HEAD + b"Content-Length: 5\r\n\r\nabcde")
            assert connection.recv(1_000).endswith(b"\r\n\r\n5")


def test_a_connection_on_which_nothing_comes_is_closed(port: int) -> None:
    with connect(port) as connection:
        assert 0.3 < closes_after(connection) < 4


def test_a_head_that_comes_bit_by_bit_is_closed(port: int) -> None:
    with connect(port) as connection:
        assert 0.3 < refuses_after(connection) < 4


def test_the_second_head_of_a_connection_has_an_end_too(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        connection.recv(1_000)
        time.sleep(0.7)  # idle for longer than a head may take
        connection.sendall(HEAD)
        assert 0.3 < closes_after(connection) < 4


def test_an_idle_connection_is_closed_after_a_while(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        assert 0.8 < closes_after(connection) < 3


def test_a_body_may_take_longer_than_a_head(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 2\r\n\r\na")
        time.sleep(0.8)
        connection.sendall(b"b")
        assert connection.recv(1_000).endswith(b"\r\n\r\n2")


def test_the_rest_of_a_body_is_read_for_a_while_after_its_answer(port: int) -> None:
    early = HEAD.replace(b"/", b"/early", 1)
    with connect(port) as connection:
        connection.sendall(early + b"Content-Length: 2\r\n\r\n")
        assert connection.recv(1_000).endswith(b"\r\n\r\n0")
        connection.sendall(b"ab" + HEAD + b"Content-Length: 0\r\n\r\n")
        assert connection.recv(1_000).endswith(b"\r\n\r\n0")
    with connect(port) as connection:
        connection.sendall(early + b"Content-Length: 2\r\n\r\n")
        assert closes_after(connection) < 4


def test_a_connection_is_idle_once_the_rest_of_a_body_is_there(port: int) -> None:
    early = HEAD.replace(b"/", b"/early", 1)
    with connect(port) as connection:
        connection.sendall(early + b"Content-Length: 2\r\n\r\n")
        time.sleep(0.2)
        connection.sendall(b"ab")
        assert 0.8 < closes_after(connection) < 3


def test_a_client_that_does_not_read_is_cut_off(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD.replace(b"/", b"/big", 1) + b"Content-Length: 0\r\n\r\n")
        time.sleep(2)
        assert bytes_until_closed(connection) < 64 * 2**20


def test_a_client_that_reads_slowly_gets_everything(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD.replace(b"/", b"/big", 1) + b"Content-Length: 0\r\nConnection: close\r\n\r\n")
        size = 0
        while piece := connection.recv(4 * 2**20):
            size += len(piece)
            time.sleep(0.02)
    assert size > 64 * 2**20


def test_a_head_that_does_not_end_is_refused(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD + b"X: " + b"a" * 300_000)
        answer = connection.recv(1_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer


def test_what_is_not_http_is_answered_with_a_problem(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"hello\r\n\r\n")
        answer = connection.recv(1_000)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"error":"Invalid HTTP request received. Send HTTP/1.1."' in answer


def test_connections_are_bounded(port: int) -> None:
    opened = [connect(port) for _ in range(20)]
    time.sleep(0.1)
    with connect(port) as one_more:
        answer = one_more.recv(1_000)
    for connection in opened:
        connection.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 2" in answer
    wait_until(lambda: _is_answered(port), within_s=3, what="room again")


def _is_answered(port: int) -> bool:
    with connect(port) as connection:
        connection.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
        return connection.recv(1_000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X-Long: " + b"x" * 70_000 + b"\r\n",
        HEAD + b"X-Long: xxxxxxxxxxxxxxxxxxxxxxxxx\r\n" * 3_000,
        HEAD.replace(b"/", b"/" + b"x" * 70_000, 1),
    ],
    ids=["a header", "many headers", "an address"],
)
def test_a_head_that_is_too_long_is_refused_however_it_comes(port: int, head: bytes) -> None:
    whole = head + b"\r\n"
    for piece_bytes in (len(whole), 10_000):
        answers = [_answer_in_pieces(port, whole, piece_bytes) for _ in range(3)]
        told = [answer for answer in answers if answer]  # a reset can overtake an answer
        assert told
        assert all(answer.startswith(b"HTTP/1.1 431 ") for answer in told)


def _answer_in_pieces(port: int, whole: bytes, piece_bytes: int) -> bytes:
    with connect(port) as connection, suppress(ConnectionError):
        for at in range(0, len(whole), piece_bytes):
            with suppress(ConnectionError):
                connection.sendall(whole[at : at + piece_bytes])
            time.sleep(0.02)
        return connection.recv(100)
    return b""


def test_a_head_of_sixty_thousand_bytes_is_taken_and_its_body_not_counted(port: int) -> None:
    head = HEAD + b"X-Long: " + b"x" * 60_000 + b"\r\nContent-Length: 60000\r\n\r\n"
    with connect(port) as connection:
        connection.sendall(head + b"x" * 60_000)
        assert connection.recv(1_000).endswith(b"\r\n\r\n60000")
