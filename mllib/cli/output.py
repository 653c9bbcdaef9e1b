"""What commands print: tables and progress for people, JSON for scripts."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from mllib.progress import Progress

_WIDE = 200
_TELLS_LEFT_AFTER_S = 2.0
"""What takes less is soon over; its first moments say nothing about the rest."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else there.")]
Pair = Annotated[str, typer.Option("--pair", help="Symbol, such as EURUSD or BTC/USDT.")]
Timeframe = Annotated[str, typer.Option("--timeframe", help="1m 5m 15m 30m 1h 4h 1d 1w or 1mo.")]
Limit = Annotated[int, typer.Option(min=1, help="So many are listed, the newest first.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="Override of a configuration key, such as stages.training.seed=1."),
]


def names_in(text: str) -> list[str]:
    """The names in a text, where commas separate them.

    >>> names_in("human, talib,"), names_in("")
    (['human', 'talib'], [])
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value))


def say(text: str) -> None:
    """A line for people on standard error, where it disturbs no script."""
    print(text, file=sys.stderr)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    # A pipe has no width of its own; cells are never cut short there.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def duration(seconds: float) -> str:
    """A time span in words.

    >>> duration(8.4), duration(125), duration(7_260)
    ('8 s', '2 min 5 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60} s"
        if whole < 3_600
        else f"{whole // 3_600} h {whole % 3_600 // 60} min"
    )


@contextmanager
def progress_bar(what: str) -> "Iterator[Progress]":
    """A progress bar on standard error; without a terminal a line for each tenth."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done, stage: bar.update(task, completed=done, description=f"{what}: {stage}")


def _lines(what: str) -> "Progress":
    said, begun = -1, time.monotonic()

    def line(done: float, stage: str) -> None:
        nonlocal said
        if int(done * 10) > said:
            said = int(done * 10)
            took = time.monotonic() - begun
            is_told = done and took >= _TELLS_LEFT_AFTER_S
            left = f", about {duration(took * (1 - done) / done)} left" if is_told else ""
            say(f"{what}: {done:4.0%} {stage}{left}")

    return line
