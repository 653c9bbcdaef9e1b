"""Use case: train anew without being asked, on a schedule or after so many verdicts.

What is due is read from the ledger each time, so a restart forgets nothing. Only the schedule looks at the
time of day, and a clock that was set can make it train once too early, never twice on the same data.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mllib.config import RetrainConfig, parse_config
from mllib.errors import Conflict
from mllib.pipeline.runs import request_training
from mllib.pipeline.workspace import Workspace
from mllib.store import Run

_HOUR_S = 3_600
_TRIES = 2
"""So often a training is begun on the same data where its worker went away in the middle."""
_LOOKED_AT = 50
"""So many of the newest runs are looked at."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Who asks for a training, and why in words."""

    asked_by: Literal["schedule", "verdicts"]
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is decided by: `since_s` counts from the start of the newest training that ended by itself.

    `tried` says how often a training on the present data was begun without a person asking, and ended it
    (`settled`) or lost its worker.
    """

    under_way: bool
    started_at: int
    new_verdicts: int
    tried: int
    settled: bool


@dataclass(frozen=True, slots=True)
class NextTraining:
    """What would bring about the next training; None for a rule that is off. Times are Unix s."""

    at: float | None
    verdicts_missing: int | None


def decide(rule: RetrainConfig, standing: Standing, *, now: float) -> Reason | None:
    """Why a training is due at `now` (Unix s), or None.

    A start that lies in the future is from before the clock was set; its distance counts all the same.
    """
    if standing.under_way or standing.settled or standing.tried >= _TRIES:
        return None
    if rule.after_verdicts is not None and standing.new_verdicts >= rule.after_verdicts:
        return Reason(
            "verdicts",
            f"{standing.new_verdicts} verdicts are newer than the last training, and from "
            f"{rule.after_verdicts} on it is repeated.",
        )
    passed_h = abs(now - standing.started_at) / _HOUR_S
    if rule.every_hours is not None and passed_h >= rule.every_hours:
        return Reason(
            "schedule",
            f"The last training began {passed_h:.0f} hours ago, and it is repeated every "
            f"{rule.every_hours:g} hours where there is something new.",
        )
    return None


def due(ws: Workspace, now: float) -> Reason | None:
    """Why a training like the champion's is due at `now` (Unix s), or None, as where there is no champion."""
    rule, champion = ws.config.stages.training.retrain, _champion(ws)
    if champion is None or (rule.every_hours is None and rule.after_verdicts is None):
        return None
    return decide(rule, standing_of(ws, champion), now=now)


def retrain(ws: Workspace, now: float) -> Run | None:
    """The queued run of a training that is due, with series and settings of the champion's run."""
    champion, reason = _champion(ws), due(ws, now)
    if champion is None or reason is None:
        return None
    config = parse_config(champion.request["config"], where=f"run {champion.run_id}")
    try:
        return request_training(
            ws,
            pairs=champion.request["pairs"],
            timeframe=champion.request["timeframe"],
            config=config,
            asked_by=reason.asked_by,
            asked_why=reason.why,
            asked_on=data_token(ws, champion),
        )
    except Conflict:  # someone else was a moment faster
        return None


def next_training(ws: Workspace) -> NextTraining | None:
    """When the next training comes by itself, or None where both rules are off or there is no champion."""
    rule, champion = ws.config.stages.training.retrain, _champion(ws)
    if champion is None or (rule.every_hours is None and rule.after_verdicts is None):
        return None
    standing = standing_of(ws, champion)
    at = None if rule.every_hours is None else standing.started_at + rule.every_hours * _HOUR_S
    missing = None if rule.after_verdicts is None else max(rule.after_verdicts - standing.new_verdicts, 0)
    return NextTraining(at, missing)


def standing_of(ws: Workspace, champion: Run) -> Standing:
    """Where things stand for a training like the champion's."""
    runs = [
        r
        for r in ws.store.runs.list(_LOOKED_AT, with_metrics=False)
        if r.registered_model_name == champion.registered_model_name
    ]
    last = next((run for run in runs if run.started_at is not None and not run.interrupted), champion)
    token = data_token(ws, champion)
    tries = [run for run in runs if run.request.get("asked_on") == token]
    return Standing(
        under_way=ws.store.runs.active() is not None,
        started_at=last.started_at or last.created_at,
        new_verdicts=_newer_than(ws, last, _series(champion)),
        tried=len(tries),
        settled=any(not run.interrupted for run in tries),
    )


def data_token(ws: Workspace, run: Run) -> str:
    """A token of what a training like `run` would read: stored candles and labels. It costs some look-ups."""
    series = _series(run)
    versions = [ws.candles.version(pair, timeframe) for pair, timeframe in series]
    seen = repr((series, versions, ws.store.freshness.labels(series)))
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def _newer_than(ws: Workspace, run: Run, series: Sequence[tuple[str, str]]) -> int:
    if "last_verdict" in run.request:
        return ws.store.freshness.verdicts_after(series, run.request["last_verdict"])
    return ws.store.freshness.verdicts_since(series, run.started_at or run.created_at)


def _series(run: Run) -> list[tuple[str, str]]:
    return [(pair, run.request["timeframe"]) for pair in run.request["pairs"]]


def _champion(ws: Workspace) -> Run | None:
    move = ws.store.champions.current(ws.config.served_model_name)
    return None if move is None else ws.store.runs.get(move.run_id)


def next_words(coming: NextTraining, *, now: float) -> str:
    """When the next training comes by itself, in words.

    >>> next_words(NextTraining(at=7_200.0, verdicts_missing=12), now=0.0)
    'Trains by itself after 12 more verdicts, or in 2 hours where there is something new.'
    """
    said = []
    if coming.verdicts_missing is not None:
        said.append(f"after {coming.verdicts_missing} more verdicts")
    if coming.at is not None:
        left_h = max(coming.at - now, 0.0) / _HOUR_S
        said.append(f"in {left_h:.0f} hours where there is something new")
    return f"Trains by itself {', or '.join(said)}."
