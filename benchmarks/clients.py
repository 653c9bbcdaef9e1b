"""What the clients of the soak do, each on a connection of its own, and the tally of what they saw."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec

from benchmarks.homes import PAIR, TIMEFRAME
from benchmarks.load import Answer, Charts, Connection, connected, request_bytes
from mllib.candles import Candles

DOCUMENTED = frozenset({429, 503})
"""What any request may be answered when there is too much to do; with `Retry-After`."""
AFTER_KILL_S = 1.0
"""So long after a worker was killed a broken connection is its death, and a proxy would send again."""
_ANSWER_WITHIN_S = 30.0
_AGAIN_AFTER_S = 0.05
_OK = frozenset({200})
_NDJSON = "application/x-ndjson"


@dataclass(slots=True)
class Tally:
    """Requests by kind and outcome; whatever is neither expected nor documented is a failure."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    health_ms: list[float] = field(default_factory=list)
    recorded: dict[str, str] = field(default_factory=dict)
    """The verdict's id of each client id that was answered 201, or 200 after a broken connection."""
    killed_at: list[float] = field(default_factory=list)

    def count(self, kind: str, answer: Answer, expected: Collection[int]) -> None:
        self.outcomes[kind, str(answer.status)] += 1
        if answer.status in DOCUMENTED and "retry-after" in answer.headers:
            return
        if answer.status not in expected:
            self.fail(kind, f"{answer.status} {answer.body[:200].decode(errors='replace')}")

    def fail(self, kind: str, what: str) -> None:
        self.failures.append(f"{time.strftime('%H:%M:%S')} {kind}: {what}")

    def broken(self, kind: str, exc: Exception) -> bool:
        """Whether a broken connection is a killed worker's; any other is a failure."""
        if any(0 <= time.monotonic() - killed < AFTER_KILL_S for killed in self.killed_at):
            self.outcomes[kind, "broken by the kill"] += 1
            return True
        self.outcomes[kind, "connection error"] += 1
        self.fail(kind, f"{type(exc).__name__}: {exc}")
        return False


