"""Huey's queue on Redis. It may be away or empty at any time: the ledger has every run."""

import logging
import queue
import struct
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from huey.storage import BlackHoleStorage

from mllib.deployment import QUEUE
from mllib.errors import InvalidConfig, NotReady
from mllib.extras import to_install

try:
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry
except ImportError as exc:
    raise NotReady(
        f"{QUEUE}: found no client of Redis, expected one. Run `{to_install('servers')}`."
    ) from exc

_KEY = "candleloop.queue"
_READ_S = 1
_CONNECT_TIMEOUT_S, _ANSWER_TIMEOUT_S = 2, 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_KEPT = 100
_STAMP = struct.Struct(">Q")

log = logging.getLogger(__name__)


class RedisQueue(BlackHoleStorage):  # type: ignore[misc]  # Huey has no types
    """One sorted set: by priority, then by time. Of Huey's storage nothing else is used.

    While Redis does not answer, a worker's own messages go through its memory and it tries again, every 5 s
    at the longest. What others would have sent it finds in the ledger.
    """

    blocking = True

    def __init__(self, name: str, *, url: str) -> None:
        super().__init__(name)
        self.where = _place(url)
        self._kept: queue.Queue[bytes] = queue.Queue(_KEPT)
        self._pause_s = 0.0
        try:
            _check_number(url)
            self._redis = Redis.from_url(
                url,
                socket_connect_timeout=_CONNECT_TIMEOUT_S,
                socket_timeout=_ANSWER_TIMEOUT_S,
                retry=Retry(NoBackoff(), 1),  # a server that was restarted has closed what is open
            )
        except (ValueError, TypeError):  # its text may hold the password
            raise InvalidConfig(
                f"{QUEUE}: found no address that can be used, expected redis://:PASSWORD@HOST:6379/0, with "
                "/, @ and : in the password as %2F, %40 and %3A. Correct it."
            ) from None

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Sends a message, or keeps it for this process while Redis is away, which `dequeue` finds out."""
        if not self._pause_s:
            stamped = _STAMP.pack(time.time_ns()) + data
            try:
                self._redis.zadd(_KEY, {stamped: -(priority or 0)})
                return
            except RedisError as exc:
                self._say_once(exc)
        with suppress(queue.Full):
            self._kept.put_nowait(data)

    def dequeue(self) -> bytes | None:
        """The next message, waited for; None where none came."""
        with suppress(queue.Empty):
            return self._kept.get_nowait()
        try:
            found: Any = self._redis.bzpopmin(_KEY, timeout=_READ_S)
        except RedisError as exc:
            return self._meanwhile(exc)
        if self._pause_s:
            log.info("queue %s: it answers again", self.where)
            self._pause_s = 0.0
        return None if found is None else bytes(found[1])[_STAMP.size :]

    def queue_size(self) -> int:
        """How many messages wait.

        Raises:
            NotReady: Redis does not answer.
        """
        try:
            return int(self._redis.zcard(_KEY))
        except RedisError as exc:
            raise NotReady(
                f"queue {self.where}: found {str(exc).rstrip('.')}, expected an answer. Start Redis, or "
                f"correct {QUEUE}. Workers find runs in the database meanwhile."
            ) from exc

    def close(self) -> None:
        """Closes the connections."""
        self._redis.close()

    def _meanwhile(self, exc: RedisError) -> bytes | None:
        """What this process sends itself while Redis is away; the wait for it is the pause between tries."""
        self._say_once(exc)
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        try:
            return self._kept.get(timeout=self._pause_s)
        except queue.Empty:
            return None

    def _say_once(self, exc: RedisError) -> None:
        if not self._pause_s:
            self._pause_s = _FIRST_PAUSE_S
            said = str(exc).rstrip(".")
            log.warning("queue %s: %s. Workers find runs in the database meanwhile.", self.where, said)


def _check_number(url: str) -> None:
    """Raise ValueError where the database is no number: the client would take the first one."""
    address = urlsplit(url)
    if address.scheme != "unix":
        int(address.path.strip("/") or 0)


def _place(url: str) -> str:
    """The address without user, password and options."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{server}{parts.path}"
