"""Use case: where the loop stands, and what to do next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mllib.amounts import count
from mllib.patterns import function_of
from mllib.pipeline.model_history import champion_run
from mllib.pipeline.workspace import Workspace
from mllib.spans import NOTHING, PEOPLE
from mllib.store import LabelCount, Run

ENOUGH_VERDICTS = 20
"""So many verdicts that the champion has not seen are worth a training."""

_RUNS_SHOWN = 8
_DISMISSED = "dismissed"

Page = Literal["overview", "train", "models", "review"]


@dataclass(frozen=True, slots=True)
class SeriesState:
    """A stored series (times are Unix s) with the spans that people and TA-Lib laid over it."""

    pair: str
    timeframe: str
    candles: int
    first_time: int
    last_time: int
    people: int
    talib: int


@dataclass(frozen=True, slots=True)
class LabelState:
    """How many spans of a label there are by source; `dismissed` counts predictions refused."""

    label: str
    human: int
    confirmed: int
    corrected: int
    dismissed: int
    talib: int


@dataclass(frozen=True, slots=True)
class NextStep:
    """One sentence on what to do next, and the page where it is done."""

    sentence: str
    page: Page


@dataclass(frozen=True, slots=True)
class LoopState:
    """Where the loop stands."""

    series: list[SeriesState]
    labels: list[LabelState]
    champion: Run | None
    worker_alive: bool
    runs: list[Run]
    unseen_verdicts: int
    next_step: NextStep


def loop_state(ws: Workspace, *, worker_alive: bool) -> LoopState:
    """Candles, labels, champion, runs and the verdicts that the champion has not learned from."""
    people, talib = ws.store.annotations.counts(), ws.store.talib.counts()
    series = _series(ws, people, talib)
    champion = champion_run(ws)
    runs = ws.store.runs.list(limit=_RUNS_SHOWN)
    unseen = _unseen(ws, champion)
    return LoopState(
        series,
        _labels(ws, people, talib),
        champion,
        worker_alive,
        runs,
        unseen,
        next_step(series, champion, runs, unseen_verdicts=unseen, worker_alive=worker_alive),
    )


def next_step(
    series: Sequence[SeriesState],
    champion: Run | None,
    runs: Sequence[Run],
    *,
    unseen_verdicts: int,
    worker_alive: bool,
) -> NextStep:
    """What brings the loop on from here; `runs` are newest first."""
    if not series:
        return NextStep(
            "Import candles: run `candleloop candles import FILE --pair EURUSD --timeframe 1h`.", "overview"
        )
    newest = runs[0] if runs else None
    if newest is not None and newest.status in ("queued", "running"):
        if not worker_alive:
            return NextStep(
                f"Run {newest.run_id} waits for a worker. Start one with `candleloop worker`.", "train"
            )
        return NextStep(f"Run {newest.run_id} is training. Watch it on Train.", "train")
    if champion is None:
        failed = newest is not None and newest.status == "failed"
        why = "The last training failed: read why, and start another." if failed else "Train a first model."
        return NextStep(why, "train")
    return _after_training(champion, unseen_verdicts)


def labels_of_people(ws: Workspace) -> frozenset[str]:
    """The labels in use that people have given anywhere, with their former names.

    One of TA-Lib's counts once somebody drew it: a few that were confirmed would else set thousands of
    TA-Lib's own spans beside the few that are people's. A model that was tested before a label was renamed
    keeps the former name in its metrics.
    """
    counts, names = ws.store.annotations.counts(), ws.store.labels.names()
    given = frozenset(
        c.label
        for c in counts
        if c.source in PEOPLE and (c.source == "human" or function_of(c.label) is None)
    ) - {NOTHING}
    used = frozenset(label for label in given if not names.is_retired(label))
    return used | {former for former in names.leads_to if names.resolve(former) in used}


def span_f1_over(metrics: Mapping[str, Any], labels: Collection[str]) -> float | None:
    """Span F1 at IoU 0.5 over some labels together, or None where the test had none of them.

    >>> flag = {"true": 3, "predicted": 1, "matched": 1}
    >>> span_f1_over({"span_counts": {"flag": flag, "doji": flag}}, {"flag"})
    0.5
    """
    counts = [count for label, count in metrics["span_counts"].items() if label in labels]
    true, predicted, matched = (sum(c[name] for c in counts) for name in ("true", "predicted", "matched"))
    return 2 * matched / (true + predicted) if true else None


def time_left_s(run: Run, *, now: float) -> float | None:
    """Seconds until a running run is done if it goes on as it did, or None before that can be told."""
    if run.started_at is None or run.progress < 0.05:
        return None
    return max(now - run.started_at, 0.0) * (1 - run.progress) / run.progress


def _after_training(champion: Run, unseen_verdicts: int) -> NextStep:
    version = f"v{champion.model_version}"
    if unseen_verdicts >= ENOUGH_VERDICTS:
        return NextStep(
            f"{unseen_verdicts} verdicts are newer than {version}: train again so that they count.", "train"
        )
    if unseen_verdicts:
        missing = ENOUGH_VERDICTS - unseen_verdicts
        return NextStep(
            f"Review {count(missing, 'more prediction')} of {version}, then train again.", "review"
        )
    return NextStep(f"Review what {version} predicts: confirm, correct or dismiss.", "review")


def _series(ws: Workspace, people: Sequence[LabelCount], talib: Sequence[LabelCount]) -> list[SeriesState]:
    def spans(counts: Sequence[LabelCount], pair: str, timeframe: str) -> int:
        return sum(
            c.count for c in counts if (c.pair, c.timeframe) == (pair, timeframe) and c.label != NOTHING
        )

    return [
        SeriesState(
            one.pair,
            one.timeframe,
            one.rows,
            one.first_time,
            one.last_time,
            spans([c for c in people if c.source in PEOPLE], one.pair, one.timeframe),
            spans(talib, one.pair, one.timeframe),
        )
        for one in ws.candles.list()
    ]


def _labels(ws: Workspace, people: Sequence[LabelCount], talib: Sequence[LabelCount]) -> list[LabelState]:
    """Every label in use with spans or dismissals; those of people first, then by number."""
    counted: dict[tuple[str, str], int] = {}
    names = ws.store.labels.names()
    for one in (*people, *talib):
        if one.label != NOTHING:
            key = (one.label, one.source)
            counted[key] = counted.get(key, 0) + one.count
    for verdict in ws.store.verdicts.list():
        if verdict.action == "dismiss":
            key = (verdict.place.label, _DISMISSED)
            counted[key] = counted.get(key, 0) + 1
    sources = ("human", "model_confirmed", "model_corrected", _DISMISSED, "talib")
    states = [
        LabelState(label, *(counted.get((label, source), 0) for source in sources))
        for label in dict.fromkeys(label for label, _ in counted)
        if not names.is_retired(label)
    ]
    return sorted(states, key=lambda s: (-(s.human + s.confirmed + s.corrected), -s.talib, s.label))


def _unseen(ws: Workspace, champion: Run | None) -> int:
    """Verdicts given since the champion's training read its data."""
    read_at = 0 if champion is None else (champion.started_at or champion.created_at)
    return sum(verdict.created_at >= read_at for verdict in ws.store.verdicts.list())
