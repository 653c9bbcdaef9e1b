"""Real processes: small servers under the real supervisor, killed in every way that happens."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen

import pytest

from mllib.errors import Conflict
from mllib.supervision.claim import claimed
from mllib.supervision.configuration import guard_command, mark_prefix, write_files
from mllib.supervision.guard import PARENT_VARIABLE, end_marked, marked_pids
from mllib.supervision.service import Service
from tests.processes import free_port

ROOT = Path(__file__).parent.parent

# Binds, then forks a worker that answers with both pids: the shape of `uvicorn --workers`.
SERVER = """
import http.server, os, sys, time
class Pids(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{os.getppid()} {os.getpid()}".encode())
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Pids)
print("serving", flush=True)
if os.fork() == 0:
    server.serve_forever()
while True:
    time.sleep(60)
"""

UP = """
import json, sys
from pathlib import Path
from mllib.errors import CandleloopError
from mllib.supervision import Service, run_supervised
services = [Service(**fields) for fields in json.loads(sys.argv[2])]
try:
    code = run_supervised(services, home=Path(sys.argv[1]), on_ready=lambda: print("ALL READY", flush=True))
except CandleloopError as error:
    print(error, flush=True)
    code = 2
sys.exit(code)
"""


class Up:
    """One `up` in a session of its own, as a terminal gives it."""

    def __init__(self, home: Path, services: list[dict[str, object]]) -> None:
        self.home = home
        self.ports = [port for service in services if isinstance(port := service.get("port"), int)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", UP, str(home), json.dumps(services)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_ready(self) -> str:
        assert self.process.stdout is not None
        seen = ""
        while "ALL READY" not in seen:
            line = self.process.stdout.readline()
            assert line, f"ended with {self.process.wait()} after:\n{seen}"
            seen += line
        return seen

    def finish(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=30)
        return self.process.returncode, output

    def pids(self) -> list[int]:
        return list(marked_pids(mark_prefix(self.home)))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def begin(*services: dict[str, object], home: Path = tmp_path / "home") -> Up:
        up = Up(home, list(services))
        started.append(up)
        return up

    yield begin
    for up in started:
        up.process.kill()
        up.process.communicate()
        end_marked(mark_prefix(up.home), grace_s=0.1)


def server(name: str, port: int) -> dict[str, object]:
    return {
        "name": name,
        "command": [sys.executable, "-S", "-c", SERVER, str(port)],
        "port": port,
        "port_variable": f"CANDLELOOP_{name.upper()}_PORT",
        "ready_url": f"http://127.0.0.1:{port}/",
    }


def two_servers() -> list[dict[str, object]]:
    return [server("api", free_port()), server("console", free_port())]


def answer(port: int) -> tuple[int, int] | None:
    """Returns the pids of the server's parent and worker, None while it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=1) as reply:
            parent, worker = reply.read().split()
            return int(parent), int(worker)
    except (OSError, HTTPException, ValueError):  # also where it was killed halfway through its answer
        return None


T = TypeVar("T")


def eventually(look: Callable[[], T], *, within_s: float = 12) -> T:
    deadline = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"still {found!r} after {within_s} s"
        time.sleep(0.05)
    return found


def new_answer(port: int, old: tuple[int, int]) -> Callable[[], tuple[int, int] | None]:
    def look() -> tuple[int, int] | None:
        found = answer(port)
        return found if found and not set(found) & set(old) else None

    return look


def nothing_left(up: Up) -> bool:
    return not up.pids() and all(answer(port) is None for port in up.ports)


def test_a_killed_service_comes_back_and_its_sibling_is_left_alone(start: Callable[..., Up]) -> None:
    up = start(*two_servers())
    up.wait_ready()
    api, console = (answer(port) for port in up.ports)
    assert api
    assert console
    # The worker that its killed parent leaves behind holds the port: the guard must end it first.
    os.kill(api[0], signal.SIGKILL)
    eventually(new_answer(up.ports[0], api))
    assert answer(up.ports[1]) == console
    up.process.terminate()
    code, output = up.finish()
    assert code == 0
    assert "api ended and was started again. Log: " in output
    assert nothing_left(up)


