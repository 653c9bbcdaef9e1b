"""A private PostgreSQL of Debian's packages for tests: one server a test process, cheap databases in it."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from mllib.store import open_store
from mllib.store.tables import Table
from tests.processes import free_port

_SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB")
_LANGUAGE = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
"""Sorts otherwise than SQLite, as many servers do: a, B instead of B, a."""
PASSWORD = "s3cret-word"


class Server:
    """A PostgreSQL of its own, which trusts whoever connects: the password is only there not to be shown."""

    def __init__(self, bin_folder: Path, folder: Path) -> None:
        self._bin, self._folder = bin_folder, folder
        self._free: list[str] = []
        self._data = folder / "data"
        self.port = free_port()
        # initdb and the server refuse root.
        self._user: dict[str, Any] = (
            {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        )
        if self._user:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-U", "app", "--auth=trust", "-E", "UTF8", "--no-sync", *_LANGUAGE)
        self.start()

    def start(self) -> None:
        """Starts it, again on the same port if it was stopped."""
        options = [f"-c {setting}" for setting in _SETTINGS]
        where = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-l", log, "-o", f"{where} {' '.join(options)}", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stops it at once, as if it had crashed."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def url(self, database: str) -> str:
        """Where a database is, as a deployment would name it."""
        return f"postgresql://app:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """One statement in a transaction of its own."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a database with the empty tables of this version, which are emptied again afterwards.

        Making a database takes 0.2 s, emptying one some milliseconds.
        """
        name = self._free.pop() if self._free else self._make()
        yield self.url(name)
        self._empty(name)
        self._free.append(name)

    @contextlib.contextmanager
    def blank_database(self) -> Iterator[str]:
        """The URL of a database without tables, which is dropped afterwards."""
        name = f"blank_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _make(self) -> str:
        name = f"test_{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        open_store(self.url(name)).close()
        return name

    def _empty(self, name: str) -> None:
        """Ends who is still connected, and takes out the rows; numbers begin at 1 again."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            for table in reversed(Table.metadata.sorted_tables):
                connection.execute(f"DELETE FROM {table.name}".encode())
            for (sequence,) in connection.execute("SELECT sequencename FROM pg_sequences").fetchall():
                connection.execute(f"ALTER SEQUENCE {sequence} RESTART".encode())

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), "-D", str(self._data), *arguments]
        # The server keeps what it inherits open, so no pipe may be among it.
        with (self._folder / f"{program}.out").open("ab") as out:
            done = subprocess.run(command, stdout=out, stderr=out, cwd="/", **self._user)
        if done.returncode:
            raise AssertionError(f"{program}: {(self._folder / f'{program}.out').read_text()[-2000:]}")


@contextlib.contextmanager
def postgres_server(initdb: str) -> Iterator[Server]:
    """A server that is gone, with all that it holds, afterwards."""
    # Not pytest's own folder, which only its user may enter.
    with tempfile.TemporaryDirectory(prefix="candleloop-pg-") as folder:
        server = Server(Path(initdb).resolve().parent, Path(folder))
        try:
            yield server
        finally:
            with contextlib.suppress(AssertionError):  # a test may have stopped it
                server.stop()
