"""What a training run had to say, kept in a file of its own: `<home>/logs/runs/<run_id>.log`."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mllib.errors import NotFound
from mllib.logs import at_work
from mllib.pipeline.workspace import Workspace

_LIBRARY = "mllib"
_KEPT = 300
"""So many logs stay; the oldest ones go."""
_TAIL_BYTES = 64 * 1024


def log_file(ws: Workspace, run_id: str) -> Path:
    """Where the log of a run is, whether or not it has one."""
    return ws.home / "logs" / "runs" / f"{run_id}.log"


def read_log(ws: Workspace, run_id: str) -> str:
    """The whole log of a run; times are UTC. Where it does not say why the run ended, as where its process
    died, a last line does: the ledger's status and reason.

    Raises:
        NotFound: no run has that id, or it has no log: it has not begun, or is too old.
    """
    run = ws.store.runs.get(run_id)
    try:
        text = log_file(ws, run_id).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError as exc:
        raise NotFound(
            f"run {run_id}: found no log, expected one. A run has one once it has begun, and the newest "
            f"{_KEPT} are kept. Look at `candleloop runs`."
        ) from exc
    if not run.error or run.error in text:
        return text
    lines = [*text.splitlines(), f"{run.status}: {run.error}", ""]
    return "\n".join(lines)


def log_tail(ws: Workspace, run_id: str, *, lines: int = 200) -> list[str]:
    """The last lines of a run's log, none before it has begun; at most 64 KiB are read."""
    try:
        with log_file(ws, run_id).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _TAIL_BYTES, 0))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-lines:]


@contextmanager
def kept_log(ws: Workspace, run_id: str) -> Iterator[None]:
    """Writes what the library says, from INFO on, into the run's log as well, while the block lasts."""
    file = log_file(ws, run_id)
    file.parent.mkdir(parents=True, exist_ok=True)
    _forget_the_oldest(file.parent)
    handler = logging.FileHandler(file, encoding="utf-8")
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger = logging.getLogger(_LIBRARY)
    handlers, level = [handler, *_others(logger)], logger.level
    logger.setLevel(min(logger.getEffectiveLevel(), logging.INFO))
    for one in handlers:
        logger.addHandler(one)
    before = at_work.set({**at_work.get(), "run_id": run_id})
    try:
        yield
    finally:
        at_work.reset(before)
        for one in handlers:
            logger.removeHandler(one)
        logger.setLevel(level)
        handler.close()


def _others(logger: logging.Logger) -> list[logging.Handler]:
    """What Python would print warnings with if there were no handler at all."""
    return [] if logger.hasHandlers() or logging.lastResort is None else [logging.lastResort]


def _forget_the_oldest(folder: Path) -> None:
    logs = []
    for file in folder.glob("*.log"):
        with suppress(FileNotFoundError):  # another run that begins now forgets them as well
            logs.append((file.stat().st_mtime, file))
    for _, file in sorted(logs)[: max(len(logs) - _KEPT + 1, 0)]:
        file.unlink(missing_ok=True)
