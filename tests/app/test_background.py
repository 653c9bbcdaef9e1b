import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.testing.v1 import AppTest

from app import background as module
from app.background import Task, background, forget
from mllib.errors import NotFound


@pytest.fixture(autouse=True)
def _no_tasks_left():
    yield
    module._tasks.clear()


def test_work_runs_once_a_key_and_its_result_stays() -> None:
    calls = []

    def work(n: int) -> int:
        calls.append(n)
        return n * n

    first = background("square", work, 7)
    assert first.wait(5)
    assert background("square", work, 8) is first
    assert (first.result, calls) == (49, [7])
    forget("square")
    again = background("square", work, 8)
    assert again.wait(5)
    assert (again.result, calls) == (64, [7, 8])


def test_two_sessions_that_ask_at_once_share_one_thread() -> None:
    going, calls = threading.Event(), []

    def work() -> None:
        calls.append(1)
        going.wait(5)

    at_once = threading.Barrier(8)

    def session() -> Task:
        at_once.wait(5)
        return background("shared", work)

    with ThreadPoolExecutor(8) as pool:
        tasks = [asked.result(5) for asked in [pool.submit(session) for _ in range(8)]]
    going.set()
    assert tasks[0].wait(5)
    assert ({id(task) for task in tasks}, calls) == ({id(tasks[0])}, [1])


def test_progress_is_told_while_it_works() -> None:
    told, go_on = threading.Event(), threading.Event()

    def work(*, progress) -> str:
        progress(0.25, "features")
        told.set()
        go_on.wait(5)
        return "done"

    task = background("told", work)
    assert told.wait(5)
    assert (task.progress, task.stage, task.done) == (0.25, "features", False)
    with pytest.raises(RuntimeError, match="has not ended"):
        _ = task.result
    go_on.set()
    assert task.wait(5)
    assert (task.progress, task.result) == (1.0, "done")


def test_an_error_is_raised_where_the_result_is_asked_for() -> None:
    def fails() -> None:
        raise NotFound("EURUSD 1h: found no candles, expected some. Import them.")

    task = background("fails", fails)
    assert task.wait(5)
    with pytest.raises(NotFound, match="Import them"):
        _ = task.result


def test_only_so_many_work_at_a_time_and_only_so_many_results_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(module, "_ENDED_KEPT", 3)
    free, running, most = threading.Event(), [], []

    def work(n: int) -> int:
        running.append(n)
        most.append(len(running))
        free.wait(0.05)
        running.remove(n)
        return n

    tasks = [background(n, work, n) for n in range(6)]
    assert all(task.wait(5) for task in tasks)
    assert max(most) <= module._AT_ONCE
    assert background("last", lambda: 0).wait(5)
    assert len(module._tasks) == 4


def test_short_work_goes_past_long_work_that_says_what_it_waits_for() -> None:
    go_on = threading.Event()
    under_way = [background(("long", n), go_on.wait, 5, long=True) for n in range(module._AT_ONCE)]
    waiting = background("one more", lambda *, progress: progress(0.5, "at work"), long=True)
    assert background("short", lambda: 7).wait(5)
    assert not waiting.done
    end = time.monotonic() + 5
    while waiting.stage != "waits for other long work" and time.monotonic() < end:
        time.sleep(0.01)
    assert waiting.stage == "waits for other long work"
    go_on.set()
    assert all(task.wait(5) for task in (*under_way, waiting))
    assert waiting.stage == "at work"


def _page() -> None:
    import time

    import streamlit as st

    from app.background import background, result_or_progress

    def work(*, progress) -> str:
        progress(0.5, "half of it")
        time.sleep(0.4)
        return "the answer"

    answer = result_or_progress(background("page", work), "Looking")
    if answer is not None:
        st.write(answer)


def test_a_page_says_how_far_it_is_and_then_has_the_result() -> None:
    app = AppTest.from_function(_page, default_timeout=10).run()
    assert not app.exception
    assert not app.markdown
    background("page", int).wait(5)
    assert [said.value for said in app.run().markdown] == ["the answer"]
