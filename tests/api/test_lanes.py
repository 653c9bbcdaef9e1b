import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from typing import cast

import pytest
from fastapi import Request
from starlette.requests import ClientDisconnect

from api.lanes import Lane
from api.problems import RETRY_AFTER_S, Problem

SOON_S = 5.0


class Client:
    """As much of a request as a lane asks for."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone = gone

    async def is_disconnected(self) -> bool:
        return self.gone


STAYS = cast(Request, Client())
GONE = cast(Request, Client(gone=True))


@pytest.fixture
def hold() -> Iterator[threading.Event]:
    """Lets what holds a lane go on."""
    event = threading.Event()
    yield event
    event.set()


def played(scene: Callable[[Lane], Awaitable[None]], *, queued: int = 2) -> None:
    async def play() -> None:
        lane = Lane("test", queued=queued)
        try:
            await scene(lane)
        finally:
            await asyncio.to_thread(lane.close)

    asyncio.run(play())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():
            await asyncio.sleep(0.002)


def test_work_is_done_one_after_another_in_its_order() -> None:
    done: list[int] = []

    async def scene(lane: Lane) -> None:
        def work(i: int) -> str:
            done.append(i)
            return threading.current_thread().name

        threads = await asyncio.gather(
            *(lane.run(lambda i=i: work(i), STAYS, within_s=SOON_S) for i in range(5))
        )
        assert len(set(threads)) == 1
        assert threading.current_thread().name not in threads

    played(scene, queued=5)
    assert done == [0, 1, 2, 3, 4]


def test_what_a_work_raises_comes_back_and_the_lane_goes_on() -> None:
    async def scene(lane: Lane) -> None:
        with pytest.raises(KeyError, match="lost"):
            await lane.run(lambda: {}["lost"], STAYS, within_s=SOON_S)
        assert await lane.run(lambda: 5, STAYS, within_s=SOON_S) == 5

    played(scene)


def test_too_many_waiting_are_turned_away_and_none_of_those_who_wait(hold: threading.Event) -> None:
    async def scene(lane: Lane) -> None:
        first = asyncio.create_task(lane.run(lambda: hold.wait(SOON_S), STAYS, within_s=SOON_S))
        await until(lane._turn.locked)
        waiting = [asyncio.create_task(lane.run(lambda: True, STAYS, within_s=SOON_S)) for _ in range(2)]
        await until(lambda: lane.waiting == 2)
        with pytest.raises(Problem, match="found 2 predictions waiting") as refused:
            await lane.run(lambda: True, STAYS, within_s=SOON_S)
        assert (refused.value.status, refused.value.retry_after_s) == (
            HTTPStatus.TOO_MANY_REQUESTS,
            RETRY_AFTER_S,
        )
        admitted = asyncio.create_task(lane.run(lambda: True, STAYS, within_s=SOON_S, admitted=True))
        hold.set()
        assert all(await asyncio.gather(first, *waiting, admitted))
        assert lane.waiting == 0

    played(scene)


def test_who_waits_too_long_is_told_so(hold: threading.Event) -> None:
    async def scene(lane: Lane) -> None:
        first = asyncio.create_task(lane.run(lambda: hold.wait(SOON_S), STAYS, within_s=SOON_S))
        await until(lane._turn.locked)
        with pytest.raises(Problem, match="found no answer within the time") as late:
            await lane.run(lambda: True, STAYS, within_s=0.01)
        assert late.value.status == HTTPStatus.SERVICE_UNAVAILABLE
        hold.set()
        assert await first

    played(scene)


def test_work_that_takes_too_long_keeps_its_lane_until_it_ends(hold: threading.Event) -> None:
    order: list[str] = []

    async def scene(lane: Lane) -> None:
        def slow() -> None:
            hold.wait(SOON_S)
            order.append("slow")

        with pytest.raises(Problem, match="found no answer within the time"):
            await lane.run(slow, STAYS, within_s=0.01)
        following = asyncio.create_task(lane.run(lambda: order.append("next"), STAYS, within_s=SOON_S))
        await until(lambda: lane.waiting == 1)
        hold.set()
        await following

    played(scene)
    assert order == ["slow", "next"]


def test_nothing_is_computed_for_a_client_that_has_gone() -> None:
    done: list[str] = []

    async def scene(lane: Lane) -> None:
        with pytest.raises(ClientDisconnect):
            await lane.run(lambda: done.append("gone"), GONE, within_s=SOON_S)
        await lane.run(lambda: done.append("stays"), STAYS, within_s=SOON_S)

    played(scene)
    assert done == ["stays"]


def test_a_wait_that_is_cancelled_leaves_the_lane_free(hold: threading.Event) -> None:
    async def scene(lane: Lane) -> None:
        first = asyncio.create_task(lane.run(lambda: hold.wait(SOON_S), STAYS, within_s=SOON_S))
        await until(lane._turn.locked)
        second = asyncio.create_task(lane.run(lambda: True, STAYS, within_s=SOON_S))
        await until(lambda: lane.waiting == 1)
        second.cancel()
        await asyncio.wait([second])
        hold.set()
        assert await first
        assert await lane.run(lambda: 5, STAYS, within_s=SOON_S) == 5

    played(scene)