@dataclass(slots=True)
class Client:
    """One client, which keeps its connection and sends again what a killed worker has lost."""

    port: int
    tally: Tally
    connection: Connection | None = None

    async def ask(
        self, kind: str, request: bytes, expected: Collection[int] = _OK, *, keep: bool = True
    ) -> Answer | None:
        """The answer, counted; None where there was none."""
        while True:
            try:
                async with asyncio.timeout(_ANSWER_WITHIN_S):
                    answer = await (await self._connected()).ask(request)
            except (OSError, asyncio.IncompleteReadError) as exc:
                self.drop()
                if not self.tally.broken(kind, exc):
                    return None
                await asyncio.sleep(_AGAIN_AFTER_S)
                continue
            if not keep:
                self.drop()
            self.tally.count(kind, answer, expected)
            return answer

    async def stream(self, kind: str, request: bytes, *, pieces: int | None) -> None:
        """Reads a stream to its end, or closes the connection after so many pieces."""
        self.drop()
        try:
            async with connected(self.port) as connection:
                answer, chunks = await connection.begin(request)
                self.tally.count(kind, answer, _OK)
                last, read = b"", 0
                async for chunk in chunks:
                    last, read = chunk, read + 1
                    if read == pieces:
                        return
        except (OSError, asyncio.IncompleteReadError) as exc:
            self.tally.broken(kind, exc)
            return
        if answer.status == 200 and b'"end"' not in last[-200:]:
            self.tally.fail(kind, f"the stream broke off: {last[-200:]!r}")

    def drop(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    async def _connected(self) -> Connection:
        if self.connection is None or not self.connection.is_open:
            self.connection = await Connection.to(self.port)
        return self.connection


@dataclass(frozen=True, slots=True)
class Soak:
    """What the clients share."""

    port: int
    tally: Tally
    candles: Candles
    charts: Charts
    ends_at: float
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def client(self) -> Client:
        return Client(self.port, self.tally)

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.ends_at

    async def pause(self, mean_s: float) -> None:
        await asyncio.sleep(self.chance.uniform(0, 2 * mean_s))

    def some_span(self) -> dict[str, int]:
        """The opens of two stored candles, a few bars apart."""
        first = self.chance.randrange(2_000, len(self.candles) - 100)
        last = first + self.chance.randrange(1, 20)
        return {"start_time": int(self.candles.time[first]), "end_time": int(self.candles.time[last])}


async def pan(soak: Soak) -> None:
    """A chart: new places, and places seen before."""
    client, seen = soak.client(), [soak.charts.body(2_000, PAIR)]
    while soak.goes_on:
        if soak.chance.random() < 0.5:
            await client.ask("chart, seen before", _post("/predict", soak.chance.choice(seen)))
        else:
            pair = PAIR if soak.chance.random() < 0.8 else "UNKNOWN"
            seen = [*seen[-20:], soak.charts.body(soak.chance.randrange(2_000, len(soak.charts)), pair)]
            await client.ask("chart", _post("/predict", seen[-1]))
        await soak.pause(0.1)


async def sweep(soak: Soak) -> None:
    """Histories: streamed to the end, cut off in the middle, and in one piece."""
    client = soak.client()
    while soak.goes_on:
        body = msgspec.json.encode({"pair": PAIR, "timeframe": TIMEFRAME})
        request = request_bytes("POST", "/predict/batch", body, _NDJSON)
        await client.stream("batch, cut off", request, pieces=soak.chance.randrange(1, 4))
        await soak.pause(1)
        await client.stream("batch, streamed", request, pieces=None)
        await soak.pause(1)
        few = {"pair": "EURUSD", "timeframe": "1h"}
        await client.ask("batch, in one piece", _post("/predict/batch", msgspec.json.encode(few)))
        await soak.pause(2)


async def detect(soak: Soak) -> None:
    client = soak.client()
    while soak.goes_on:
        rows = soak.charts.rows(soak.chance.randrange(len(soak.charts)))
        await client.ask("patterns", _post("/patterns/detect", b'{"patterns":[],"candles":' + rows + b"}"))
        await soak.pause(0.3)


async def judge(soak: Soak) -> None:
    """Verdicts, each under an id of its own; now and then one is sent again."""
    client, number = soak.client(), 0
    while soak.goes_on:
        number += 1
        request = _post("/feedback", msgspec.json.encode(_verdict(soak, f"soak-{number}")))
        await _record(client, soak.tally, f"soak-{number}", request)
        if number % 5 == 0:
            await _record(client, soak.tally, f"soak-{number}", request)
        await soak.pause(0.1)


async def _record(client: Client, tally: Tally, client_id: str, request: bytes) -> None:
    answer = await client.ask("feedback", request, (200, 201))
    if answer is None or answer.status not in (200, 201):
        return
    verdict_id = msgspec.json.decode(answer.body)["id"]
    if tally.recorded.setdefault(client_id, verdict_id) != verdict_id:
        tally.fail("feedback", f"{client_id}: answered {verdict_id}, before {tally.recorded[client_id]}")


def _verdict(soak: Soak, client_id: str) -> dict[str, Any]:
    action = soak.chance.choice(("confirm", "dismiss", "correct"))
    prediction = soak.some_span() | {"label": "bull_flag", "confidence": 0.8, "model_version": "1"}
    verdict = {"client_id": client_id, "pair": PAIR, "timeframe": TIMEFRAME, "action": action}
    return verdict | {"prediction": prediction} | ({"label": "bear_flag"} if action == "correct" else {})


async def annotate(soak: Soak) -> None:
    """An annotation's life; a service without these endpoints says 404."""
    client = soak.client()
    series = {"pair": PAIR, "timeframe": TIMEFRAME}
    while soak.goes_on:
        body = msgspec.json.encode(series | soak.some_span() | {"label": "bull_flag"})
        made = await client.ask("annotations", _post("/annotations", body), (200, 201, 404))
        if made is not None and made.status in (200, 201):
            path = f"/annotations/{msgspec.json.decode(made.body)['id']}"
            change = msgspec.json.encode({"label": "bear_flag"})
            await client.ask("annotations", request_bytes("PATCH", path, change), (200, 404))
            await client.ask("annotations", request_bytes("DELETE", path), (200, 204, 404))
        path = f"/annotations?pair={PAIR}&timeframe={TIMEFRAME}"
        await client.ask("annotations", request_bytes("GET", path), (200, 404))
        await soak.pause(0.5)


async def err(soak: Soak) -> None:
    """Bodies that have to be refused."""
    client, chart = soak.client(), soak.charts.body(5_000, PAIR)
    wrong = [
        b"{",
        b"{}",
        chart.replace(b'"open":', b'"open":NaN,"x":', 1),
        chart.replace(b'"high":', b'"high":-', 1),
        chart.replace(b'"1h"', b'"2h"', 1),
        chart.replace(b'"1h"', b'"1m"', 1),
        chart[:-2] + b"," + chart.partition(b"[")[2],
    ]
    while soak.goes_on:
        await client.ask("invalid body", _post("/predict", soak.chance.choice(wrong)), (422,))
        await soak.pause(0.5)


async def look(soak: Soak) -> None:
    """What dashboards ask for."""
    client = soak.client()
    while soak.goes_on:
        for path in ("/ready", "/model/info", "/training/runs", "/metrics"):
            await client.ask(path, request_bytes("GET", path))
        await soak.pause(1)


async def probe(soak: Soak) -> None:
    """`/health` every 100 ms, each on a new connection; late answers count from when they were due."""
    client, due = soak.client(), time.monotonic()
    while soak.goes_on:
        await client.ask("/health", request_bytes("GET", "/health"), keep=False)
        soak.tally.health_ms.append((time.monotonic() - due) * 1e3)
        due = max(due + 0.1, time.monotonic())
        await asyncio.sleep(due - time.monotonic())


def _post(path: str, body: bytes) -> bytes:
    return request_bytes("POST", path, body)


CLIENTS: tuple[Callable[[Soak], Awaitable[None]], ...] = (
    *(pan, pan, sweep, detect, judge, annotate, err, look, probe),
)
