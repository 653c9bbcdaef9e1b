"""The queue on Redis: what it holds, in what order, and what happens while Redis is away."""

import logging
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mllib.config import Config
from mllib.deployment import Deployment
from mllib.errors import InvalidConfig, NotReady
from mllib.jobs import enqueue_run, queue_of
from mllib.jobs.queue import task_of
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.store import Run
from tests.redis_server import PASSWORD, RedisServer, redis_server

pytestmark = pytest.mark.needs("redis")
KEY = "candleloop.queue"


@pytest.fixture(scope="module")
def redis(redis_path: str) -> Iterator[RedisServer]:
    with redis_server(redis_path) as server:
        yield server


@pytest.fixture
def ws(tmp_path: Path, redis: RedisServer) -> Iterator[Workspace]:
    redis.client.flushall()
    with open_workspace(tmp_path, config=Config(), deployment=Deployment(queue=redis.url)) as opened:
        yield opened


def queued(ws: Workspace) -> Run:
    return ws.store.runs.enqueue(
        model_type="xgboost", encoder="bio", registered_model_name="candleloop", request={}
    )


class Pickled:
    """What a pickle that runs code looks like: loading it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_tasks_come_by_priority_and_then_in_the_order_of_sending(ws: Workspace) -> None:
    queue, carried_out = queue_of(ws), []
    late = task_of(queue, "late", lambda: carried_out.append("late"), priority=-1)
    train = task_of(queue, "train", carried_out.append)
    late()
    train("a")
    train("b")
    assert queue.pending_count() == 3
    for _ in range(3):
        queue.execute(queue.dequeue())
    assert carried_out == ["a", "b", "late"]
    assert queue.pending_count() == 0


def test_a_pickle_in_the_queue_is_dropped_and_never_loaded(
    ws: Workspace, redis: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    enqueue_run(ws, queued(ws))
    ((held, _),) = redis.client.zpopmin(KEY)
    assert held[8:].startswith(b'{"id": ')
    redis.client.zadd(KEY, {held[:8] + pickle.dumps(Pickled(tmp_path / "made")): 0})
    redis.client.zadd(KEY, {held[:8] + b'{"id": "1", "name": "os.system", "priority": 0, "args": []}': 1})
    redis.client.zadd(KEY, {held[:8] + b'{"id": "1", "name": "os.system", "args": [["x"]]}': 2})
    queue = queue_of(ws)
    assert [queue.dequeue() for _ in range(3)] == [None, None, None]
    assert caplog.text.count("a message of the queue was dropped") == 3
    assert queue.pending_count() == 0
    assert not (tmp_path / "made").exists()


def test_while_redis_is_away_a_process_sends_to_itself_and_says_which_server_without_its_password(
    ws: Workspace, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mllib.jobs")
    queue, carried_out = queue_of(ws), []
    train = task_of(queue, "train", carried_out.append)
    train("lost with the server")
    redis.kill()
    try:
        enqueue_run(ws, queued(ws))  # of a process that goes on
        train("a")
        queue.execute(queue.dequeue())
        assert queue.dequeue() is None
    finally:
        redis.start()
    assert queue.dequeue() is None  # what Redis held is lost
    train("b")
    assert queue.pending_count() == 1
    queue.execute(queue.dequeue())
    assert carried_out == ["a", "b"]
    said = [line for line in caplog.messages if line.startswith(f"queue redis://127.0.0.1:{redis.port}/0: ")]
    assert ["Workers find runs in the database meanwhile" in line for line in said] == [True, True, False]
    assert said[-1].endswith("it answers again")
    assert PASSWORD not in caplog.text


def test_a_wrong_password_is_said_without_it(
    ws: Workspace, redis: RedisServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = redis.url.replace(PASSWORD, "wr0ng")
    with open_workspace(tmp_path, config=ws.config, deployment=Deployment(queue=url)) as other:
        enqueue_run(other, queued(other))
    assert "invalid username-password pair" in caplog.text
    assert "wr0ng" not in caplog.text


@pytest.mark.parametrize(
    "url", ["redis://:s3cret/x@host:6379/0", "redis://:s3cret@host:port/0", "redis://:s3cret@host/a"]
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(ws: Workspace, url: str) -> None:
    broken = Workspace(ws.home, ws.config, ws.store, ws.candles, Deployment(queue=url))
    with pytest.raises(InvalidConfig, match="CANDLELOOP_QUEUE_URL: found no address") as caught:
        queue_of(broken)
    assert "s3cret" not in str(caught.value)


def test_a_missing_client_is_said_with_what_to_install(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "mllib.jobs.redis_queue", raising=False)
    with pytest.raises(NotReady, match=r"Run `make extras`"):
        queue_of(ws)


def test_nothing_of_redis_is_imported_without_its_address(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from mllib.config import Config; "
        "from mllib.jobs import queue_of; "
        "from mllib.pipeline.workspace import open_workspace;"
        "queue_of(open_workspace(Path(sys.argv[1]), config=Config())); print('redis' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
