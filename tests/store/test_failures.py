"""What the reader is told when the database cannot be used."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url
from sqlalchemy.exc import OperationalError

from mllib.errors import NotReady
from mllib.store import Store, open_store
from mllib.store.failures import explain, place


@pytest.fixture
def url(tmp_path: Path) -> str:
    """SQLite alone: this is about its files."""
    return f"sqlite:///{tmp_path}/candleloop.db"


@pytest.fixture
def locked(store: Store, tmp_path: Path) -> Iterator[Store]:
    with closing(sqlite3.connect(tmp_path / "candleloop.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield store
        other.execute("ROLLBACK")


def test_a_locked_database_is_not_ready_for_writing(locked: Store) -> None:
    with pytest.raises(NotReady, match=r"candleloop\.db cannot be used: found it locked .* 5 s.*Close the"):
        locked.series.ensure("EURUSD", "1h")


def test_a_locked_database_can_be_read(locked: Store) -> None:
    assert locked.series.list() == []


def test_a_read_only_database_is_read_and_not_written(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.series.ensure("EURUSD", "1h")
    with open_store(f"sqlite:///file:{tmp_path}/candleloop.db?mode=ro&uri=true") as store:
        assert [series.pair for series in store.series.list()] == ["EURUSD"]
        with pytest.raises(
            NotReady, match=r"candleloop\.db cannot be used: found it read-only.*write access"
        ):
            store.series.ensure("GBPUSD", "1h")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    for migrate in (True, False):
        with pytest.raises(NotReady, match=r"nowhere/candleloop\.db cannot be opened: found no such"):
            open_store(tmp_path / "nowhere", migrate=migrate)
    with pytest.raises(NotReady, match=r"nowhere/x\.db cannot be opened.*Create the folder"):
        open_store(f"sqlite:///file:{tmp_path}/nowhere/x.db?uri=true")


def test_a_damaged_file_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "candleloop.db").write_bytes(b"these are no pages of SQLite" * 200)
    with pytest.raises(NotReady, match=r"found a file that is damaged or no database .*put back a backup"):
        open_store(tmp_path)


def test_damage_in_the_middle_of_a_file_is_told(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        store.series.ensure("EURUSD", "1h")
    file = tmp_path / "candleloop.db"
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(NotReady, match="found a file that is damaged"):
        open_store(tmp_path)


def test_a_table_that_is_not_there_is_another_version(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        with closing(sqlite3.connect(tmp_path / "candleloop.db")) as other:
            other.execute("DROP TABLE worker_heartbeat")
        with pytest.raises(NotReady, match="found tables of another version"):
            store.workers.list()


def test_an_unknown_failure_is_quoted() -> None:
    failure = OperationalError("SELECT 1", {}, sqlite3.OperationalError("connection refused"))
    assert explain("somewhere", failure) == (
        "Database somewhere cannot be used: found “connection refused”, expected an answer. "
        "Check that the database runs and can be reached, then try again."
    )


def test_the_password_of_a_server_is_not_told() -> None:
    url: URL = make_url("postgresql+psycopg://app:secret@host/db")
    assert place(url) == "postgresql+psycopg://app:***@host/db"
