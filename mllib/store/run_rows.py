"""A training run as others see it, and the sentences about it."""

from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import Conflict, NotFound
from mllib.store import tables
from mllib.store.database import now_s

Status = Literal["queued", "running", "failed", "cancelled", "rejected", "ready"]
Asker = Literal["person", "schedule", "verdicts"]
_INTERRUPTED = "stopped while training"
_TRIES = 2
"""So often a run is begun where its worker went away in the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row of the ledger. Times are Unix seconds UTC; `owner` is `host/start:pid` of the worker.

    `error` holds the reason of a failed, rejected or cancelled run. `model_version` is that of a ready one,
    or of a rejected one that was promoted all the same; `stage` is empty once a run has ended.
    """

    run_id: str
    model_type: str
    encoder: str
    registered_model_name: str
    status: Status
    request: dict[str, Any]
    progress: float
    stage: str
    error: str | None
    metrics: dict[str, Any] | None
    data_version: str | None
    mlflow_run_id: str | None
    model_version: int | None
    predictor_path: str | None
    owner: str | None
    attempt: int
    created_at: int
    started_at: int | None
    heartbeat_at: float | None
    completed_at: int | None

    @property
    def asked_by(self) -> Asker:
        """Who asked for it; before runs noted that, only people could."""
        asker: Asker = self.request.get("asked_by", "person")
        return asker

    @property
    def asked_why(self) -> str | None:
        """Why it was asked for, in words, where nobody pressed a button."""
        why: str | None = self.request.get("asked_why")
        return why

    @property
    def taken_up(self) -> str | None:
        """What became of the worker that had the run before, where it was taken up again."""
        why: str | None = self.request.get("taken_up")
        return why

    @property
    def interrupted(self) -> bool:
        """Whether its worker went away, so that the same training might well succeed."""
        return self.status == "failed" and _INTERRUPTED in (self.error or "")


def from_row(row: tables.TrainingRun) -> Run:
    """The run of a row."""
    return Run(**{field.name: getattr(row, field.name) for field in fields(Run)})


def find_run(session: Session, run_id: str) -> Run:
    """The run of that id; raises `NotFound` for an unknown one."""
    query = select(tables.TrainingRun).where(col(tables.TrainingRun.run_id) == run_id)
    row = session.scalar(query, execution_options={"populate_existing": True})
    if row is None:
        raise NotFound(
            f"No training run {run_id}: found none of that id in the ledger, expected one that was "
            "started here. List the runs to see their ids."
        )
    return from_row(row)


def already_active(run: Run) -> Conflict:
    """Why no other run can start now."""
    return Conflict(
        f"Training cannot start: found run {run.run_id} {run.status}, expected none under way. "
        "Wait for it to end or cancel it.",
        active_id=run.run_id,
    )


def settled(run: Run, wanted: Status) -> Conflict:
    """Why a run cannot get the state that was wanted."""
    return Conflict(
        f"Training run {run.run_id} cannot become {wanted}: found it {run.status}, expected it under way. "
        "Start a new run."
    )


def taken_over(run: Run, owner: str) -> Conflict:
    """Why a worker that was taken for lost has no say in a run any more."""
    return Conflict(
        f"Training run {run.run_id}: found it taken from {owner}, which was silent for too long, and "
        f"{f'taken up by {run.owner}' if run.owner else 'queued again'}. Nothing is to be done here."
    )


def stopped(run: Run, alive: bool, silence_s: float, *, host: str = "") -> str:
    """What became of a run whose worker is gone (or `alive` but silent), for a person to read."""
    pid = (run.owner or "").rpartition(":")[2] or "unknown"
    why = f"it gave no sign of life for {silence_s:.0f} s" if alive else "its process is gone"
    seen = f"last seen at {run.progress:.0%}" + (f" ({run.stage})" if run.stage else "")
    return f"the worker (pid {pid}{host and f' on {host}'}) {_INTERRUPTED}: {why}, {seen}."


def told_to_stop() -> str:
    """What became of a run whose worker was told to stop in the middle."""
    return f"The worker was {_INTERRUPTED}."


def lost(run: Run, why: str, *, again: bool) -> dict[str, Any]:
    """The new values of a run that lost its worker: with `again` it is queued once more, else it failed."""
    if again and run.attempt < _TRIES:
        anew = {"owner": None, "started_at": None, "heartbeat_at": None, "progress": 0.0}
        said = {"request": {**run.request, "taken_up": why}, "stage": f"to be taken up again: {why}"}
        return {"status": "queued", **anew, **said}
    before = f" That was the second try; of the first: {run.taken_up}" if run.taken_up else ""
    error = f"{why}{before} Start the training again."
    return {"status": "failed", "completed_at": now_s(), "error": error, "stage": ""}
