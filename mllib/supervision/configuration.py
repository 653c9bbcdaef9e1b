"""The files under `<home>/supervisor` that supervisord and the guards read."""

import json
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mllib.supervision import guard
from mllib.supervision.service import Service

GROUP = "candleloop"
SERVICE_GRACE_S = 8
SUPERVISORD_GRACE_S = 14
# A Unix socket's path may have 107 bytes, and supervisord binds it first under a name with its pid.
LONGEST_SOCKET_PATH = 95

_SUPERVISORD = """\
[supervisord]
nodaemon = true
silent = true
logfile = {logs}/supervisor.log
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = {folder}/supervisord.pid
childlogdir = {logs}

[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{socket}

[group:{group}]
programs = {names}
"""

# startsecs: an end within these seconds counts as a failed start and is answered with a growing pause.
_PROGRAM = """
[program:{name}]
command = {command}
autorestart = true
startsecs = {startsecs}
startretries = 2
stopwaitsecs = {stopwaitsecs}
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 5MB
stdout_logfile_backups = 3
"""


@dataclass(frozen=True)
class SupervisorFiles:
    """Where supervisord's configuration, its guard's specification and its socket lie."""

    configuration: Path
    specification: Path
    socket: Path
    temporary_folder: Path | None

    def remove_temporary(self) -> None:
        """Removes the short-named folder that a long home path made necessary."""
        if self.temporary_folder is not None:
            shutil.rmtree(self.temporary_folder, ignore_errors=True)


def log_path(home: Path, service_name: str) -> Path:
    """Returns the file that a service's output goes to."""
    return home / "logs" / f"{service_name}.log"


def mark_prefix(home: Path) -> str:
    """Returns what the mark of every process of this home starts with."""
    return f"{home.resolve()}::"


def guard_command(specification: Path) -> list[str]:
    """Returns the command line that runs a specification under a guard; `-I -S` keeps its start short."""
    return [sys.executable, "-I", "-S", guard.__file__, str(specification)]


def write_files(services: Sequence[Service], *, home: Path, startsecs: int) -> SupervisorFiles:
    """Returns the files, written anew, readable by this user alone."""
    folder = home.resolve() / "supervisor"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (home / "logs").mkdir(exist_ok=True)
    socket, temporary = _socket_place(folder)
    configuration = folder / "supervisord.conf"
    configuration.write_text(_configuration(services, home, socket, startsecs), encoding="utf-8")
    for service in services:
        _write_specification(folder / f"{service.name}.json", service, home)
    return SupervisorFiles(configuration, _write_own(folder, configuration, home), socket, temporary)


def _socket_place(folder: Path) -> tuple[Path, Path | None]:
    socket = folder / "supervisor.sock"
    if len(bytes(socket)) <= LONGEST_SOCKET_PATH:
        return socket, None
    temporary = Path(tempfile.mkdtemp(prefix="candleloop-"))
    return temporary / "supervisor.sock", temporary


def _configuration(services: Sequence[Service], home: Path, socket: Path, startsecs: int) -> str:
    folder = home.resolve() / "supervisor"
    head = _SUPERVISORD.format(
        logs=_escaped(folder.parent / "logs"),
        folder=_escaped(folder),
        socket=_escaped(socket),
        group=GROUP,
        names=",".join(service.name for service in services),
    )
    return head + "".join(_program(service, folder, startsecs) for service in services)


def _program(service: Service, folder: Path, startsecs: int) -> str:
    return _PROGRAM.format(
        name=service.name,
        command=_escaped(shlex.join(guard_command(folder / f"{service.name}.json"))),
        startsecs=startsecs,
        stopwaitsecs=SERVICE_GRACE_S + 2,
        log=_escaped(log_path(folder.parent, service.name)),
    )


def _escaped(text: str | Path) -> str:
    return str(text).replace("%", "%%")


def _write_specification(path: Path, service: Service, home: Path) -> None:
    mark = f"{mark_prefix(home)}{service.name};"
    specification = {
        "command": service.command,
        "environment": {"PYTHONUNBUFFERED": "1", **service.environment},
        "mark": mark,
        "ends": mark,
        "grace_s": SERVICE_GRACE_S,
    }
    path.write_text(json.dumps(specification), encoding="utf-8")
    path.chmod(0o600)


def _write_own(folder: Path, configuration: Path, home: Path) -> Path:
    specification = {
        "command": [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(configuration)],
        "environment": {},
        "mark": f"{mark_prefix(home)}supervisord;",
        "ends": mark_prefix(home),
        "grace_s": SUPERVISORD_GRACE_S,
    }
    path = folder / "supervisord.json"
    path.write_text(json.dumps(specification), encoding="utf-8")
    return path
