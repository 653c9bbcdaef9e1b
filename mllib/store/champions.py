"""Champions: which run serves a registered model name, as an append-only list of moves."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, insert, select, update
from sqlmodel import col

from mllib.errors import Conflict
from mllib.store import tables
from mllib.store.database import Database, now_s
from mllib.store.run_rows import find_run

MovedBy = Literal["auto", "load", "promote", "rollback"]


@dataclass(frozen=True, slots=True)
class ChampionMove:
    """A run became the champion of a name; a higher `id` is a later move."""

    id: int
    registered_model_name: str
    run_id: str
    moved_by: MovedBy
    reason: str | None
    moved_at: int


class ChampionRepository:
    """The champion of each registered model name, and how it came to be."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def move(self, name: str, run_id: str, *, moved_by: MovedBy, reason: str | None = None) -> ChampionMove:
        """Make a run the champion of a name.

        Raises:
            NotFound: no run has that id.
            Conflict: the run has left no predictor that could be served.
        """
        values = {"run_id": run_id, "moved_by": moved_by, "reason": reason, "moved_at": now_s()}
        with self._database.write() as session:
            run = find_run(session, run_id)
            if run.predictor_path is None:
                raise Conflict(
                    f"Run {run_id} cannot become the champion of {name}: found it {run.status} without a "
                    "predictor, expected one that finished training. Choose a run that is ready."
                )
            session.execute(insert(tables.ChampionMove), [values | {"registered_model_name": name}])
            return ChampionMove(*session.execute(_moves(name).limit(1)).one())

    def let_go(self, run_id: str) -> bool:
        """Whether the run has no predictor from now on: not where it is the champion, which keeps its own.

        Raises:
            NotFound: no run has that id.
        """
        with self._database.write() as session:
            name = find_run(session, run_id).registered_model_name
            champion = session.execute(_moves(name).limit(1)).first()
            if champion is not None and champion.run_id == run_id:
                return False
            table = tables.TrainingRun
            session.execute(update(table).where(col(table.run_id) == run_id).values(predictor_path=None))
        return True

    def current(self, name: str) -> ChampionMove | None:
        """The newest move of a name, or None; one look-up in an index, cheap enough to poll."""
        with self._database.read() as session:
            found = session.execute(_moves(name).limit(1)).first()
        return None if found is None else ChampionMove(*found)

    def history(self, name: str) -> list[ChampionMove]:
        """Every move of a name, newest first."""
        with self._database.read() as session:
            return [ChampionMove(*row) for row in session.execute(_moves(name))]


def _moves(name: str) -> Select[int, str, str, MovedBy, str | None, int]:
    table = tables.ChampionMove
    columns = ("id", "registered_model_name", "run_id", "moved_by", "reason", "moved_at")
    return (
        select(*(col(getattr(table, column)) for column in columns))
        .where(col(table.registered_model_name) == name)
        .order_by(col(table.id).desc())
    )
