"""Use case: train anew without being asked, on a schedule or after so many verdicts.

What is due is read from the ledger each time, so a restart forgets nothing. Only the schedule looks at the
time of day, and a clock that was set can make it train once too early, never twice on the same data.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mllib.amounts import count
from mllib.config import RetrainConfig, parse_config
from mllib.errors import Conflict, NotFound
from mllib.pipeline.model_history import champion_run
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
    """What is decided by; `started_at` (Unix s) is when the newest training began that ended by itself.

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
    """What would bring about the next training; None for a rule that is off. Times are Unix s.

    `not_stored` names the champion's series that have no candles: while there is one, nothing is trained.
    """

    at: float | None
    verdicts_missing: int | None
    not_stored: tuple[str, ...] = ()


def decide(rule: RetrainConfig, standing: Standing, *, now: float) -> Reason | None:
    """Why a training is due at `now` (Unix s), or None.

    A start that lies in the future is from before the clock was set; its distance counts all the same.
    """
    if standing.under_way or standing.settled or standing.tried >= _TRIES:
        return None
    if rule.after_verdicts is not None and standing.new_verdicts >= rule.after_verdicts:
        newer = f"{count(standing.new_verdicts, 'verdict')} {'is' if standing.new_verdicts == 1 else 'are'}"
        return Reason(
            "verdicts",
            f"{newer} newer than the last training, and from {rule.after_verdicts} on it is repeated.",
        )
    passed_h = abs(now - standing.started_at) / _HOUR_S
    if rule.every_hours is not None and passed_h >= rule.every_hours:
        return Reason(
            "schedule",
            f"The last training began {_hours(passed_h)} ago, and it is repeated every "
            f"{_hours(rule.every_hours)} where there is something new.",
        )
    return None


def due(ws: Workspace, now: float) -> Reason | None:
    """Why a training like the champion's is due at `now` (Unix s), or None.

    None is due without a champion, nor while candles of its series are not stored.
    """
    champion = _ruled_champion(ws)
    return None if champion is None else _due(ws, champion, now)


def retrain(ws: Workspace, now: float) -> Run | None:
    """The queued run of a training that is due, with series and settings of the champion's run."""
    champion = _ruled_champion(ws)
    reason = None if champion is None else _due(ws, champion, now)
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
    champion = _ruled_champion(ws)
    if champion is None:
        return None
    if not_stored := _not_stored(ws, champion):
        return NextTraining(None, None, not_stored)
    rule, last = ws.config.stages.training.retrain, _last_like(champion, _listed(ws, champion))
    at = None if rule.every_hours is None else _began_at(last) + rule.every_hours * _HOUR_S
    if rule.after_verdicts is None:
        return NextTraining(at, None)
    newer = _newer_than(ws, last, _series(champion))
    return NextTraining(at, max(rule.after_verdicts - newer, 0))


def standing_of(ws: Workspace, champion: Run) -> Standing:
    """Where things stand for a training like the champion's.

    Raises:
        NotFound: candles of its series are not stored.
    """
    token, runs = data_token(ws, champion), _listed(ws, champion)
    last = _last_like(champion, runs)
    tries = [run for run in runs if run.request.get("asked_on") == token]
    return Standing(
        under_way=ws.store.runs.active() is not None,
        started_at=_began_at(last),
        new_verdicts=_newer_than(ws, last, _series(champion)),
        tried=len(tries),
        settled=any(not run.interrupted for run in tries),
    )


def data_token(ws: Workspace, run: Run) -> str:
    """A token of what a training like `run` would read: stored candles and labels. It costs some look-ups.

    Raises:
        NotFound: candles of its series are not stored.
    """
    series = _series(run)
    versions = [ws.candles.version(pair, timeframe) for pair, timeframe in series]
    seen = repr((series, versions, ws.store.freshness.labels(series)))
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def next_words(coming: NextTraining, *, now: float) -> str:
    """When the next training comes by itself, in words.

    >>> next_words(NextTraining(at=7_200.0, verdicts_missing=1), now=0.0)
    'Trains by itself after 1 more verdict, or in 2 hours where there is something new.'
    """
    if coming.not_stored:
        return (
            f"Cannot train by itself: found no candles of {', '.join(coming.not_stored)}, which the champion "
            "learned from. Import them again, or train on series that are stored."
        )
    said = []
    if coming.verdicts_missing == 0:
        said.append("at the worker's next look, unless that was tried on the same data")
    elif coming.verdicts_missing is not None:
        said.append(f"after {count(coming.verdicts_missing, 'more verdict')}")
    if coming.at is not None:
        when = (
            f"in {_hours((coming.at - now) / _HOUR_S)}" if coming.at > now else "at the worker's next look,"
        )
        said.append(f"{when} where there is something new")
    return f"Trains by itself {', or '.join(said)}."


def _hours(hours: float) -> str:
    """A length of time in words, in minutes below an hour.

    >>> _hours(0.25), _hours(1.0), _hours(23.6)
    ('15 minutes', '1 hour', '24 hours')
    """
    return count(round(hours), "hour") if hours >= 1 else count(max(round(hours * 60), 1), "minute")


def _due(ws: Workspace, champion: Run, now: float) -> Reason | None:
    if _not_stored(ws, champion):
        return None
    return decide(ws.config.stages.training.retrain, standing_of(ws, champion), now=now)


def _ruled_champion(ws: Workspace) -> Run | None:
    """The champion's run, or None where both rules are off or there is none."""
    rule = ws.config.stages.training.retrain
    return None if rule.every_hours is None and rule.after_verdicts is None else champion_run(ws)


def _listed(ws: Workspace, champion: Run) -> list[Run]:
    """The newest runs under the champion's name that read all of its series; without metrics."""
    name, series = champion.registered_model_name, set(_series(champion))
    runs = ws.store.runs.list(_LOOKED_AT, with_metrics=False)
    return [run for run in runs if run.registered_model_name == name and series.issubset(_series(run))]


def _last_like(champion: Run, runs: Sequence[Run]) -> Run:
    """The newest of the runs that began and did not lose its worker, else the champion's."""
    return next((run for run in runs if run.started_at is not None and not run.interrupted), champion)


def _began_at(run: Run) -> int:
    return run.started_at or run.created_at


def _newer_than(ws: Workspace, run: Run, series: Sequence[tuple[str, str]]) -> int:
    if "last_verdict" in run.request:
        return ws.store.freshness.verdicts_after(series, run.request["last_verdict"])
    return ws.store.freshness.verdicts_since(series, _began_at(run))


def _series(run: Run) -> list[tuple[str, str]]:
    return [(pair, run.request["timeframe"]) for pair in run.request["pairs"]]


def _not_stored(ws: Workspace, run: Run) -> tuple[str, ...]:
    """The names of the run's series that have no candles."""
    missing = []
    for pair, timeframe in _series(run):
        try:
            ws.candles.version(pair, timeframe)
        except NotFound:
            missing.append(f"{pair} {timeframe}")
    return tuple(missing)
