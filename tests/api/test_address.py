"""Waiting for the address that the server wants."""

import logging
import os
import socket
import threading
import time

import pytest

from api.server.address import wait_for_address
from mllib.errors import Conflict

HOST = "127.0.0.1"


def listening() -> socket.socket:
    taken = socket.socket()
    taken.bind((HOST, 0))
    taken.listen()
    return taken


def test_a_free_address_is_had_at_once(caplog: pytest.LogCaptureFixture) -> None:
    with listening() as taken:
        port = taken.getsockname()[1]
    wait_for_address(HOST, port)
    assert caplog.records == []


def test_an_address_that_becomes_free_is_waited_for_and_that_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    taken = listening()
    threading.Timer(0.5, taken.close).start()
    begun = time.monotonic()
    with caplog.at_level(logging.WARNING, "api.server"):
        wait_for_address(HOST, taken.getsockname()[1])
    assert 0.4 < time.monotonic() - begun < 5
    (said,) = caplog.messages
    assert "is in use; waiting up to 10 s for it" in said


def test_who_holds_an_address_for_good_is_named() -> None:
    with listening() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            Conflict, match=f"{HOST}:{port}: found it in use by process {os.getpid()} .*--port"
        ):
            wait_for_address(HOST, port, within_s=0.2)
