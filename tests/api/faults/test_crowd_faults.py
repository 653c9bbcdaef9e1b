"""Two hundred clients at once, and a hundred that never finish their request."""

import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.api.faults.conftest import Client, Serve
from tests.processes import wait_until

CLIENTS = 200
SLOW = 100
SLOTS = 16
BODY_S = 3.0


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[Client]:
    with serve(in_flight=SLOTS, queued=4, body_s=BODY_S) as running:
        yield running


def test_of_two_hundred_clients_at_once_some_are_put_off_and_none_is_lost(client: Client) -> None:
    refused: Counter[int] = Counter()

    def judge(number: int) -> int:
        for _ in range(100):
            answer = client.judge(f"crowd {number}")
            if answer.status_code in (200, 201):
                return answer.status_code
            assert answer.status_code == 408 or int(answer.headers["Retry-After"]) > 0, answer.text
            refused[answer.status_code] += 1
            time.sleep(0.5)
        raise AssertionError(f"client {number} was put off all the time")

    with ThreadPoolExecutor(CLIENTS) as crowd:
        answers = list(crowd.map(judge, range(CLIENTS)))
    assert set(answers) == {201}
    assert set(refused) <= {408, 429, 503}
    stored = client.stored()
    assert {name: count for name, count in stored.items() if count != 1} == {}
    assert {f"crowd {number}" for number in range(CLIENTS)} <= set(stored)
    assert client.predict().status_code == 200
    assert client.surprises() == []


def test_of_two_hundred_uploads_at_once_every_one_that_is_answered_is_stored(client: Client) -> None:
    """Each is five candles of one series, and a client that is put off does not come again."""

    def upload(number: int) -> int:
        answer = client.import_candles("CROWD", 5 * number, 5 * number + 5)
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) > 0
        return answer.status_code

    before = peak_mib(client)
    with ThreadPoolExecutor(CLIENTS) as crowd:
        answers = list(crowd.map(upload, range(CLIENTS)))
    assert set(answers) <= {200, 408, 429}
    assert answers.count(200) >= SLOTS
    expected = [
        int(time_)
        for number, status in enumerate(answers)
        for time_ in client.candles.time[5 * number : 5 * number + 5]
        if status == 200
    ]
    found = client.get("/candles?pair=CROWD&timeframe=1h").json()["candles"]
    assert [one["time"] for one in found] == expected
    assert list((client.home / "uploads").iterdir()) == []
    assert peak_mib(client) < before + 400, "with pandas, which the first import loads"
    assert client.surprises() == []


def peak_mib(client: Client) -> float:
    status = Path(f"/proc/{client.server.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def test_clients_that_never_finish_are_closed_and_others_are_answered_meanwhile(client: Client) -> None:
    head = b"POST /feedback HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    with ExitStack() as open_ones:
        slow = [open_ones.enter_context(client.server.connect()) for _ in range(SLOW)]
        for connection in slow:
            connection.sendall(head)
        wait_until(
            lambda: client.judge("among the slow").status_code == 429, within_s=5, what="all slots taken"
        )
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 200
        wait_until(
            lambda: client.judge("among the slow").status_code == 201, within_s=BODY_S + 3, what="free slots"
        )
        answers = Counter(first_line(connection) for connection in slow)
    assert answers[b"HTTP/1.1 408"] == SLOTS
    assert answers[b"HTTP/1.1 429"] == SLOW - SLOTS
    assert client.stored()["among the slow"] == 1
    assert client.surprises() == []


def first_line(connection: socket.socket) -> bytes:
    with suppress(ConnectionError):
        return connection.recv(12)
    return b""
