"""A number that tells whether anything that was said, or how labels are called, has changed."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.store import tables

Revision = tuple[int, ...]


def revision_of(session: Session) -> Revision:
    """Another value after each change of annotations, verdicts, reviewed ranges, TA-Lib layers or labels.

    All but the layers only ever grow, so that the last number of a table, or its length, says it all.
    """
    layer = tables.TalibLayer
    counted: list[Any] = [
        select(func.count()).select_from(tables.Annotation),
        *(
            select(func.max(column))
            for column in (
                col(tables.Retraction.id),
                col(tables.ReviewedRange.id),
                col(tables.Verdict.seq),
                col(tables.VerdictRetraction.id),
                col(tables.Settlement.id),
                col(tables.LabelChange.id),
                col(tables.TalibSpan.id),
            )
        ),
        select(func.sum(col(layer.labelled_to_time) % 1_000_000_007 + col(layer.span_count))),
    ]
    found = session.execute(select(*(one.scalar_subquery() for one in counted))).one()
    return tuple(int(n or 0) for n in found)
