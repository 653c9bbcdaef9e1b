"""Server processes that are killed, and clients that leave, under load."""

import json
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import httpx2 as httpx
import numpy as np
import pytest

from mllib.candles import Candles
from tests.api.faults.conftest import Client, Serve
from tests.processes import wait_until

BARS = 200_000


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[Client]:
    """Two server processes."""
    with serve(workers=2) as running:
        wait_until(lambda: len(running.server.workers()) == 2, within_s=30, what="two processes")
        with running.workspace() as ws:
            ws.candles.merge(long_history())
        yield running


def long_history() -> Candles:
    step = np.random.default_rng(0).normal(0, 0.001, BARS)
    close = 100 * np.exp(np.cumsum(step) / 10)
    open_ = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(open_, close) * 1.0005, np.minimum(open_, close) * 0.9995
    time_ = np.arange(BARS, dtype=np.int64) * 3_600 + 946_684_800
    return Candles("LONG", "1h", time_, open_, high, low, close)


def test_a_killed_process_loses_nothing_that_was_stored_and_is_replaced(client: Client) -> None:
    answered: Counter[str] = Counter()
    cut: list[str] = []
    done = threading.Event()

    def judge(name: str) -> None:
        """A chart that sends a verdict until it has an answer, as a client does."""
        number = 0
        while not done.is_set():
            try:
                answer = client.judge(f"{name} {number}")
            except httpx.TransportError:
                cut.append(f"{name} {number}")
                continue
            assert answer.status_code in (200, 201), answer.text
            answered[f"{name} {number}"] += 1
            number += 1
            time.sleep(0.02)

    charts = [threading.Thread(target=judge, args=(name,)) for name in ("a", "b")]
    for chart in charts:
        chart.start()
    try:
        time.sleep(0.5)
        first, second = client.server.workers()
        os.kill(first, signal.SIGKILL)
        begun = time.monotonic()
        while len(client.server.workers()) < 3 and time.monotonic() < begun + 60:
            assert client.predict().status_code == 200, "the other one answers"
            time.sleep(0.05)
    finally:
        done.set()
        for chart in charts:
            chart.join()
    assert len(client.server.workers()) == 3
    assert second in client.server.workers()
    assert len(cut) <= 2, "only what the killed one was about"
    stored = client.stored()
    assert {name: stored[name] for name in answered} == dict.fromkeys(answered, 1)
    assert set(cut) <= set(answered), "what was cut was sent again, and is there once"
    wait_until(lambda: ready_everywhere(client), within_s=10, what="the new one has a model")


def test_what_a_killed_process_was_receiving_is_removed_at_the_next_upload(client: Client) -> None:
    uploads = client.home / "uploads"
    head = b"POST /candles/import?pair=HALF&timeframe=1h HTTP/1.1\r\nHost: localhost\r\n"
    with client.server.connect() as connection:
        connection.sendall(head + b"Content-Length: 99\r\n\r\ntime")
        wait_until(lambda: uploads.exists() and list(uploads.iterdir()), within_s=10, what="an upload begins")
        for pid in client.server.workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert connection.recv(100) == b""
    wait_until(lambda: client.get("/ready").status_code == 200, within_s=30, what="other processes serve")
    assert len(list(uploads.iterdir())) == 1
    assert client.import_candles("WHOLE", 0, 300).status_code == 200
    assert list(uploads.iterdir()) == []
    assert client.get("/candles?pair=HALF&timeframe=1h").status_code == 404
    wait_until(lambda: ready_everywhere(client), within_s=30, what="both serve")


def ready_everywhere(client: Client) -> bool:
    return all(client.get("/ready").status_code == 200 for _ in range(20))


def test_a_stream_ends_soon_after_its_client_has_gone(client: Client) -> None:
    before = labelled(client)
    with stream(client) as connection:
        received = b""
        while b'"type":"part"' not in received:
            received += connection.recv(65_536)
    wait_until(lambda: rests(client), within_s=30, what="the sweep ends")
    begun = labelled(client)
    assert begun - before < BARS / 2, "most was left undone"
    lines = [json.loads(line) for line in read_all(client).splitlines()]
    assert (lines[-1]["type"], lines[-1]["candle_count"]) == ("end", BARS)
    assert labelled(client) == begun + BARS
    assert client.predict().status_code == 200
    assert client.surprises() == []


def stream(client: Client) -> socket.socket:
    body = json.dumps({"pair": "LONG", "timeframe": "1h"}).encode()
    connection = client.server.connect()
    head = (
        "POST /predict/batch HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\nConnection: close"
    )
    connection.sendall(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def read_all(client: Client) -> str:
    return client.post(
        "/predict/batch", {"pair": "LONG", "timeframe": "1h"}, accept="application/x-ndjson"
    ).text


def rests(client: Client) -> bool:
    """Whether no candle is labelled for a moment."""
    before = labelled(client)
    time.sleep(0.5)
    return labelled(client) == before


def labelled(client: Client) -> float:
    """How many candles the server has labelled so far."""
    found = re.search(
        r"^candleloop_predicted_candles_total (\S+)$", client.get("/metrics").text, re.MULTILINE
    )
    assert found is not None
    return float(found[1])
