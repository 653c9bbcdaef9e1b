"""Verdicts from several processes at once, one of them killed: `python -m benchmarks.verdicts`.

Four writers record 10,000 verdicts of all kinds in one database and write down each that was acknowledged.
One of them is killed with SIGKILL at a third and started again; it repeats the last that it knows of. Fails
(exit code 1) if an acknowledged verdict is missing, stored twice or under another id, or if what a verdict
makes is not there with it.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.figures import Report
from mllib.errors import NotReady
from mllib.spans import JudgedPrediction
from mllib.store import Action, Feedback, Store, open_store

VERDICTS, WRITERS = 10_000, 4
_ACTIONS: tuple[Action, ...] = ("confirm", "correct", "dismiss", "add", "skip")
_REPEATED = 5
"""So many acknowledged verdicts a writer that starts again sends once more."""
_KILL_AT = 1 / 3
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One line of a writer's file: the client's id, the verdict's, and how long the client waited."""

    client_id: str
    verdict_id: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """What a crowd of writers left: acknowledgements, what is stored, and what does not fit."""

    acknowledged: list[Acknowledged]
    stored: int
    seconds: float
    problems: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdicts", type=int, default=VERDICTS)
    parser.add_argument("--writers", type=int, default=WRITERS)
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="candleloop-verdicts-") as folder:
        crowd = run_crowd(Path(folder), verdicts=arguments.verdicts, writers=arguments.writers)
    waits = np.array([one.wait_s for one in crowd.acknowledged]) * 1_000
    report = Report()
    report.time("from a verdict to its acknowledgement", waits.tolist())
    report.claim("verdicts that are not stored", arguments.verdicts - crowd.stored, most=0)
    report.claim("missing, doubled or torn", len(crowd.problems), most=0)
    report.claim("verdicts a second, all writers", len(crowd.acknowledged) / crowd.seconds)
    report.claim("longest wait", float(waits.max()) / 1_000, most=5.0, unit="s")
    report.note(
        f"{crowd.stored:,} verdicts from {arguments.writers} processes in {crowd.seconds:.0f} s, one killed."
    )
    for problem in crowd.problems[:10]:
        report.note(problem)
    print(report.text())
    sys.exit(0 if report.holds else 1)


def run_crowd(folder: Path, *, verdicts: int, writers: int) -> Crowd:
    """Writers in processes of their own on the database in `folder`; the first is killed and starts again."""
    open_store(folder).close()
    each = verdicts // writers
    begun = time.monotonic()
    running = [_start(folder, name, each) for name in range(writers)]
    while len(acknowledged_in(folder, 0)) < each * _KILL_AT:
        if running[0].poll() is not None:
            raise RuntimeError(f"the first writer ended by itself with {running[0].returncode}")
        time.sleep(_LOOK_S)
    running[0].kill()
    running[0].wait()
    running[0] = _start(folder, 0, each)
    codes = [writer.wait() for writer in running]
    seconds = time.monotonic() - begun
    acknowledged = [one for name in range(writers) for one in acknowledged_in(folder, name)]
    problems = [f"writer {name} ended with {code}" for name, code in enumerate(codes) if code]
    with open_store(folder, migrate=False) as store:
        stored, found = _examine(store, acknowledged)
    return Crowd(acknowledged, stored, seconds, problems + found)


def _examine(store: Store, acknowledged: Sequence[Acknowledged]) -> tuple[int, list[str]]:
    """How many verdicts are stored, and what is wrong with them."""
    verdicts = store.verdicts.list(with_skips=True)
    times = Counter(one.client_id for one in verdicts)
    ids = {one.client_id: one.id for one in verdicts}
    problems = [f"{name} is stored {count} times" for name, count in times.items() if count != 1]
    problems += [
        f"{one.client_id} was acknowledged as {one.verdict_id}, found {ids.get(one.client_id)}"
        for one in acknowledged
        if ids.get(one.client_id) != one.verdict_id
    ]
    made = {one.annotation_id for one in verdicts if one.annotation_id is not None}
    annotations = {one.id for one in store.annotations.list("CROWD", "1h")}
    problems += [f"annotation {key} is there alone or missing" for key in sorted(made ^ annotations)]
    return len(verdicts), problems


def acknowledged_in(folder: Path, name: int) -> list[Acknowledged]:
    """What a writer wrote down; a line that was cut off was never acknowledged."""
    path = _file(folder, name)
    lines = path.read_text().split("\n")[:-1] if path.is_file() else []
    fields = [line.split() for line in lines]
    return [Acknowledged(client_id, verdict_id, float(wait)) for client_id, verdict_id, wait in fields]


def _file(folder: Path, name: int) -> Path:
    return folder / f"acknowledged-{name}.txt"


def _start(folder: Path, name: int, count: int) -> subprocess.Popen[bytes]:
    command = "import sys; from benchmarks.verdicts import write; write(*sys.argv[1:])"
    return subprocess.Popen([sys.executable, "-c", command, str(folder), str(name), str(count)])


def write(folder: str, name: str, count: str) -> None:
    """Records a writer's verdicts, those again that were acknowledged last, and writes each down durably."""
    path = _file(Path(folder), int(name))
    known = acknowledged_in(Path(folder), int(name))
    done = len({one.client_id for one in known})
    _cut_torn_line(path)
    with open_store(folder, migrate=False) as store, path.open("a") as file:
        for n in range(max(done - _REPEATED, 0), int(count)):
            begun = time.monotonic()
            verdict_id = _record(store, feedback(int(name), n))
            file.write(f"{name}-{n} {verdict_id} {time.monotonic() - begun:.6f}\n")
            file.flush()
            os.fsync(file.fileno())


def _record(store: Store, said: Feedback) -> str:
    """The id of the recorded verdict; a database that is busy for long is asked again, as clients do."""
    while True:
        try:
            return store.verdicts.record(said)[0].id
        except NotReady as exc:
            print(f"{said.client_id} is sent again: {exc}", file=sys.stderr)


def feedback(name: int, n: int) -> Feedback:
    """The verdict `n` of a writer: all kinds in turn, on places that writers share."""
    start, action = 3_600 * n, _ACTIONS[n % len(_ACTIONS)]
    judged = JudgedPrediction(
        label="flag", confidence=0.5, model_version="1", start_time=start, end_time=start + 36_000
    )
    has_own_span = action in ("correct", "add")
    return Feedback(
        client_id=f"{name}-{n}",
        pair="CROWD",
        timeframe="1h",
        action=action,
        prediction=None if action == "add" else judged,
        annotator=f"writer {name}",
        as_of=start + 36_000,
        label="wedge" if has_own_span else None,
        start_time=start if has_own_span else None,
        end_time=start + 18_000 if has_own_span else None,
    )


def _cut_torn_line(path: Path) -> None:
    if path.is_file():
        text = path.read_text()
        os.truncate(path, len(text) - len(text.rpartition("\n")[2]))


if __name__ == "__main__":
    main()
