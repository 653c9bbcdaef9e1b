"""docker-compose.yml as a test reads it, and its services as processes of this machine."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import yaml

from tests.processes import free_port, wait_until

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docker-compose.yml"
PORTS = {"postgres": 5432, "redis": 6379, "objects": 9000, "api": 8001, "mlflow": 5000}
"""Where the services listen inside, by their names there."""
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\}|(?P<dollar>\$\$)")


def services(variables: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """The services by name; with variables as Compose would fill them in, else as they are written."""
    text = FILE.read_text()
    if variables is not None:
        text = _VARIABLE.sub(lambda found: _value(found, variables), text)
    read: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    return read


def variables_used() -> dict[str, set[str]]:
    """The variables of the file, each with the ways of using it: `?`, `-`, or a default after that."""
    found: dict[str, set[str]] = {}
    for one in _VARIABLE.finditer(FILE.read_text()):
        if one["name"]:
            way = "?" if one["kind"] == "?" else f"-{one['rest'] or ''}"
            found.setdefault(one["name"], set()).add(way)
    return found


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    if value := variables.get(found["name"]):
        return value
    assert found["kind"] == "-", f"{found['name']} has to be set"
    return found["rest"]


def written_env(folder: Path) -> dict[str, str]:
    """The variables that scripts/make_env.sh writes in a checkout at `folder`."""
    (folder / "scripts").mkdir(parents=True, exist_ok=True)
    script = shutil.copy(ROOT / "scripts" / "make_env.sh", folder / "scripts")
    subprocess.run(["sh", script], check=True, capture_output=True)
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


class Host:
    """The back ends, and the services of candleloop with the environment that Compose gives them.

    Every name of a service is this machine, and every port one that is free.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.services = services(variables)
        self.ports = {name: free_port() for name in (*PORTS, "console", "web")}
        self._folder, self._ending = folder, ExitStack()
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self, name: str) -> dict[str, str]:
        """What a service has in its environment, addresses of this machine in the place of Compose's."""
        given = {key: str(value or "") for key, value in self.services[name].get("environment", {}).items()}
        for other, port in PORTS.items():
            pattern, here = rf"(?<=[@/]){other}:{port}\b", f"127.0.0.1:{self.ports[other]}"
            given = {key: re.sub(pattern, here, value) for key, value in given.items()}
        own = {f"CANDLELOOP_{one.upper()}_PORT": str(self.ports[one]) for one in ("api", "console", "mlflow")}
        given |= own | {"CANDLELOOP_HOME": str(self._folder / "home"), "PORT": str(self.ports["web"])}
        if "CANDLELOOP_CONFIG" in given:
            given["CANDLELOOP_CONFIG"] = str(ROOT / "config" / "pipeline.yaml")
        return {"PATH": os.environ["PATH"], "HOME": str(self._folder), "HOSTNAME": "127.0.0.1"} | given

    def start(self, name: str) -> None:
        """Starts a service of the image `service` as its container would, without waiting for it."""
        self.start_process(name, self._candleloop(self.services[name]["command"]), self.environment(name))

    def start_web(self, node: str, server: Path) -> None:
        """Starts the chart from its built server, as the image `web` does."""
        self.start_process("web", [node, str(server)], self.environment("web"))

    def run(self, name: str) -> subprocess.CompletedProcess[str]:
        """Carries out the command of a service that ends."""
        command = self._candleloop(self.services[name]["command"])
        environment = self.environment(name)
        return subprocess.run(command, env=environment, cwd=self._folder, capture_output=True, text=True)

    def is_healthy(self, name: str) -> bool:
        """Carries out a service's health check, as Docker would."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        if kind == "CMD-SHELL":
            command = ["sh", "-c", *command]
        elif command[0] == "candleloop":
            command = self._candleloop(command[1:])
        environment = self.environment(name)
        done = subprocess.run(command, env=environment, cwd=self._folder, capture_output=True, text=True)
        return done.returncode == 0

    def wait_for(self, name: str, *, within_s: float = 90) -> None:
        """Waits until a service is healthy, or fails with its log once its process has ended."""

        def ready() -> bool:
            ended = self._children[name].poll() is not None
            assert not ended, self.log(name)
            return self.is_healthy(name)

        wait_until(ready, within_s=within_s, what=f"{name} is healthy")

    def log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text()

    def end(self, name: str) -> None:
        child = self._children.pop(name)
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def start_process(
        self, name: str, command: list[str], environment: Mapping[str, str], **options: Any
    ) -> None:
        options = {"cwd": self._folder, "stderr": subprocess.STDOUT, **options}
        with (self._folder / f"{name}.log").open("wb") as out:
            self._children[name] = subprocess.Popen(command, env=environment, stdout=out, **options)

    def end_all(self) -> None:
        for name in reversed(list(self._children)):
            self.end(name)

    @staticmethod
    def _candleloop(arguments: list[str]) -> list[str]:
        return [sys.executable, "-m", "mllib.cli", *arguments]


@contextmanager
def host(folder: Path, variables: Mapping[str, str], *, initdb: str, redis: str) -> Iterator[Host]:
    """The back ends, running: PostgreSQL with its two databases, Redis, and moto as the object storage."""
    started = Host(folder, variables)
    # Not in the folder of the tests, which the user that PostgreSQL runs as may not enter.
    databases = tempfile.TemporaryDirectory(prefix="candleloop-", ignore_cleanup_errors=True)
    try:
        _start_postgres(started, Path(databases.name), Path(initdb).parent)
        _start_redis(started, redis)
        moto = [str(Path(sys.executable).with_name("moto_server")), "-p", str(started.ports["objects"])]
        started.start_process("objects", moto, {"PATH": os.environ["PATH"]})
        yield started
    finally:
        started.end_all()
        databases.cleanup()


def _start_postgres(host: Host, folder: Path, bin_folder: Path) -> None:
    """A server that asks for the password of `POSTGRES_PASSWORD`, set up by the file that Compose mounts."""
    environment = host.environment("postgres")
    data, password = folder / "database", folder / "password"
    data.mkdir()
    password.write_text(environment["POSTGRES_PASSWORD"])
    root: dict[str, Any] = {}
    if os.geteuid() == 0:  # which the server refuses
        root = {"user": "postgres", "group": "postgres", "extra_groups": []}
        for one in (folder, data, password):
            shutil.chown(one, "postgres", "postgres")
    asked = ["--auth=scram-sha-256", f"--pwfile={password}", "-U", environment["POSTGRES_USER"], "--no-sync"]
    initdb = [str(bin_folder / "initdb"), "-D", str(data), *asked]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/", **root)
    port = host.ports["postgres"]
    options = ["-p", str(port), "-k", str(data), "-c", "fsync=off", "-c", "listen_addresses=127.0.0.1"]
    host.start_process(
        "postgres", [str(bin_folder / "postgres"), "-D", str(data), *options], environment, cwd="/", **root
    )
    login = {"user": environment["POSTGRES_USER"], "password": environment["POSTGRES_PASSWORD"]}

    def connect() -> psycopg.Connection | None:
        try:
            return psycopg.connect(host="127.0.0.1", port=port, dbname="postgres", autocommit=True, **login)
        except psycopg.OperationalError:
            return None

    with wait_until(connect, within_s=30, what="PostgreSQL answers") as connection:
        connection.execute(f"CREATE DATABASE {environment['POSTGRES_DB']}")
        connection.execute((ROOT / "config" / "compose" / "databases.sql").read_bytes())


def _start_redis(host: Host, redis: str) -> None:
    """The command of the compose file itself, with Debian's server in the place of Valkey's."""
    shell, flag, script = host.services["redis"]["command"]
    script = script.replace("valkey-server", redis)
    script = script.replace("dir /tmp", f"port {host.ports['redis']}\nbind 127.0.0.1")
    host.start_process("redis", [shell, flag, script], host.environment("redis"))
