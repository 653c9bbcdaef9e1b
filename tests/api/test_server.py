"""Real server processes: what ends, what is refused, what goes on."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from mllib.store import open_store
from tests.api.servers import ROOT, Server, environment, server
from tests.processes import free_port, wait_until


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Server]:
    """A server with two workers, both of which answer."""
    with server(tmp_path / "home", workers=2) as running:
        wait_until(lambda: len(running.workers()) == 2, within_s=60, what="two workers")
        yield running


def test_requests_go_on_while_a_killed_worker_is_replaced(two: Server) -> None:
    first, second = two.workers()
    os.kill(first, signal.SIGKILL)
    statuses, ends_at = set(), time.monotonic() + 60
    while len(two.workers()) < 3 and time.monotonic() < ends_at:
        statuses.add(two.get("/health").status_code)
    assert statuses == {200}
    third = two.workers()[2]
    wait_until(
        lambda: two.get("/health") and _answered(two) >= {second, third}, within_s=30, what="both answer"
    )


def test_a_worker_that_cannot_start_is_tried_again_and_the_others_go_on(two: Server) -> None:
    first, second = two.workers()
    config = two.home / "pipeline.yaml"
    content = config.read_bytes()
    config.write_text("stages: {inferense: {}}")
    os.kill(first, signal.SIGKILL)
    wait_until(
        lambda: any("inferense" in line["message"] for line in two.log()), within_s=60, what="a failed start"
    )
    assert two.get("/health").status_code == 200
    assert two.process.poll() is None
    config.write_bytes(content)
    wait_until(lambda: len(two.workers()) == 3, within_s=60, what="a new worker")
    assert two.workers()[1] == second


def test_a_wrong_configuration_is_told_once_before_any_worker_starts(tmp_path: Path) -> None:
    (tmp_path / "pipeline.yaml").write_text("stages: {inferense: {}}")
    command = [sys.executable, "-m", "api.server", "--port", str(free_port())]
    ended = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.count("inferense") == 1
    assert "Traceback" not in ended.stderr


def test_workers_end_with_their_parent(two: Server) -> None:
    two.process.kill()
    two.process.wait()
    wait_until(lambda: not any(_lives(pid) for pid in two.workers()), within_s=15, what="no worker is left")


def test_who_starts_anew_after_a_kill_waits_for_the_workers_that_are_left(two: Server) -> None:
    two.process.kill()
    two.process.wait()
    log = two.home / "again.log"
    with log.open("wb") as file:
        command, env = two.process.args, environment(two.home)
        two.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=file, stderr=file)
    wait_until(
        lambda: log.read_text().count("Application startup complete.") == 2, within_s=60, what="two workers"
    )
    assert two.get("/health").status_code == 200
    assert log.read_text().count("is in use; waiting up to 10 s") <= 1  # none where the workers were quicker


def test_sigterm_lets_a_request_end(tmp_path: Path) -> None:
    with server(tmp_path / "home") as running, running.connect() as connection:
        connection.sendall(b"POST /patterns/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{")
        time.sleep(0.2)
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(b"}")
        assert connection.recv(100).startswith(b"HTTP/1.1 422")
        assert running.process.wait(10) in (0, -signal.SIGTERM)


def test_every_worker_follows_the_keys_within_five_seconds(two: Server) -> None:
    with open_store(two.home) as store:
        key, token = store.api_keys.create("a", ["read"])
        wait_until(lambda: _statuses(two, token) == {200}, within_s=5, what="the key is taken everywhere")
        wait_until(lambda: _statuses(two, "") == {401}, within_s=5, what="nobody comes in without one")
        store.api_keys.revoke(key.id)
    wait_until(lambda: _statuses(two, token) == {401}, within_s=5, what="the key is refused everywhere")
    before = len(two.log())
    assert _statuses(two, token) == {401}
    answered = {line["pid"] for line in two.log()[before:] if line.get("status") == 401}
    assert answered == set(two.workers())
    assert token.split("_", 2)[2] not in (two.home / "server.log").read_text()
    assert key.id in {line.get("key_id") for line in two.log()}


def test_another_address_is_answered_only_with_a_key(tmp_path: Path) -> None:
    """Also where another runner binds the app to every address."""
    address = _own_address()
    uvicorn = [sys.executable, "-m", "uvicorn", "api.main:create_app", "--factory", "--host", "0.0.0.0"]
    with server(tmp_path / "home", command=uvicorn_quiet(uvicorn)) as running:
        elsewhere = f"http://{address}:{running.port}/training/runs"
        refused = httpx.get(elsewhere, headers={"Host": "localhost"})
        assert (refused.status_code, "no API key yet" in refused.json()["error"]) == (403, True)
        with open_store(running.home) as store:
            _, token = store.api_keys.create("a", ["read"])
        allowed = {"Authorization": f"Bearer {token}"}
        wait_until(
            lambda: httpx.get(elsewhere, headers=allowed).status_code == 200, within_s=5, what="let in"
        )
        assert httpx.get(elsewhere).status_code == 401


def test_two_hundred_uploads_at_once_are_bounded(tmp_path: Path) -> None:
    head = b"POST /patterns/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    with server(tmp_path / "home", in_flight=16, body_s=30) as running, ExitStack() as open_ones:
        uploads = [open_ones.enter_context(running.connect()) for _ in range(200)]
        for upload in uploads:
            upload.sendall(head + b"{" + b" " * 500)
        time.sleep(1)
        begun = time.monotonic()
        assert running.get("/health").status_code == 200
        assert time.monotonic() - begun < 1
        full = running.get("/training/runs")
        assert (full.status_code, full.headers["Retry-After"]) == (429, "2")
        for upload in uploads:
            upload.sendall(b" " * 499)
        with ThreadPoolExecutor(20) as readers:
            firsts = list(readers.map(lambda upload: upload.recv(12), uploads))
        assert (firsts.count(b"HTTP/1.1 429"), firsts.count(b"HTTP/1.1 422")) == (184, 16)
        assert running.get("/training/runs").status_code == 200


def test_health_is_answered_at_once_while_every_thread_waits_for_the_database(tmp_path: Path) -> None:
    with server(tmp_path / "home") as running, ThreadPoolExecutor(12) as clients:
        with closing(sqlite3.connect(running.home / "candleloop.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            url = f"{running.url}/feedback/unknown"
            waiting = [clients.submit(httpx.delete, url, timeout=30) for _ in range(12)]
            time.sleep(0.5)
            seconds = sorted(_seconds_of_health(running) for _ in range(20))
            assert not any(one.done() for one in waiting)
            other.execute("ROLLBACK")
        assert seconds[10] < 0.05
        assert {one.result().status_code for one in waiting} == {404}


def test_health_is_answered_within_50_ms_while_every_thread_works(tmp_path: Path) -> None:
    def ask_on(connection: socket.socket) -> None:
        while time.monotonic() < ends_at:
            connection.sendall(b"GET /training/runs HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.recv(65_536)

    with server(tmp_path / "home") as running, ExitStack() as open_ones, ThreadPoolExecutor(10) as clients:
        ends_at = time.monotonic() + 3
        for _ in range(10):
            clients.submit(ask_on, open_ones.enter_context(running.connect()))
        seconds = sorted(_seconds_of_health(running) for _ in range(50))
    assert seconds[25] < 0.05


def test_clients_that_leave_in_mid_request_leave_no_slot_taken(tmp_path: Path) -> None:
    head = b"POST /patterns/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"
    with server(tmp_path / "home", in_flight=4) as running:
        for _ in range(3):
            gone = [running.connect() for _ in range(4)]
            for connection in gone:
                connection.sendall(head)
            time.sleep(0.2)
            assert running.get("/training/runs").status_code == 429
            for connection in gone:
                connection.close()
            wait_until(
                lambda: running.get("/training/runs").status_code == 200, within_s=3, what="free slots"
            )
        left = [line for line in running.log() if line.get("status") == 499]
        assert len(left) == 12
        assert not any("exc_info" in line for line in running.log())


def test_slow_heads_are_closed_and_others_answered_meanwhile(tmp_path: Path) -> None:
    with server(tmp_path / "home") as running, ExitStack() as open_ones:
        slow = [open_ones.enter_context(running.connect()) for _ in range(100)]
        begun = time.monotonic()
        for second in range(12):
            for connection in slow:
                _send_if_open(
                    connection,
                    b"GET /health HTTP/1.1\r\nHost: localhost\r\n" if not second else b"X-A: b\r\n",
                )
            assert running.get("/health").status_code == 200
            time.sleep(max(0.0, begun + second + 1 - time.monotonic()))
        assert [_is_closed(connection) for connection in slow] == [True] * 100


def uvicorn_quiet(command: list[str]) -> list[str]:
    """Without lines of uvicorn's own, which are no JSON."""
    return [*command, "--log-level", "critical", "--no-access-log"]


