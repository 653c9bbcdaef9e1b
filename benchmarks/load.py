"""What benchmarks send to a server: bodies of candles, on a blocking connection or lean asynchronous ones."""

import asyncio
import http.client
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import msgspec

from benchmarks.servers import HOST
from mllib.candles import Candles

JSON = {"Content-Type": "application/json"}
_MOST_HEADER_BYTES = 2**16


class Charts:
    """Bodies of `/predict` over windows of a history; each start makes another one."""

    def __init__(self, history: Candles, bars: int) -> None:
        self._rows = [msgspec.json.encode(row) for row in history.to_frame().to_dict("records")]
        self._timeframe, self._bars = history.timeframe, bars

    def __len__(self) -> int:
        return len(self._rows) - self._bars

    def body(self, first: int, pair: str) -> bytes:
        head = f'{{"pair":"{pair}","timeframe":"{self._timeframe}","candles":'.encode()
        return head + self.rows(first) + b"}"

    def rows(self, first: int) -> bytes:
        """The JSON list of the candles alone."""
        return b"[" + b",".join(self._rows[first : first + self._bars]) + b"]"


class Blocking:
    """One kept-alive connection; for figures of one request at a time."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=300)

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
        self._connection.request("POST", path, body, JSON | (headers or {}))
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"POST {path}: {answer.status} {content[:500]!r}")
        return content

    def post_ms(self, path: str, body: bytes) -> float:
        """Milliseconds until the whole answer is there."""
        started = time.perf_counter()
        self.post(path, body)
        return (time.perf_counter() - started) * 1e3

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def request_bytes(method: str, path: str, body: bytes = b"", accept: str = "application/json") -> bytes:
    """A whole HTTP/1.1 request on a connection that stays open."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: {accept}\r\n"
    if body or method != "GET":
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Connection:
    """One kept-alive connection on asyncio streams, which leaves most of a processor to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection(HOST, port, limit=2**20))

    async def ask(self, request: bytes) -> Answer:
        """Sends a request and reads its answer whole.

        Raises:
            OSError, asyncio.IncompleteReadError: the connection broke.
        """
        self.writer.write(request)
        status, headers = await self._head()
        if "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join([chunk async for chunk in self._chunks()])
        else:
            body = b""
        if headers.get("connection") == "close":
            self.close()
        return Answer(status, headers, body)

    async def begin(self, request: bytes) -> tuple[Answer, AsyncIterator[bytes]]:
        """The head of an answer, and the pieces of its chunked body as they come."""
        self.writer.write(request)
        status, headers = await self._head()
        if headers.get("transfer-encoding") == "chunked":
            return Answer(status, headers, b""), self._chunks()
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(status, headers, body), _nothing()

    @property
    def is_open(self) -> bool:
        return not self.writer.is_closing() and not self.reader.at_eof()

    def close(self) -> None:
        self.writer.close()

    async def _head(self) -> tuple[int, dict[str, str]]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    connection = await Connection.to(port)
    try:
        yield connection
    finally:
        connection.close()


@dataclass(slots=True)
class Load:
    """What many requests came to."""

    ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    client_cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.ms) / self.seconds


async def many(port: int, bodies: Iterable[bytes], *, connections: int, seconds: float) -> Load:
    """`POST /predict` as fast as answers come, on so many connections for so long."""
    load, source = Load(), iter(bodies)
    started, cpu = time.perf_counter(), time.process_time()

    async def send() -> None:
        async with connected(port) as connection:
            while time.perf_counter() - started < seconds:
                request = request_bytes("POST", "/predict", next(source))
                asked = time.perf_counter()
                answer = await connection.ask(request)
                load.ms.append((time.perf_counter() - asked) * 1e3)
                if answer.status != 200:
                    load.failures.append(f"{answer.status} {answer.body[:200]!r}")

    await asyncio.gather(*(send() for _ in range(connections)))
    load.seconds, load.client_cpu_s = time.perf_counter() - started, time.process_time() - cpu
    return load
