"""What people have said since a training read the database, without a look at any clock."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Select, func, select, tuple_
from sqlmodel import col

from mllib.store import tables
from mllib.store.database import Database
from mllib.store.standing import stands

SeriesKey = tuple[str, str]
"""A pair and a timeframe."""


class FreshnessRepository:
    """How far verdicts and labels have come; rows are counted, as the time of day may be set back."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last_verdict(self) -> int:
        """The number of the newest verdict, 0 before the first one."""
        with self._database.read() as session:
            return session.scalar(select(func.max(col(tables.Verdict.seq)))) or 0

    def verdicts_after(self, series: Sequence[SeriesKey], number: int) -> int:
        """How many verdicts of some series are newer than that of a number, teach something and stand."""
        table = tables.Verdict
        query = select(func.count()).where(
            col(table.series_id).in_(_ids(series)),
            col(table.seq) > number,
            stands(with_skips=False, with_settled=False),
        )
        with self._database.read() as session:
            return session.scalar(query) or 0

    def verdicts_since(self, series: Sequence[SeriesKey], at: int) -> int:
        """The same by time (Unix s), for runs that did not note the number."""
        table = tables.Verdict
        query = select(func.min(col(table.seq))).where(col(table.created_at) >= at)
        with self._database.read() as session:
            first = session.scalar(query)
        return 0 if first is None else self.verdicts_after(series, first - 1)

    def labels(self, series: Sequence[SeriesKey]) -> str:
        """A token that changes whenever people's labels or reviewed ranges of some series do."""
        ids = _ids(series)
        annotation, reviewed = tables.Annotation, tables.ReviewedRange
        own = select(col(annotation.id)).where(col(annotation.series_id).in_(ids))
        taken_back, looked = tables.VerdictRetraction, tables.Verdict
        nothing = select(col(looked.id)).where(
            col(looked.series_id).in_(ids), col(looked.action) == "nothing"
        )
        counted = [
            select(func.count(), func.max(col(annotation.created_at))).where(
                col(annotation.series_id).in_(ids)
            ),
            select(func.count(), func.max(col(tables.Retraction.id))).where(
                col(tables.Retraction.annotation_id).in_(own)
            ),
            select(func.count(), func.max(col(reviewed.id))).where(col(reviewed.series_id).in_(ids)),
            select(func.count(), func.max(col(taken_back.id))).where(col(taken_back.verdict_id).in_(nothing)),
            select(func.count(), func.max(col(tables.LabelChange.id))),
        ]
        with self._database.read() as session:
            seen = [tuple(session.execute(query).one()) for query in counted]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def _ids(series: Sequence[SeriesKey]) -> Select[int | None]:
    table = tables.Series
    return select(col(table.id)).where(tuple_(col(table.pair), col(table.timeframe)).in_(sorted(series)))