def _statuses(running: Server, token: str) -> set[int]:
    """What forty connections of their own are answered."""
    return {running.get("/training/runs", **{"X-API-Key": token}).status_code for _ in range(40)}


def _answered(running: Server) -> set[int]:
    return {line["pid"] for line in running.log() if line["message"] == "request"}


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _own_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def _send_if_open(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        connection.sendall(data)


def _seconds_of_health(running: Server) -> float:
    with running.connect() as connection:
        begun = time.monotonic()
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        return time.monotonic() - begun


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_connections_opened_at_once_are_shared_among_the_workers(two: Server) -> None:
    connections = [two.connect() for _ in range(40)]
    for connection in connections:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    for connection in connections:
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
        connection.close()
    answered = [line["pid"] for line in two.log() if line.get("route") == "/health"][-40:]
    assert sorted(set(answered)) == sorted(two.workers()[-2:])
    assert min(map(answered.count, set(answered))) >= 5, "a busy machine shares less evenly"


def test_a_warning_is_a_line_of_json_too() -> None:
    code = (
        "import logging.config, warnings; from api.server import LOG_CONFIG, create_worker_app; "
        "logging.config.dictConfig(LOG_CONFIG); create_worker_app(); warnings.warn('overflow')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60, check=True
    )
    (line,) = map(json.loads, ended.stderr.splitlines())
    assert (line["logger"], line["level"]) == ("py.warnings", "WARNING")
