"""The ledger of training runs: one active at a time, terminal states for good."""

import time
from builtins import list as list_  # `list` is a method's name here
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Literal, NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import CandleloopError, Conflict
from mllib.store import tables
from mllib.store.database import Database, now_s
from mllib.store.run_rows import (
    Run,
    Status,
    already_active,
    find_run,
    from_row,
    lost,
    settled,
    stopped,
    taken_over,
    told_to_stop,
)

_TABLE = tables.TrainingRun

Fate = Literal["alive", "gone", "unknown"]
"""What is known of a run's owner: it lives, it does not, or it is on another machine."""
SILENT_FOR_S: Mapping[Fate, float] = {"gone": 0.0, "unknown": 20.0, "alive": 120.0}
"""So long a run may be silent. Where the owner lives, the database may be what is in the way."""


class _Heartbeat(NamedTuple):
    """A sign of life, and when this process first saw it (monotonic s)."""

    beat_at: float | None
    first_seen_s: float


class RunRepository:
    """Training runs, from the request to their end.

    A worker that reports, beats or ends a run names itself as `owner`: one that was taken for lost meanwhile
    has no say in it any more.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, _Heartbeat] = {}

    def enqueue(
        self, *, model_type: str, encoder: str, registered_model_name: str, request: Mapping[str, Any]
    ) -> Run:
        """A new queued run.

        Raises:
            Conflict: another run is queued or running; `active_id` names it.
        """
        run = {
            "run_id": uuid4().hex[:12],
            "model_type": model_type,
            "encoder": encoder,
            "registered_model_name": registered_model_name,
            "request": dict(request),
            "status": "queued",
            "created_at": now_s(),
        }
        try:
            with self._database.write() as session:
                session.execute(insert(_TABLE), [run])
                return find_run(session, str(run["run_id"]))
        except IntegrityError as exc:
            active = self.active()
            if active is None:  # it ended between our try and our look
                raise Conflict("A training run was active a moment ago. Ask again.") from exc
            raise already_active(active) from exc

    def claim(self, run_id: str, *, owner: str) -> Run | None:
        """The run, now running for `owner` (`host/start:pid`), or None where someone else was faster."""
        values = {
            "status": "running",
            "owner": owner,
            "attempt": col(_TABLE.attempt) + 1,
            "stage": "",
            "started_at": now_s(),
            "heartbeat_at": time.time(),
        }
        with self._database.write() as session:
            claimed = _update(session, run_id, {"queued"}, values)
            return find_run(session, run_id) if claimed else None

    def report(self, run_id: str, *, progress: float, stage: str, owner: str | None = None) -> bool:
        """Note how far a run is (0 to 1) and beat its heart; False when it is no longer running."""
        return self._beat(run_id, {"progress": min(max(progress, 0.0), 1.0), "stage": stage}, owner)

    def beat(self, run_id: str, *, owner: str | None = None) -> bool:
        """Beat a run's heart; False when it is no longer running, such as when it was cancelled."""
        return self._beat(run_id, {}, owner)

    def finish_ready(
        self,
        run_id: str,
        *,
        metrics: Mapping[str, Any],
        data_version: str | None,
        mlflow_run_id: str | None,
        predictor_path: str,
        promoted: bool = False,
        owner: str | None = None,
    ) -> Run:
        """The run, ready, with the next version of its registered model name.

        With `promoted` it is the champion of that name from the same moment on.

        Raises:
            NotFound: no run has that id.
            Conflict: the run is not running any more, such as when it was cancelled, or is another owner's.
        """
        values = {
            "metrics": dict(metrics),
            "data_version": data_version,
            "mlflow_run_id": mlflow_run_id,
            "predictor_path": predictor_path,
            "progress": 1.0,
        }
        with self._database.write() as session:
            name = find_run(session, run_id).registered_model_name
            values["model_version"] = _next_version(session, name)
            run = _end(session, run_id, {"running"}, "ready", values, owner=owner)
            if promoted:
                move = {"registered_model_name": name, "run_id": run_id, "moved_by": "auto"}
                session.execute(insert(tables.ChampionMove), [{**move, "moved_at": now_s()}])
            return run

    def reject(
        self,
        run_id: str,
        *,
        reason: str,
        metrics: Mapping[str, Any] | None = None,
        data_version: str | None = None,
        mlflow_run_id: str | None = None,
        predictor_path: str | None = None,
        owner: str | None = None,
    ) -> Run:
        """The run, trained but not good enough; raises as `finish_ready` does."""
        values = {
            "error": reason,
            "metrics": None if metrics is None else dict(metrics),
            "data_version": data_version,
            "mlflow_run_id": mlflow_run_id,
            "predictor_path": predictor_path,
            "progress": 1.0,
        }
        with self._database.write() as session:
            return _end(session, run_id, {"running"}, "rejected", values, owner=owner)

    def fail(self, run_id: str, error: str, *, owner: str | None = None) -> Run:
        """The run, failed; raises as `finish_ready` does."""
        with self._database.write() as session:
            return _end(session, run_id, {"queued", "running"}, "failed", {"error": error}, owner=owner)

    def leave(self, run_id: str, *, owner: str, again: bool) -> Run:
        """The run of an owner that is told to stop: with `again` queued once more, else failed."""
        with self._database.write() as session:
            values = lost(find_run(session, run_id), told_to_stop(), again=again)
            _update(session, run_id, {"running"}, values, _held_by(owner))
            return find_run(session, run_id)

    def cancel(self, run_id: str, *, reason: str | None = None, owner: str | None = None) -> Run:
        """The run, cancelled; its worker learns of it at its next `beat`. Raises as `finish_ready` does."""
        with self._database.write() as session:
            return _end(session, run_id, {"queued", "running"}, "cancelled", {"error": reason}, owner=owner)

    def number(self, run_id: str) -> Run:
        """The run with a version, the next of its name where a rejected one has none: someone promotes it.

        Raises:
            NotFound: no run has that id.
        """
        with self._database.write() as session:
            run = find_run(session, run_id)
            if run.model_version is None:
                version = _next_version(session, run.registered_model_name)
                _update(session, run_id, {"rejected"}, {"model_version": version})
            return find_run(session, run_id)

    def fail_abandoned(
        self,
        fate: Callable[[str], Fate],
        *,
        again: bool = False,
        silent_for_s: Mapping[Fate, float] = SILENT_FOR_S,
        now: Callable[[], float] = time.monotonic,
    ) -> list_[Run]:
        """Fail the running runs whose owner is gone or silent, and return them.

        With `again` such a run is queued once more instead, and fails only where that had happened before.

        `fate` is asked about the owner, `now` is in seconds of a clock that nobody sets. Silent
        is a run whose heart has not beaten while it was looked at here, for so long as its fate allows: the
        time of day jumps, and would make a healthy run look silent or a dead one alive.
        """
        running, before, lost_ones = self._running(), self._seen, []
        seen = {run.run_id: _since(before.get(run.run_id), run.heartbeat_at, now()) for run in running}
        self._seen = seen
        for run in running:
            owner_is = fate(run.owner or "")
            silence_s = now() - seen[run.run_id].first_seen_s
            if silence_s < silent_for_s[owner_is]:
                continue
            still_silent = col(_TABLE.heartbeat_at) == run.heartbeat_at
            host = (run.owner or "").partition("/")[0] if owner_is == "unknown" else ""
            why = stopped(run, owner_is != "gone", silence_s, host=host)
            with self._database.write() as session:
                if _update(session, run.run_id, {"running"}, lost(run, why, again=again), still_silent):
                    lost_ones.append(find_run(session, run.run_id))
        return lost_ones

    def queued(self) -> list_[Run]:
        """The runs that wait for a worker, oldest first."""
        return self._with_status("queued")

    def get(self, run_id: str) -> Run:
        """The run of that id; raises `NotFound` for an unknown one."""
        with self._database.read() as session:
            return find_run(session, run_id)

    def list(self, limit: int | None = None, *, with_metrics: bool = True) -> list_[Run]:
        """Runs, newest first; without metrics (None then) a run costs no more than its line of the ledger."""
        query = select(_TABLE).order_by(col(_TABLE.seq).desc()).limit(limit)
        if with_metrics:
            with self._database.read() as session:
                return [from_row(row) for row in session.scalars(query)]
        names = [field.name for field in fields(Run) if field.name != "metrics"]
        columns = query.with_only_columns(*(getattr(_TABLE, name) for name in names))
        with self._database.read() as session:
            return [Run(**row, metrics=None) for row in session.execute(columns).mappings()]

    def active(self) -> Run | None:
        """The run that is queued or running, if there is one."""
        return next(iter(self._with_status("queued", "running")), None)

    def _with_status(self, *statuses: Status) -> list_[Run]:
        query = select(_TABLE).where(col(_TABLE.status).in_(statuses)).order_by(col(_TABLE.seq))
        with self._database.read() as session:
            return [from_row(row) for row in session.scalars(query)]

    def _running(self) -> list_[Run]:
        """The runs under way; where the database is away their owners cannot beat, so silence counts anew."""
        try:
            return self._with_status("running")
        except CandleloopError:
            self._seen = {}
            raise

    def _beat(self, run_id: str, values: dict[str, Any], owner: str | None) -> bool:
        values = values | {"heartbeat_at": time.time()}
        with self._database.write() as session:
            return _update(session, run_id, {"running"}, values, _held_by(owner))


