"""Files of the home that are damaged under a running server, and what answers tell of where they lie."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.api.faults.conftest import Client, Serve
from tests.processes import wait_until

CANDLES = "/candles?pair=EURUSD&timeframe=1h"
INTERNALS = re.compile(r"\w+Error\b|Errno|Exception|Traceback")


@pytest.fixture(scope="module")
def client(serve: Serve) -> Iterator[Client]:
    with serve("--retry-s", "1") as running:
        yield running


@contextmanager
def damaged(file: Path, content: bytes) -> Iterator[None]:
    kept = file.read_bytes() if file.exists() else None
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    try:
        yield
    finally:
        file.unlink()
        if kept is not None:
            file.write_bytes(kept)


def told(client: Client, answer: httpx.Response, status: int) -> str:
    """What an answer says, which is nothing of the server's folders or of Python."""
    assert answer.status_code == status, answer.text
    assert str(client.home) not in answer.text
    assert not INTERNALS.search(answer.text), answer.text
    return answer.text


def test_a_damaged_candle_file_takes_down_only_what_needs_it(client: Client) -> None:
    assert client.import_candles("GBPUSD", 0, 300).status_code == 200
    file = client.home / "candles" / "EURUSD_1h.parquet"
    with damaged(file, b"no candles at all"):
        assert "found CANDLELOOP_HOME/candles/EURUSD_1h.parquet unreadable" in told(
            client, client.get(CANDLES), 503
        )
        series = client.get("/candles/series")
        assert (series.status_code, [one["pair"] for one in series.json()]) == (200, ["GBPUSD"])
        for _ in range(3):
            assert len(client.predict().json()["per_candle"]) == 300
        batch = {"pair": "EURUSD", "timeframe": "1h"}
        told(client, client.post("/predict/batch", batch), 503)
        told(client, client.post("/predict/batch", batch, accept="application/x-ndjson"), 503)
        told(client, client.import_candles("EURUSD", 0, 5), 503)
        said = [line for line in client.log().splitlines() if "left out: EURUSD 1h" in line]
        assert len(said) == 1, "once, and not at every request"
        assert str(file) in said[0], "the log tells where"
    assert client.get(CANDLES).status_code == 200
    assert [one["pair"] for one in client.get("/candles/series").json()] == ["EURUSD", "GBPUSD"]
    assert client.surprises() == []


@pytest.mark.parametrize("content", [b"\xff\xfe\n", b"{}\n"])
def test_a_damaged_list_of_builds_is_said_with_what_to_do(client: Client, content: bytes) -> None:
    with damaged(client.home / "datasets" / "builds.jsonl", content):
        said = told(client, client.get("/training/dataset-info"), 503)
        assert "CANDLELOOP_HOME/datasets/builds.jsonl: found line 1 unreadable" in said
        assert "Remove that line" in said
    assert client.surprises() == []


def test_a_broken_model_is_told_without_internals(client: Client, tmp_path: Path) -> None:
    serving, other = client.runs()
    folder = client.home / "predictors" / other
    for content in (b"[]", b"{", b'{"format": 2, "files": []}', b'{"format": 2, "files": {"x": "y"}}'):
        with damaged(folder / "predictor.json", content):
            said = told(client, client.post("/model/load", {"run_id": other}), 409)
            assert f"model in CANDLELOOP_HOME/predictors/{other}" in said
    with client.workspace() as ws:
        shutil.copytree(folder, tmp_path / "backup")
        shutil.rmtree(folder)
        ws.store.champions.move("candleloop", other, moved_by="promote")
    wait_until(lambda: client.get("/ready").json()["error"], within_s=5, what="/ready says why")
    assert "found no predictor.json" in told(client, client.get("/ready"), 200)
    shutil.copytree(tmp_path / "backup", folder)
    client.serves(other)
    client.post("/model/rollback", {"reason": "as it was"})
    client.serves(serving)
    assert client.surprises() == []


@pytest.mark.parametrize("in_its_place", [None, b""], ids=["gone", "an empty file"])
def test_a_lost_database_is_told_without_its_folder(client: Client, in_its_place: bytes | None) -> None:
    database, away = client.home / "candleloop.db", client.home / "away.db"
    database.rename(away)
    if in_its_place is not None:
        database.write_bytes(in_its_place)
    try:
        wait_until(lambda: client.get("/ready").json()["error"], within_s=5, what="/ready says why")
        said = told(client, client.get("/ready"), 200)
        assert "Database CANDLELOOP_HOME/candleloop.db cannot be used" in said
        for answer in (client.get("/training/runs"), client.judge("lost"), client.get("/labels")):
            assert "migrate=True" not in told(client, answer, 503)
        assert f"Database {database} cannot be used" in client.log()
    finally:
        away.replace(database)
    wait_until(lambda: client.get("/ready").json()["error"] is None, within_s=5, what="/ready is content")
    assert client.surprises() == []
