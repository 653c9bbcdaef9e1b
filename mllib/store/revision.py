"""Numbers that tell whether anything that was said, or how labels are called, has changed."""

from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.store import tables


class Revision(NamedTuple):
    """How far the tables have come: what people `said` and where they looked, the `verdicts`, skips included,
    and `derived`, which is TA-Lib's layers and the names of labels.
    """

    said: tuple[int, ...]
    verdicts: tuple[int, ...]
    derived: tuple[int, ...]


def revision_of(session: Session) -> Revision:
    """Another value after each change of annotations, verdicts, reviewed ranges, TA-Lib layers or labels.

    All but the layers only ever grow, so that the last number of a table, or its length, says it all: writers
    come one after the other (`Database.write`), so no lower number is committed after a higher one.
    """
    layer = tables.TalibLayer
    nothing = select(col(tables.Verdict.id)).where(col(tables.Verdict.action) == "nothing")
    parts: tuple[tuple[Any, ...], ...] = (
        (
            select(func.count()).select_from(tables.Annotation),
            select(func.max(col(tables.Retraction.id))),
            select(func.max(col(tables.ReviewedRange.id))),
            select(func.max(col(tables.Settlement.id))),
            select(func.max(col(tables.VerdictRetraction.id))).where(
                col(tables.VerdictRetraction.verdict_id).in_(nothing)
            ),
        ),
        (
            select(func.max(col(tables.Verdict.seq))),
            select(func.max(col(tables.VerdictRetraction.id))),
        ),
        (
            select(func.max(col(tables.LabelChange.id))),
            select(func.max(col(tables.TalibSpan.id))),
            select(func.sum(col(layer.labelled_to_time) % 1_000_000_007 + col(layer.span_count))),
        ),
    )
    row = session.execute(select(*(one.scalar_subquery() for part in parts for one in part))).one()
    numbers = iter([int(n or 0) for n in row])
    said, verdicts, derived = (tuple(next(numbers) for _ in part) for part in parts)
    return Revision(said, verdicts, derived)
