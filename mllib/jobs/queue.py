"""The queue itself: in a file of the home folder, or on Redis where the deployment says so."""

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing

from mllib.errors import CandleloopError, NotReady
from mllib.lean_imports import without
from mllib.pipeline.workspace import Workspace
from mllib.store import Run

with without("redis", "psycopg", "cysqlite"):  # Huey looks for every storage that there could be
    from huey.api import Huey
    from huey.exceptions import HueyException
    from huey.registry import Message
    from huey.serializer import Serializer
    from huey.storage import SqliteStorage

log = logging.getLogger(__name__)
Task = Callable[..., object]


def queue_of(ws: Workspace) -> Huey:
    """The queue of a workspace: Redis where `ws.deployment.queue` names one, else `jobs.db` in the home.

    Nothing is connected to yet.

    Raises:
        InvalidConfig: the address is not one of Redis.
        NotReady: Redis' client is not installed.
    """
    if ws.deployment.queue is None:
        return _Queue(storage_class=SqliteStorage, filename=str(ws.home / "jobs.db"), fsync=True)
    from mllib.jobs.redis_queue import RedisQueue

    return _Queue(storage_class=RedisQueue, url=ws.deployment.queue)


def enqueue_run(ws: Workspace, run: Run) -> None:
    """Wakes a worker for a queued run; where the queue cannot be written, a worker finds it by itself."""
    try:
        queue = queue_of(ws)
        with closing(queue.storage):
            task_of(queue, "train", _nothing)(run.run_id)
    except (CandleloopError, sqlite3.Error) as exc:
        log.warning("run %s: the queue was not written (%s); a worker will find it", run.run_id, exc)


def waiting_tasks(ws: Workspace) -> int:
    """How many tasks wait in the queue.

    Raises:
        NotReady: it does not answer.
    """
    if ws.deployment.queue is None and not (ws.home / "jobs.db").exists():
        return 0
    try:
        queue = queue_of(ws)
        with closing(queue.storage):
            return int(queue.pending_count())
    except sqlite3.Error as exc:
        raise NotReady(
            f"queue {ws.home / 'jobs.db'}: found {exc}, expected an answer. Move the file away: runs are in "
            "the database, and the worker finds them there."
        ) from exc


def task_of(queue: Huey, name: str, function: Callable[..., None], *, priority: int | None = None) -> Task:
    """The queue's task of that name; whoever only sends it gives no function worth calling.

    Its arguments are texts.
    """

    def carried_out(*texts: str) -> None:  # of this module, which is part of the name in the queue
        function(*texts)

    task: Task = queue.task(name=name, priority=priority)(carried_out)
    return task


def _nothing(_run_id: str) -> None:
    raise RuntimeError("only a worker carries out runs")


class _PlainMessages(Serializer):  # type: ignore[misc]  # Huey has no types
    """Messages as JSON: which task, with which texts.

    Huey's own are pickles, by which whoever may write to the queue could have any code run.
    """

    def _serialize(self, data: Message) -> bytes:
        texts = [*data.args]
        if data.kwargs or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"task {data.name}: found arguments {data.args}, {data.kwargs}, expected texts")
        plain = {"id": data.id, "name": data.name, "priority": data.priority, "args": texts}
        return json.dumps(plain).encode()

    def _deserialize(self, data: bytes) -> Message:
        plain = json.loads(bytes(data))
        texts = plain["args"]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"found arguments {texts!r:.100}, expected texts")
        return Message(id=str(plain["id"]), name=plain["name"], priority=plain["priority"], args=tuple(texts))


class _Queue(Huey):  # type: ignore[misc]  # Huey has no types
    """Huey without pickles and without results; the ledger has them."""

    def __init__(self, **storage: object) -> None:
        super().__init__("candleloop", results=False, serializer=_PlainMessages(), **storage)

    def dequeue(self) -> object:
        try:
            return super().dequeue()
        except (HueyException, ValueError, LookupError, TypeError) as exc:
            log.warning("a message of the queue was dropped, as it is none of this version: %.200s", exc)
            return None
