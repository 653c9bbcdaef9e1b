"""PostgreSQL that is away, comes back, refuses, or is held up by somebody."""

import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
import sqlalchemy as sa

from mllib.errors import InvalidAnnotations, InvalidConfig, NotReady
from mllib.spans import Annotation
from mllib.store import Store, engines, migrating, open_store, tables
from mllib.store.database import Database, database_url
from mllib.store.engines import WRITE_LOCK
from tests.postgres import PASSWORD, Server, postgres_server
from tests.processes import wait_until
from tests.sql import rows_of

pytestmark = pytest.mark.needs("postgres")


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """PostgreSQL alone."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(database_url(url))
    yield opened
    opened.close()


def test_the_driver_is_the_one_that_the_extra_installs(database: Database) -> None:
    assert database.url.get_dialect().driver == "psycopg"


def test_a_server_that_went_away_is_told_and_one_that_came_back_is_used(initdb_path: str) -> None:
    with postgres_server(initdb_path) as server, open_store(server.url("postgres")) as store:
        store.series.ensure("EURUSD", "1h")
        server.stop()
        for use in (store.series.list, lambda: store.series.ensure("GBPUSD", "1h")):
            with pytest.raises(NotReady, match=r"cannot be used: .*Check that the database runs") as failure:
                use()
            assert PASSWORD not in str(failure.value)
            assert "app:***@127.0.0.1" in str(failure.value)
        server.start()
        store.series.ensure("GBPUSD", "1h")
        assert [one.pair for one in store.series.list()] == ["EURUSD", "GBPUSD"]


def test_who_is_patient_gets_an_answer_once_the_server_is_back(initdb_path: str) -> None:
    with postgres_server(initdb_path) as server, open_store(server.url("postgres")) as store:
        store.series.ensure("EURUSD", "1h")
        store.wait_for_server(60)
        server.stop()
        with ThreadPoolExecutor(2) as several:
            asked = [
                several.submit(store.series.list),
                several.submit(store.series.ensure, "GBPUSD", "1h"),
            ]
            with pytest.raises(TimeoutError):
                asked[0].result(0.5)
            server.start()
            assert [bool(one.result(60)) for one in asked] == [True, True]


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NotReady, match="connection timeout expired"):
            open_store(f"postgresql://app:{PASSWORD}@127.0.0.1:{port}/x?connect_timeout=2")


def test_connections_that_were_cut_are_made_anew(store: Store, url: str) -> None:
    store.series.ensure("EURUSD", "1h")
    with psycopg.connect(url) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert [one.pair for one in store.series.list()] == ["EURUSD"]


def test_a_writer_that_holds_everybody_up_is_told_as_sqlite_tells_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_S", 0.1)
    with psycopg.connect(url) as other, open_store(url) as store:
        other.execute(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})".encode())
        assert store.series.list() == []
        with pytest.raises(NotReady, match=r"found it locked by another process for more than"):
            store.series.ensure("EURUSD", "1h")
        other.rollback()
        store.series.ensure("EURUSD", "1h")


def test_a_transaction_that_stops_in_the_middle_is_ended_by_the_server(database: Database) -> None:
    """Here after a tenth of a second instead of a minute."""

    def stop_in_the_middle() -> None:
        with database.write() as session:
            session.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = '100ms'"))
            raw = session.connection().connection.driver_connection
            assert raw is not None
            # The server says goodbye on the connection: that is what is waited for.
            assert select.select([raw.fileno()], [], [], 30)[0]
            session.execute(sa.text("INSERT INTO series (pair, timeframe) VALUES ('EURUSD', '1h')"))

    with pytest.raises(NotReady, match="idle-in-transaction timeout"):
        stop_in_the_middle()
    with database.write() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(tables.Series)) == 0


def test_a_reader_sees_one_snapshot_and_cannot_write(database: Database, store: Store) -> None:
    count = sa.select(sa.func.count()).select_from(tables.Series)
    with database.read() as session:
        assert session.scalar(count) == 0
        store.series.ensure("EURUSD", "1h")
        assert session.scalar(count) == 0

    def write() -> None:
        with database.read() as session:
            session.execute(sa.text("DELETE FROM series"))

    with pytest.raises(NotReady, match="found a server that only reads"):
        write()


def test_what_a_writer_reads_stays_true_until_it_has_written(url: str) -> None:
    """Read, think, write: with ten threads of three stores no addition is lost, and numbers come in order."""
    numbers: list[int] = []

    def add(store: Store) -> None:
        for _ in range(10):
            with store._database.write() as session:
                newest = session.scalar(sa.text("SELECT max(id) FROM series")) or 0
                made = sa.text("INSERT INTO series (pair, timeframe) VALUES (:pair, '1h') RETURNING id")
                number = session.scalar(made, {"pair": f"P{newest + 1}"})
                assert number == newest + 1
                numbers.append(number)

    stores = [open_store(url) for _ in range(3)]
    threads = [threading.Thread(target=add, args=(stores[n % 3],)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with stores[0]._database.read() as session:
        found = session.execute(sa.text("SELECT pair FROM series ORDER BY id")).scalars().all()
    for store in stores:
        store.close()
    assert found == [f"P{n + 1}" for n in range(100)]
    assert sorted(numbers) == [*range(1, 101)]


def test_no_row_is_committed_after_one_of_a_higher_number(store: Store, database: Database, url: str) -> None:
    """So that the highest number tells whether anything has changed: whoever is later has to wait."""
    before = store.revision()
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    later = threading.Thread(target=store.annotations.add, args=("B", "1h", [_flag("b")]))
    with database.write() as session:
        own = "INSERT INTO series (pair, timeframe) VALUES ('A', '1h')"
        session.execute(sa.text(own))
        later.start()
        wait_until(lambda: rows_of(url, waiting), within_s=30, what="the second writer waits for the first")
        assert store.revision() == before
    later.join(30)
    assert rows_of(url, "SELECT id, pair FROM series ORDER BY id") == [(1, "A"), (2, "B")]
    assert store.revision() != before


def _flag(name: str) -> Annotation:
    return Annotation("flag", 1, 2, id=name)


def test_who_may_not_is_told_what_to_grant(postgres: Server, url: str) -> None:
    postgres.execute("CREATE ROLE stranger LOGIN")
    stranger = url.replace("app:", "stranger:")
    with open_store(url) as store:
        store.series.ensure("EURUSD", "1h")
    try:
        with pytest.raises(
            NotReady, match=r"found that this user may not .*permission denied.*grant the right"
        ):
            open_store(stranger)
    finally:
        postgres.execute("DROP ROLE stranger")


def test_a_database_that_is_not_there_empty_or_of_another_program_is_told(postgres: Server) -> None:
    with pytest.raises(NotReady, match=r"found no database of that name .*createdb"):
        open_store(postgres.url("nowhere"))
    with postgres.blank_database() as blank:
        with pytest.raises(NotReady, match="found it at revision none"):
            open_store(blank, migrate=False)
        name = blank.rpartition("/")[2]
        postgres.execute("CREATE TABLE alembic_version AS SELECT 'a1b2c3' AS version_num", name)
        with pytest.raises(NotReady, match=r"cannot be migrated: found .*a1b2c3.* such as MLflow, name a"):
            open_store(blank)


def test_a_value_that_postgresql_cannot_keep_is_refused(store: Store) -> None:
    with pytest.raises(
        InvalidAnnotations, match=r"found a value that it cannot keep .*NUL.*text that people can read"
    ):
        store.annotations.add("EURUSD", "1h", [replace(_flag("a"), notes="a\0b")])
    with pytest.raises(InvalidAnnotations, match="invalid input syntax for type json"):
        store.annotations.add("EURUSD", "1h", [replace(_flag("a"), extra={"a": float("nan")})])
    store.annotations.add("EURUSD", "1h", [replace(_flag("b"), extra={"a": "\0"})])
    assert store.annotations.list("EURUSD", "1h")[0].extra == {"a": "\0"}


@pytest.mark.parametrize("text", ["mysql://app:{}@host/x", "postgresql://app:{}@host:port/x"])
def test_an_address_that_cannot_be_read_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InvalidConfig, match="expected postgresql://USER:PASSWORD@HOST") as failure:
        open_store(text.format(PASSWORD))
    assert PASSWORD not in str(failure.value)


def test_an_option_that_the_client_does_not_know_is_refused(url: str) -> None:
    with pytest.raises(InvalidConfig, match="found the option 'nonsense', expected one that PostgreSQL"):
        open_store(f"{url}{'&' if '?' in url else '?'}nonsense=1")


def test_processes_that_race_for_a_blank_database_all_find_it_migrated(postgres: Server) -> None:
    code = "import sys; from mllib.store import open_store; open_store(sys.argv[1]).close(); print('done')"
    with postgres.blank_database() as blank:
        command = [sys.executable, "-W", "error", "-c", code, blank]
        racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        assert [racer.communicate(timeout=60)[0] for racer in racers] == ["done\n"] * 2
        database = Database(database_url(blank))
        assert migrating.revision_of(database) == migrating.HEAD
        database.close()
