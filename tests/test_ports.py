import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from mllib.errors import Conflict, InvalidConfig
from mllib.ports import PORTS, check_ports, port_holder, port_of


@dataclass
class Wanted:
    name: str
    port: int | None
    port_variable: str | None = None


@pytest.fixture
def held_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_free_ports_and_services_without_one_pass() -> None:
    check_ports([Wanted("worker", None), Wanted("other worker", None)])


def test_a_busy_port_names_port_holder_and_variable(held_port: int) -> None:
    with pytest.raises(Conflict) as caught:
        check_ports([Wanted("api", held_port, "CANDLELOOP_API_PORT")])
    message = str(caught.value)
    assert message.startswith(
        f"Starting api failed, port {held_port}: found it in use by process {os.getpid()} ("
    )
    assert message.endswith("expected it free. Stop that process or set CANDLELOOP_API_PORT to a free port.")


def test_every_busy_port_is_told_at_once(held_port: int) -> None:
    with socket.socket() as second:
        second.bind(("127.0.0.1", 0))
        second.listen()
        other = second.getsockname()[1]
        with pytest.raises(Conflict) as caught:
            check_ports([Wanted("api", held_port), Wanted("console", other)])
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        f"Starting api failed, port {held_port}",
        f"Starting console failed, port {other}",
    ]


def test_the_holder_is_found_when_it_listens_on_all_addresses_in_another_process() -> None:
    code = "import socket; s = socket.create_server(('', 0)); print(s.getsockname()[1], flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        holder = port_holder(port)
        with pytest.raises(Conflict, match=f"port {port}: found it in use by process {process.pid}"):
            check_ports([Wanted("api", port)])
        process.kill()
    assert holder is not None
    assert holder[0] == process.pid
    assert "socket.create_server" in holder[1]


def test_a_connection_in_time_wait_is_no_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first keeps TIME_WAIT
        client.close()
    check_ports([Wanted("api", port)])


def test_nobody_holds_a_free_port() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert port_holder(port) is None


def test_two_services_on_one_port_are_refused() -> None:
    with pytest.raises(InvalidConfig, match="console: found port 8001, which api has too"):
        check_ports([Wanted("api", 8001), Wanted("console", 8001, "CANDLELOOP_CONSOLE_PORT")])


def test_a_number_that_is_no_port_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="api: found port 70000, expected a number from 1 to 65535"):
        check_ports([Wanted("api", 70000, "CANDLELOOP_API_PORT")])


def test_a_port_is_that_of_its_variable_or_the_services_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for unset in (None, ""):
        monkeypatch.delenv("CANDLELOOP_MLFLOW_PORT", raising=False)
        if unset is not None:
            monkeypatch.setenv("CANDLELOOP_MLFLOW_PORT", unset)
        assert port_of("mlflow") == PORTS["mlflow"]
    monkeypatch.setenv("CANDLELOOP_MLFLOW_PORT", "5055")
    assert port_of("mlflow") == 5055
    monkeypatch.setenv("CANDLELOOP_MLFLOW_PORT", "door")
    with pytest.raises(InvalidConfig, match="CANDLELOOP_MLFLOW_PORT: found 'door', expected a port number"):
        port_of("mlflow")