def _held_by(owner: str | None) -> ColumnElement[bool]:
    return true() if owner is None else col(_TABLE.owner) == owner


def _since(seen: _Heartbeat | None, beat_at: float | None, now: float) -> _Heartbeat:
    return seen if seen is not None and seen.beat_at == beat_at else _Heartbeat(beat_at, now)


def _update(
    session: Session,
    run_id: str,
    allowed: set[Status],
    values: Mapping[str, Any],
    *conditions: ColumnElement[bool],
) -> bool:
    """Whether the run was in one of the allowed states and changed."""
    changed = session.scalar(
        update(_TABLE)
        .where(col(_TABLE.run_id) == run_id, col(_TABLE.status).in_(sorted(allowed)), *conditions)
        .values(**values)
        .returning(col(_TABLE.seq)),
        execution_options={"synchronize_session": False},
    )
    return changed is not None


def _end(
    session: Session,
    run_id: str,
    allowed: set[Status],
    status: Status,
    values: Mapping[str, Any],
    *,
    owner: str | None,
) -> Run:
    """The run in its terminal state."""
    end = {**values, "status": status, "stage": "", "completed_at": now_s()}
    ended = _update(session, run_id, allowed, end, _held_by(owner))
    run = find_run(session, run_id)
    if not ended:
        raise settled(run, status) if owner is None or run.status not in allowed else taken_over(run, owner)
    return run


def _next_version(session: Session, registered_model_name: str) -> int:
    newest = session.scalar(
        select(func.max(col(_TABLE.model_version))).where(
            col(_TABLE.registered_model_name) == registered_model_name
        )
    )
    return (newest or 0) + 1
