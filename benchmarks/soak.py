"""Hours of use in ten minutes: `python -m benchmarks.soak`, against a server of its own with two workers.

Charts, histories streamed and cut off, patterns, verdicts, annotations, refused bodies and probes at once,
on a temporary home with two models; meanwhile the model is swapped three times and rolled back once, and a
worker is killed. Fails (exit code 1) on any answer that is neither expected nor a documented 429 or 503, on
a verdict that is missing or stored twice, on memory that grows and on probes that wait.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import numpy as np

from benchmarks import servers
from benchmarks.clients import CLIENTS, Client, Soak, Tally
from benchmarks.figures import Report
from benchmarks.homes import config_file, history, make_champion, run_of, temporary_home
from benchmarks.load import Charts, request_bytes
from benchmarks.servers import Server
from mllib.pipeline.workspace import Workspace

ENCODERS = ("bio", "window")
WORKERS = 2
EVENTS_WITHIN = 0.6
"""The part of the time in which models are swapped and the worker is killed; memory is judged after it."""
MOST_HEALTH_MS, MOST_GROWTH, MOST_SWAP_S = 50.0, 1.05, 5.0
_SAMPLE_S = 1.0
_IN_A_ROW = 12
"""So many new connections find the new model before all workers are taken to serve it."""

Samples = list[tuple[float, float]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--quick", action="store_true", help="half a minute, to see that it runs")
    parser.add_argument("--home", type=Path, help="a trained home to copy, instead of training")
    parser.add_argument("--log", type=Path, help="where the server's log goes")
    arguments = parser.parse_args()
    seconds = 30.0 if arguments.quick else arguments.minutes * 60
    tally, report = Tally(), Report()
    with temporary_home(arguments.home, ENCODERS) as ws:
        runs = [run for encoder in ENCODERS if (run := run_of(ws, encoder)) is not None]
        make_champion(ws, runs[0])
        log = arguments.log or ws.home.with_name("soak.log")
        with servers.api(ws.home, config_file(ws, "soak", {}), workers=WORKERS, log=log) as server:
            candles = history(ws)
            soak = Soak(server.port, tally, candles, Charts(candles, 500), time.monotonic() + seconds)
            asyncio.run(run_all(soak, server, [run.run_id for run in runs], report))
        _stored(ws, tally, report)
    _judge(tally, report)
    print(_requests(tally))
    print(report.text())
    print("\n".join(tally.failures[:20]))
    sys.exit(0 if report.holds else 1)


async def run_all(soak: Soak, server: Server, run_ids: list[str], report: Report) -> None:
    """All clients, the events and the memory samples, until the time is over."""
    samples: Samples = []
    async with asyncio.TaskGroup() as group:
        for client in CLIENTS:
            group.create_task(_ended(client, soak))
        group.create_task(_sample(soak, server, samples))
        group.create_task(_events(soak, server, run_ids, report))
    _memory(samples, report)


async def _ended(client: Callable[[Soak], Awaitable[None]], soak: Soak) -> None:
    """A client that ends by an answer of the wrong shape is a failure, and the others go on."""
    try:
        await client(soak)
    except (msgspec.MsgspecError, ValueError, KeyError) as exc:
        soak.tally.fail(client.__name__, f"gave up: {type(exc).__name__} {exc}")


async def _sample(soak: Soak, server: Server, samples: Samples) -> None:
    started = time.monotonic()
    while soak.goes_on:
        samples.append((time.monotonic() - started, server.rss_mb()))
        await asyncio.sleep(_SAMPLE_S)


async def _events(soak: Soak, server: Server, run_ids: list[str], report: Report) -> None:
    """Swap, kill, swap, roll back, swap; evenly spread over their part of the time."""
    first, second = run_ids

    async def kill() -> None:
        soak.tally.killed_at.append(time.monotonic())
        os.kill(server.workers()[0], signal.SIGKILL)

    events: list[tuple[str, Callable[[], Awaitable[None]], str | None]] = [
        ("load", lambda: _move(soak, "/model/load", {"run_id": second}), second),
        ("kill -9 of a worker", kill, None),
        ("load", lambda: _move(soak, "/model/load", {"run_id": first}), first),
        ("roll-back", lambda: _move(soak, "/model/rollback", {"reason": "soak"}), second),
        ("load", lambda: _move(soak, "/model/load", {"run_id": first}), first),
    ]
    started = time.monotonic()
    step_s = (soak.ends_at - started) * EVENTS_WITHIN / len(events)
    for number, (what, event, run_id) in enumerate(events, 1):
        await asyncio.sleep(max(started + number * step_s - time.monotonic(), 0))
        began = time.monotonic()
        await event()
        if run_id is not None:
            await _followed(soak, run_id)
            took_s = time.monotonic() - began
            report.claim(f"{what}: until all workers serve it, s", took_s, most=MOST_SWAP_S)


async def _move(soak: Soak, path: str, body: dict[str, str]) -> None:
    await soak.client().ask(path, request_bytes("POST", path, msgspec.json.encode(body)))


async def _followed(soak: Soak, run_id: str) -> None:
    """Waits until new connections find nothing but that run."""
    client: Client = soak.client()
    in_a_row = 0
    while soak.goes_on and in_a_row < _IN_A_ROW:
        answer = await client.ask("/ready", request_bytes("GET", "/ready"), keep=False)
        right = answer is not None and msgspec.json.decode(answer.body).get("run_id") == run_id
        in_a_row = in_a_row + 1 if right else 0
        await asyncio.sleep(0.02)


def _memory(samples: Samples, report: Report) -> None:
    """The slope after the events, as growth over the whole of a run's length."""
    t, mb = np.array(samples).T
    quiet = t >= t[-1] * EVENTS_WITHIN
    slope = float(np.polyfit(t[quiet], mb[quiet], 1)[0])
    growth = 1 + slope * (t[-1] * (1 - EVENTS_WITHIN)) / float(mb[quiet].mean())
    report.claim("memory after the events, end / start of its line", growth, most=MOST_GROWTH)
    tenths = [float(mb[(len(mb) - 1) * tenth // 10]) for tenth in range(11)]
    report.note(
        f"Memory at every tenth: {' '.join(f'{one:.0f}' for one in tenths)} MB; "
        f"slope after the events {slope * 60:+.2f} MB a minute."
    )


def _stored(ws: Workspace, tally: Tally, report: Report) -> None:
    """Each verdict that was answered is looked up in the database."""
    found = ws.store.verdicts.list()
    ids = {verdict.client_id: verdict.id for verdict in found}
    times = Counter(verdict.client_id for verdict in found)
    missing = [one for one, verdict_id in tally.recorded.items() if ids.get(one) != verdict_id]
    report.claim(f"of {len(tally.recorded):,} verdicts answered 201, missing", len(missing), most=0)
    twice = sum(times[one] > 1 for one in tally.recorded)
    report.claim("verdicts stored twice", twice, most=0)


def _judge(tally: Tally, report: Report) -> None:
    report.claim("failures other than documented 429 and 503", len(tally.failures), most=0)
    health = float(np.quantile(tally.health_ms, 0.99))
    report.claim("/health p99, ms", health, most=MOST_HEALTH_MS)
    report.note(
        f"/health: {len(tally.health_ms):,} probes, median {np.median(tally.health_ms):.1f} ms, "
        f"longest {max(tally.health_ms):.0f} ms."
    )


def _requests(tally: Tally) -> str:
    lines = ["", "| requests | outcome | count |", "|---|---|---:|"]
    lines += [f"| {kind} | {out} | {n:,} |" for (kind, out), n in sorted(tally.outcomes.items())]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
