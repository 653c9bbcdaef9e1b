"""How far a piece of work is, told to whoever asked for it."""

from collections.abc import Callable

Progress = Callable[[float, str], None]
"""Told how much of a piece of work is done (0 to 1) and what is being done, in words."""


def quiet(done: float, what: str) -> None:
    """The progress of work that nobody watches."""


def part(progress: Progress, start: float, end: float, *, before: str = "") -> Progress:
    """The progress of a part of the work, from `start` to `end` of the whole; its words follow `before`.

    >>> part(lambda done, what: print(done, what), 0.5, 1.0, before="fold 2: ")(0.5, "growing trees")
    0.75 fold 2: growing trees
    """
    return lambda done, what: progress(start + (end - start) * done, before + what)
