"""The database locked, read-only, gone, and a disk without room, under a running server."""

import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.api.faults.conftest import Client, Serve
from tests.processes import wait_until

Refused = Callable[[httpx.Response, str], None]


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[Client]:
    with serve("--as-anybody") as running:
        yield running


@pytest.fixture(autouse=True)
def predictions_go_on(client: Client) -> Iterator[None]:
    """Before and after each fault, and nothing surprises the server."""
    assert client.predict().status_code == 200
    yield
    assert client.predict().status_code == 200
    assert client.get("/ready").json()["error"] is None
    assert client.surprises() == []


@contextmanager
def locked(home: Path) -> Iterator[None]:
    with closing(sqlite3.connect(home / "candleloop.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def moved_away(home: Path) -> Iterator[Path]:
    away = home / "away"
    away.mkdir()
    for file in home.glob("candleloop.db*"):
        file.rename(away / file.name)
    try:
        yield away
    finally:
        for file in away.iterdir():
            file.replace(home / file.name)
        away.rmdir()


@contextmanager
def full(client: Client) -> Iterator[None]:
    """The kernel writes nothing more to any file of the server."""
    pid = client.server.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def test_a_database_locked_for_a_moment_is_waited_for(client: Client) -> None:
    with ThreadPoolExecutor() as others:
        with locked(client.home):
            answer = others.submit(client.judge, "moment")
            time.sleep(0.5)
            assert not answer.done()
        assert answer.result().status_code == 201
    assert client.stored()["moment"] == 1


def test_a_locked_database_refuses_verdicts_and_runs_while_predictions_go_on(
    client: Client, refused: Refused
) -> None:
    with ThreadPoolExecutor() as others, locked(client.home):
        verdict = others.submit(client.judge, "locked")
        run = others.submit(client.post, "/training/start", {"model_type": "xgboost", "pair": "EURUSD"})
        candles = others.submit(client.import_candles, "LOCKED", 0, 300)
        while not verdict.done():
            begun = time.monotonic()
            assert client.predict().status_code == 200
            assert client.get("/health").status_code == 200
            assert client.get("/ready").status_code == 200
            assert time.monotonic() - begun < 4, "a lock is waited for 5 s"
        refused(verdict.result(), "found it locked by another process for more than 5 s")
        refused(run.result(), "Close the program that holds it")
        refused(candles.result(), "found it locked")
        assert client.get("/candles?pair=LOCKED&timeframe=1h").status_code == 404, "nothing was merged"
    assert client.stored()["locked"] == 0
    assert client.import_candles("LOCKED", 0, 300).json()["added"] == 300
    assert client.judge("locked").status_code == 201
    assert client.judge("locked").status_code == 200
    assert client.stored()["locked"] == 1
    assert {run["status"] for run in client.get("/training/runs").json()} == {"ready"}


def test_a_database_that_is_gone_takes_nothing_and_is_taken_up_when_it_is_back(
    client: Client, refused: Refused
) -> None:
    assert client.judge("before").status_code == 201
    before = client.get("/candles?pair=EURUSD&timeframe=1h&limit=5000").json()
    with moved_away(client.home):
        refused(client.judge("gone"), "found no file there")
        refused(client.get("/training/runs"), "Put it back")
        refused(client.import_candles("GONE", 0, 300), "found no file there")
        assert client.get("/candles?pair=GONE&timeframe=1h").status_code == 404
        refused(client.import_candles("EURUSD", 0, 3, raised_by=0.00001), "found no file there")
        assert client.get("/candles?pair=EURUSD&timeframe=1h&limit=5000").json() == before
        assert client.predict().status_code == 200
        wait_until(lambda: client.get("/ready").json()["error"], within_s=5, what="/ready says so")
        assert client.get("/health").json()["status"] == "ok"
        time.sleep(1.5)  # the watches have looked again
        assert not list(client.home.glob("candleloop.db*"))
    assert client.judge("gone").status_code == 201
    wait_until(lambda: client.get("/ready").json()["error"] is None, within_s=5, what="/ready is content")
    assert (client.stored()["before"], client.stored()["gone"]) == (1, 1)
    assert client.import_candles("GONE", 0, 300).json()["added"] == 300
    watches = [line for line in client.log().splitlines() if "found no file there" in line and "WARN" in line]
    assert len(watches) == 2, "each watch says it once, not every second"


def test_a_process_that_starts_without_its_database_begins_no_empty_one(client: Client) -> None:
    assert client.judge("before the start").status_code == 201
    with moved_away(client.home):
        with pytest.raises(AssertionError, match=r"found no file there.*predictors away first"):
            client.restart()
        assert not list(client.home.glob("candleloop.db*"))
    client.restart()
    assert client.judge("before the start").status_code == 200
    assert client.stored()["before the start"] == 1


def test_a_read_only_database_is_read_and_written_again_when_it_may_be(
    client: Client, refused: Refused
) -> None:
    database = client.home / "candleloop.db"
    assert client.judge("before it was read-only").status_code == 201
    database.chmod(0o444)
    refused(client.judge("read-only"), "found it read-only")
    refused(client.post("/training/start", {"model_type": "xgboost", "pair": "EURUSD"}), "Give this user")
    assert client.get("/model/info").status_code == 200
    assert client.get("/training/runs").status_code == 200
    assert client.predict().status_code == 200
    database.chmod(0o644)
    assert client.judge("read-only").status_code == 201
    assert (client.stored()["before it was read-only"], client.stored()["read-only"]) == (1, 1)


def test_a_full_disk_refuses_what_is_to_be_stored_and_leaves_nothing_half_written(
    client: Client, refused: Refused
) -> None:
    assert client.judge("before it was full").status_code == 201
    before = client.stored()
    files = {path for path in client.home.rglob("*") if not path.name.startswith("candleloop.db")}
    with full(client):
        refused(client.judge("full"), "Free some space")
        refused(client.post("/training/start", {"model_type": "xgboost", "pair": "EURUSD"}), "Free some")
        refused(client.post("/training/build-dataset", {"pair": "EURUSD", "timeframe": "1h"}), "Free")
        refused(client.import_candles("FULL", 0, 300), "Free the disk")
        assert client.predict().status_code == 200
        assert client.get("/training/runs").status_code == 200
    assert client.stored() == before
    left = {path for path in client.home.rglob("*") if not path.name.startswith("candleloop.db")} - files
    assert {path for path in left if path.is_file()} == set()
    assert client.get("/candles?pair=FULL&timeframe=1h").status_code == 404
    assert client.import_candles("FULL", 0, 300).json()["added"] == 300
    assert client.judge("full").status_code == 201
    assert client.stored()["full"] == 1
