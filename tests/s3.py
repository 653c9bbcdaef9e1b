"""An S3 of one's own: moto's server in a process that can be stopped and started; it forgets all then."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.processes import free_port, wait_until

BUCKET = "candleloop"


@dataclass
class S3Server:
    """A server on a port that stays the same, with one bucket."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def empty_url(self) -> str:
        """A folder of the bucket that nobody has used."""
        return f"s3://{BUCKET}/{uuid4().hex}"

    @property
    def environment(self) -> dict[str, str]:
        """What any client of S3 finds it by."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "s3cret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def start(self) -> None:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=quiet, stderr=quiet, cwd=Path(__file__).parent)
        wait_until(lambda: httpx.get(self.endpoint).status_code, within_s=30, what="moto answers")
        httpx.put(f"{self.endpoint}/{BUCKET}").raise_for_status()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server that runs while the block lasts."""
    server = S3Server()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """A server that this process finds through its environment."""
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server