def test_a_killed_guard_takes_its_service_along_and_both_come_back(start: Callable[..., Up]) -> None:
    up = start(server("api", free_port()))
    up.wait_ready()
    api = answer(up.ports[0])
    assert api
    guard_pid = int(Path(f"/proc/{api[0]}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(guard_pid, signal.SIGKILL)
    eventually(new_answer(up.ports[0], api))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_everything_and_frees_the_ports(start: Callable[..., Up], signum: int) -> None:
    up = start(*two_servers())
    up.wait_ready()
    os.killpg(up.process.pid, signum)  # as Ctrl-C in a terminal does it: the whole process group
    code, output = up.finish()
    assert code == 0
    assert "Everything has ended." in output
    assert nothing_left(up)


def test_a_stop_while_starting_ends_everything(start: Callable[..., Up]) -> None:
    mute = {"name": "api", "command": ["sleep", "300"], "ready_url": "http://127.0.0.1:1/"}
    up = start(mute)
    eventually((up.home / "logs" / "api.log").exists)
    up.process.terminate()
    code, output = up.finish()
    assert (code, up.pids()) == (0, [])
    assert "ALL READY" not in output


def test_kill_9_of_up_ends_all_services(start: Callable[..., Up]) -> None:
    up = start(*two_servers())
    up.wait_ready()
    up.process.kill()
    eventually(lambda: nothing_left(up))


def test_kill_9_of_supervisord_ends_all_services_and_up_says_so(start: Callable[..., Up]) -> None:
    up = start(*two_servers())
    up.wait_ready()
    os.kill(int((up.home / "supervisor" / "supervisord.pid").read_text()), signal.SIGKILL)
    code, output = up.finish()
    assert code == 1
    assert "found that supervisord ended" in output
    assert nothing_left(up)


def test_what_a_crash_of_everything_left_behind_is_ended_at_the_next_start(start: Callable[..., Up]) -> None:
    first = start(server("api", free_port()))
    first.wait_ready()
    found = answer(first.ports[0])
    assert found
    worker = found[1]
    first.process.kill()
    for pid in reversed(_ancestors_up_to_init(worker)):  # from the top, before anyone can react
        os.kill(pid, signal.SIGSTOP)
    for pid in _ancestors_up_to_init(worker):
        os.kill(pid, signal.SIGKILL)
    assert answer(first.ports[0])  # the orphan still serves
    second = start(server("api", first.ports[0]))
    assert f"left behind: processes {worker}." in second.wait_ready()


def _ancestors_up_to_init(pid: int) -> list[int]:
    """Returns the marked ancestors and their topmost guard, nearest first."""
    chain: list[int] = []
    parent = _parent(pid)
    while parent > 1 and "guard.py" in _command(parent) + _command(_parent(parent)):
        chain.append(parent)
        parent = _parent(parent)
    return chain


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text() if pid else ""


def test_a_service_that_keeps_dying_fails_the_start_with_its_last_lines(start: Callable[..., Up]) -> None:
    broken = "for line in range(30): print('line', line)\nraise SystemExit('no such table: series')"
    up = start(server("console", free_port()), {"name": "api", "command": [sys.executable, "-c", broken]})
    code, output = up.finish()
    assert code == 1
    assert f"Starting api failed, {up.home}/logs/api.log: found that it ended" in output
    assert "  no such table: series" in output
    assert "  line 29" in output
    assert "  line 10" not in output
    assert nothing_left(up)


def test_a_service_that_nobody_waits_for_hinders_no_start(start: Callable[..., Up]) -> None:
    broken = {"name": "web", "command": [sys.executable, "-S", "-c", "raise SystemExit(3)"], "awaited": False}
    up = start(server("api", free_port()), broken)
    assert "web" not in up.wait_ready()
    assert answer(up.ports[0])


def test_the_guard_hands_on_the_exit_code_and_names_a_command_that_does_not_exist(tmp_path: Path) -> None:
    assert _run_guard(tmp_path, [sys.executable, "-c", "raise SystemExit(7)"]).returncode == 7
    killed = _run_guard(tmp_path, [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
    assert killed.returncode == 128 + signal.SIGKILL
    missing = _run_guard(tmp_path, ["/no/such/program"])
    assert missing.returncode == 127
    assert missing.stderr == "Starting /no/such/program failed: No such file or directory.\n"


def _run_guard(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    mark = f"{folder}::guarded;"
    specification = folder / "guarded.json"
    specification.write_text(
        json.dumps({"command": command, "environment": {}, "mark": mark, "ends": mark, "grace_s": 1})
    )
    return subprocess.run(
        guard_command(specification),
        env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_busy_port_is_found_before_anything_starts(start: Callable[..., Up]) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        up = start(server("api", holder.getsockname()[1]))
        code, output = up.finish()
    assert code == 2
    assert f"found it in use by process {os.getpid()} (" in output
    assert "or set CANDLELOOP_API_PORT to a free port" in output
    assert not (up.home / "logs").exists()


def test_a_second_up_on_the_same_home_is_refused_with_the_pid_of_the_first(start: Callable[..., Up]) -> None:
    first = start(server("api", free_port()))
    first.wait_ready()
    code, output = start(server("api", free_port())).finish()
    assert code == 2
    assert f"already running as process {first.process.pid}" in output
    assert answer(first.ports[0])


def test_a_home_too_long_for_a_unix_socket_works_all_the_same(
    start: Callable[..., Up], tmp_path: Path
) -> None:
    up = start(server("api", free_port()), home=tmp_path / ("long" * 30))
    up.wait_ready()
    socket_line = next(line for line in _configuration(up.home) if line.startswith("file = "))
    folder = Path(socket_line.removeprefix("file = ")).parent
    assert folder.is_dir()
    up.process.terminate()
    assert up.finish()[0] == 0
    assert not folder.exists()


def _configuration(home: Path) -> list[str]:
    return (home / "supervisor" / "supervisord.conf").read_text().splitlines()


def test_the_environment_reaches_the_service_letter_by_letter(start: Callable[..., Up]) -> None:
    port = free_port()
    odd = "a%b \"c\" 'd' ; # e"
    check = f"import os; assert os.environ['ODD'] == {odd!r}, os.environ['ODD']\n" + SERVER
    service = server("api", port) | {
        "command": [sys.executable, "-S", "-c", check, str(port)],
        "environment": {"ODD": odd},
    }
    start(service).wait_ready()


def test_the_files_are_for_this_user_alone_and_open_no_network_port(tmp_path: Path) -> None:
    files = write_files([Service(name="api", command=["true"])], home=tmp_path, startsecs=1)
    assert files.configuration.parent.stat().st_mode & 0o777 == 0o700
    assert "inet_http_server" not in files.configuration.read_text()


def test_a_claim_ends_with_its_block(tmp_path: Path) -> None:
    with (
        claimed(tmp_path),
        pytest.raises(Conflict, match="already running as process") as caught,
        claimed(tmp_path),
    ):
        pass
    assert caught.value.active_id == str(os.getpid())
    with claimed(tmp_path):
        pass
