"""What clients are told of a server that is away: real messages of the drivers, without its address."""

from dataclasses import replace
from pathlib import Path

import pytest

from api.disclosure import for_clients
from mllib.deployment import DATABASE, QUEUE, STORAGE, Deployment
from mllib.errors import NotReady
from mllib.jobs.redis_queue import RedisQueue
from mllib.object_storage import ObjectStorage
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.store import open_store
from tests.processes import free_port

PRIVATE = ("127.0.0.1", "localhost", "keeper", "sesame", "ledger", "vault", "postgresql", "s3://", "redis://")


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    """A workspace whose three servers do not answer."""
    port = free_port()
    deployment = Deployment(
        database=f"postgresql://keeper:sesame@localhost:{port}/ledger",
        queue=f"redis://:sesame@127.0.0.1:{port}/0",
        storage="s3://vault/team",
    )
    with open_workspace(tmp_path / "srv") as at_home:
        return replace(at_home, deployment=deployment, storage=ObjectStorage("s3://vault/team", tmp_path))


@pytest.mark.parametrize("variable", [DATABASE, QUEUE, STORAGE])
def test_clients_are_not_told_where_a_server_is(
    ws: Workspace, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "keeper")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    with pytest.raises(NotReady) as away:
        _asked(ws, variable)
    message = f"{away.value} ({ws.home}/jobs.db)"
    told = for_clients(message, ws)
    assert any(word in message for word in PRIVATE)
    assert not [word for word in PRIVATE if word in told], told
    assert variable in told
    assert "CANDLELOOP_HOME/jobs.db" in told


def _asked(ws: Workspace, variable: str) -> None:
    if variable == DATABASE:
        open_store(ws.deployment.database).runs.list()
    elif variable == QUEUE:
        RedisQueue("queue", url=ws.deployment.queue).queue_size()
    else:
        assert ws.storage is not None
        ws.storage.read("candles/EURUSD_1h.parquet")


def test_who_is_let_in_is_not_told_either(ws: Workspace) -> None:
    refused = (
        'FATAL: password authentication failed for user "keeper" (connection to server at "localhost" (::1), '
        'port 5432 failed), database "ledger", could not translate host name "vault"'
    )
    told = for_clients(refused, ws)
    assert not [word for word in PRIVATE if word in told], told
    assert "password authentication failed for user" in told


def test_at_home_the_home_is_named_and_what_only_begins_like_it_is_not(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "srv") as ws:
        told = for_clients(f"{ws.home}/candles/A_1h.parquet of {ws.home}, not {ws.home}s", ws)
    assert told == f"CANDLELOOP_HOME/candles/A_1h.parquet of CANDLELOOP_HOME, not {ws.home}s"
