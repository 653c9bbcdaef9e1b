"""A Redis of one's own: with a password, in memory alone, and it can be killed and started again."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis
from redis.exceptions import ConnectionError as NotThere

from tests.processes import free_port, wait_until

PASSWORD = "s3cret"


@dataclass
class RedisServer:
    """A server on a port that stays the same; nothing that it held survives its end."""

    path: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    @property
    def client(self) -> Redis:
        return Redis.from_url(self.url)

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", PASSWORD]
        nothing_kept = ["--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [self.path, *options, *nothing_kept], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._answers, within_s=20, what="Redis answers")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except NotThere:
            return False


@contextmanager
def redis_server(path: str) -> Iterator[RedisServer]:
    """A server that runs while the block lasts."""
    server = RedisServer(path)
    server.start()
    try:
        yield server
    finally:
        server.kill()
