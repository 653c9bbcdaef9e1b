"""Signs of life of long-running processes."""

import time
from builtins import list as list_  # `list` is a method's name here
from dataclasses import dataclass

from sqlalchemy import and_, case, delete, select
from sqlmodel import col

from mllib.store import tables
from mllib.store.database import Database, upsert
from mllib.store.engines import by_code_point

_FORGOTTEN_AFTER_S = 24 * 3_600.0


@dataclass(frozen=True, slots=True)
class WorkerHeartbeat:
    """The last sign of life of a worker (Unix s); `started_at` is the first of this process."""

    name: str
    pid: int
    host: str
    started_at: int
    beat_at: float


class WorkerRepository:
    """Who was alive when."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, name: str, pid: int, host: str) -> None:
        """Note that this worker is alive now, and forget those that were not for a day."""
        table, now = tables.WorkerHeartbeat, time.time()
        same = and_(col(table.pid) == pid, col(table.host) == host)
        started_at = case((same, col(table.started_at)), else_=int(now))
        with self._database.write() as session:
            row = upsert(session, table).values(
                name=name, pid=pid, host=host, started_at=int(now), beat_at=now
            )
            changed = {"pid": pid, "host": host, "started_at": started_at, "beat_at": now}
            session.execute(row.on_conflict_do_update(index_elements=["name"], set_=changed))
            session.execute(delete(table).where(col(table.beat_at) < now - _FORGOTTEN_AFTER_S))

    def forget(self, name: str) -> None:
        """Forget a worker that ends."""
        with self._database.write() as session:
            session.execute(delete(tables.WorkerHeartbeat).where(col(tables.WorkerHeartbeat.name) == name))

    def list(self) -> list_[WorkerHeartbeat]:
        """Every worker that was seen in the last day and has not ended in order, by name."""
        table = tables.WorkerHeartbeat
        names = ("name", "pid", "host", "started_at", "beat_at")
        with self._database.read() as session:
            rows = session.execute(
                select(*(col(getattr(table, name)) for name in names)).order_by(
                    by_code_point(col(table.name))
                )
            ).all()
        return [WorkerHeartbeat(*row) for row in rows]
