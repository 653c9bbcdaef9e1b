"""Servers that benchmarks start on loopback, and what the system says of their processes (Linux)."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
_POLL_S = 0.01
_ENDS_WITHIN_S = 15
_CLOCK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs; `ready_s` is the time from its process's start to the first 200."""

    process: subprocess.Popen[bytes]
    port: int
    ready_s: float

    def processes(self) -> list[int]:
        """The ids of all its processes, the one that was started first."""
        return [self.process.pid, *descendants(self.process.pid)]

    def rss_mb(self) -> float:
        """Resident memory of all its processes together."""
        return sum(status_mb(pid, "VmRSS") for pid in self.processes())

    def peak_mb(self) -> float:
        """The most that each process ever had resident, together."""
        return sum(status_mb(pid, "VmHWM") for pid in self.processes())

    def cpu_s_each(self) -> dict[int, float]:
        """Processor time of each of its processes."""
        return {pid: cpu_s(pid) for pid in self.processes()}

    def workers(self) -> list[int]:
        """The processes that serve: those that hold the listening socket's models, biggest first."""
        return sorted(descendants(self.process.pid), key=lambda pid: -status_mb(pid, "VmRSS"))


@contextmanager
def api(
    home: Path, config: Path, *, workers: int = 1, log: Path | None = None, profile: bool = False
) -> Iterator[Server]:
    """Our API over a home; with `profile` its log says what it imports."""
    environment = {"CANDLELOOP_HOME": str(home), "CANDLELOOP_CONFIG": str(config)}
    if profile:
        environment["PYTHONPROFILEIMPORTTIME"] = "1"
    port = free_port()
    command = [sys.executable, "-m", "mllib.cli", "api", "--port", str(port), "--workers", str(workers)]
    with _running(command, port, "/ready", environment=environment, log=log) as server:
        yield server


@contextmanager
def console(home: Path, *, log: Path | None = None) -> Iterator[Server]:
    """The operator console over a home."""
    port = free_port()
    command = [sys.executable, "-m", "mllib.cli", "console", "--port", str(port)]
    environment = {"CANDLELOOP_HOME": str(home)}
    with _running(command, port, "/_stcore/health", environment=environment, log=log) as server:
        yield server


@contextmanager
def streamlit(home: Path, script: Path, *, log: Path | None = None) -> Iterator[Server]:
    """A Streamlit script of its own over a home."""
    port = free_port()
    options = ["--server.port", str(port), "--server.address", HOST, "--server.headless", "true"]
    command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
    environment = {"CANDLELOOP_HOME": str(home)}
    with _running(command, port, "/_stcore/health", environment=environment, log=log) as server:
        yield server


@contextmanager
def chart(api_port: int, *, log: Path | None = None) -> Iterator[Server]:
    """The Next.js chart, built first where it has changed, in front of an API."""
    from mllib.web_app import build, find_node, web_folder

    web, node = web_folder(), find_node()
    assert web is not None, "benchmarks are part of a checkout, as web/ is"
    build(web, node)
    port = free_port()
    command = [sys.executable, "-m", "mllib.cli", "web", "--port", str(port)]
    environment = {"INFERENCE_API_URL": f"http://{HOST}:{api_port}"}
    with _running(command, port, "/", environment=environment, log=log) as server:
        yield server


@contextmanager
def mlflow(home: Path, mlflow_run_id: str, *, log: Path) -> Iterator[Server]:
    """`mlflow models serve` of the model that a run registered, in this environment."""
    environment = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{home / 'mlflow' / 'mlflow.db'}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        # It starts uvicorn by name, which is beside this Python.
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    port = free_port()
    model = ["models", "serve", "--model-uri", f"runs:/{mlflow_run_id}/model", "--env-manager", "local"]
    command = [sys.executable, "-m", "mlflow", *model, "--host", HOST, "--port", str(port), "--workers", "1"]
    with _running(command, port, "/ping", environment=environment, log=log, within_s=120) as server:
        yield server


@contextmanager
def _running(
    command: list[str],
    port: int,
    ready: str,
    *,
    environment: Mapping[str, str],
    log: Path | None,
    within_s: float = 60,
) -> Iterator[Server]:
    started = time.perf_counter()
    with open(log or os.devnull, "ab") as output:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        while not answers(port, ready):
            if process.poll() is not None or time.perf_counter() - started > within_s:
                raise SystemExit(f"{' '.join(command)}: not ready; its log: {log}")
            time.sleep(_POLL_S)
        yield Server(process, port, time.perf_counter() - started)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a server and, where it does not go by itself, what it has started."""
    children = descendants(process.pid)
    process.terminate()
    try:
        process.wait(_ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in children:
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def get(port: int, path: str) -> str | None:
    """The body of a 200, or None of anything else."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        return body if answer.status == 200 else None
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def own_id() -> int:
    return os.getpid()


def descendants(pid: int) -> list[int]:
    """The ids of a process's children, theirs included."""
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _text(tasks).split():
            found += [int(child), *descendants(int(child))]
    return found


def status_mb(pid: int, key: str) -> float:
    """`VmRSS` or `VmHWM` of a process in megabytes (10^6 bytes), 0 of one that has ended."""
    for line in _text(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1_024 / 1e6
    return 0.0


def cpu_s(pid: int) -> float:
    """Processor time of a process so far, 0 of one that has ended."""
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK if fields else 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
