"""Long work beside the page: threads of this process, one a key, whose state every session can ask for.

    task = background(("sweep", name, run_id), sweep_series, ws, stored, model, **series)
    swept = result_or_progress(task, "Reading the whole series")
    if swept is not None:
        draw(swept)

Put into the key whatever makes the answer another one (run, file version), so that a newer one starts anew.
"""

import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Generic, TypeVar, cast

import streamlit as st

T = TypeVar("T")

_AT_ONCE = 2
"""So many threads work at a time on long work, and so many on short; the rest wait, so that ten browsers do
not slow down each other's pages."""
_WAITING = {True: "waits for other long work", False: "waits for other work"}
_ENDED_KEPT = 32
_POLLED_EVERY_S = 0.4


class Task(Generic[T]):
    """A piece of work: `progress` from 0 to 1, `stage` in words, at its end `result` or `error`."""

    def __init__(self) -> None:
        self.progress = 0.0
        self.stage = ""
        self.error: Exception | None = None
        self._result: T | None = None
        self._ended = threading.Event()

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._ended.is_set()

    @property
    def result(self) -> T:
        """What came of it; raises its error, or a RuntimeError where it has not ended."""
        if not self.done:
            raise RuntimeError("the task has not ended: ask `done` first, or `wait`")
        if self.error is not None:
            raise self.error
        return cast(T, self._result)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the end, at most so long; whether it has come."""
        return self._ended.wait(timeout_s)

    def report(self, share: float, stage: str = "") -> None:
        """Takes note of how far the work is."""
        self.progress, self.stage = share, stage

    def _run(self, work: Callable[[], T], turn: threading.Semaphore, waiting: str) -> None:
        if not turn.acquire(blocking=False):
            self.stage = waiting
            turn.acquire()
            self.stage = ""
        try:
            self._work(work)
        finally:
            turn.release()

    def _work(self, work: Callable[[], T]) -> None:
        try:
            self._result = work()
            self.progress = 1.0
        except Exception as exc:  # noqa: BLE001 - raised again where the result is asked for
            self.error = exc
        finally:
            self._ended.set()


_tasks: OrderedDict[Hashable, Task[Any]] = OrderedDict()
_lock = threading.Lock()
_turns = {is_long: threading.Semaphore(_AT_ONCE) for is_long in (True, False)}


def background(
    key: Hashable, function: Callable[..., T], *args: Any, long: bool = False, **kwargs: Any
) -> Task[T]:
    """The task of that key, started with these arguments where there is none yet.

    `long` work (sweeps, builds, pushes) has turns of its own, so that a short read never waits for it.
    A function with a parameter `progress` gets the task's `report`. An ended task stays, so that the next
    page finds its result, until `forget` or until many later ones have ended.
    """
    with _lock:
        if key in _tasks:
            _tasks.move_to_end(key)
            return _tasks[key]
        task: Task[T] = Task()
        _tasks[key] = task
        _drop_oldest()
    if "progress" in inspect.signature(function).parameters:
        kwargs.setdefault("progress", task.report)
    work = partial(function, *args, **kwargs)
    taking_turns = (work, _turns[long], _WAITING[long])
    threading.Thread(target=task._run, args=taking_turns, name=f"background {key}", daemon=True).start()
    return task


def forget(key: Hashable) -> None:
    """Lets the next call of `background` with that key start anew; work under way goes on unseen."""
    with _lock:
        _tasks.pop(key, None)


def result_or_progress(task: Task[T], doing: str) -> T | None:
    """The result, or None before its end: then a line says how far it is, and the page is drawn anew then.

    Raises:
        Exception: what the work raised.
    """
    if task.done:
        return task.result
    progress_until_done(task, doing)
    return None


def progress_until_done(task: Task[Any], doing: str) -> None:
    """Shows how far the work is, and draws the page anew once it has ended, be that this moment."""
    st.fragment(_progress_line, run_every=_POLLED_EVERY_S)(task, doing)


def _progress_line(task: Task[Any], doing: str) -> None:
    if task.done:
        st.rerun()
    said = f"{doing}: {task.stage}" if task.stage else f"{doing} …"
    st.progress(min(max(task.progress, 0.0), 1.0), text=said)


def _drop_oldest() -> None:
    ended = [key for key, task in _tasks.items() if task.done]
    for key in ended[: max(len(ended) - _ENDED_KEPT, 0)]:
        del _tasks[key]
