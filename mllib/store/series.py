"""The series that annotations hang on: one row per pair and timeframe."""

from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import Conflict, NotFound
from mllib.store import tables
from mllib.store.database import Database, upsert
from mllib.store.engines import by_code_point


@dataclass(frozen=True, slots=True)
class Series:
    """One pair and timeframe that the store knows."""

    pair: str
    timeframe: str


class SeriesRepository:
    """Knows, renames and deletes series."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, pair: str, timeframe: str) -> Series:
        """The series, made if it is new."""
        with self._database.write() as session:
            ensure_series(session, pair, timeframe)
        return Series(pair, timeframe)

    def list(self) -> list[Series]:
        """Every series, by pair and timeframe."""
        names = (col(tables.Series.pair), col(tables.Series.timeframe))
        with self._database.read() as session:
            found = session.execute(select(*names).order_by(*map(by_code_point, names))).all()
        return [Series(pair, timeframe) for pair, timeframe in found]

    def rename(self, pair: str, timeframe: str, new_pair: str) -> Series:
        """The series under its new pair; annotations, verdicts and layers follow.

        Raises:
            NotFound: the store does not know the series.
            Conflict: there is already a series of the new name.
        """
        rename = (
            update(tables.Series)
            .where(col(tables.Series.pair) == pair, col(tables.Series.timeframe) == timeframe)
            .values(pair=new_pair)
            .returning(col(tables.Series.id))
        )
        try:
            with self._database.write() as session:
                if session.execute(rename).scalar() is None:
                    raise _unknown(pair, timeframe)
        except IntegrityError as exc:
            raise Conflict(
                f"{pair} {timeframe} cannot be renamed to {new_pair}: found {new_pair} {timeframe} "
                "already stored, expected a free name. Choose another name or delete that series first."
            ) from exc
        return Series(new_pair, timeframe)

    def delete(self, pair: str, timeframe: str) -> None:
        """Remove the series with its annotations, verdicts, reviewed ranges and layers, for good.

        Raises:
            NotFound: the store does not know the series.
        """
        remove = (
            delete(tables.Series)
            .where(col(tables.Series.pair) == pair, col(tables.Series.timeframe) == timeframe)
            .returning(col(tables.Series.id))
        )
        with self._database.write() as session:
            if session.execute(remove).scalar() is None:
                raise _unknown(pair, timeframe)


def find_series(session: Session, pair: str, timeframe: str) -> int | None:
    """The key of a series, or None where nothing was stored for it yet."""
    return session.scalar(
        select(col(tables.Series.id)).where(
            col(tables.Series.pair) == pair, col(tables.Series.timeframe) == timeframe
        )
    )


def ensure_series(session: Session, pair: str, timeframe: str) -> int:
    """The key of a series, made if it is new."""
    found = find_series(session, pair, timeframe)
    if found is None:
        new = upsert(session, tables.Series).values(pair=pair, timeframe=timeframe)
        session.execute(new.on_conflict_do_nothing())
        found = find_series(session, pair, timeframe)
    assert found is not None, "a series that was just stored is there"
    return found


def _unknown(pair: str, timeframe: str) -> NotFound:
    return NotFound(
        f"No series {pair} {timeframe}: found nothing stored under that name, expected one that was "
        "imported or annotated. Check the pair and the timeframe."
    )
