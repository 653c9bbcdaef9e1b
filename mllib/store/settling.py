"""Adjudication: while a verdict stands, what those that it settles have said is out of force."""

from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import Conflict, InvalidAnnotations, NotFound
from mllib.store import tables
from mllib.store.database import now_s
from mllib.store.standing import (
    is_not_retracted,
    is_settled,
    verdict_is_not_retracted,
    verdict_is_settled,
)
from mllib.store.verdict_rows import Verdict


def settle(session: Session, verdict: Verdict, series_id: int) -> None:
    """Take what the verdicts in `verdict.settles` made out of force, later changes of it included.

    Raises:
        NotFound: no verdict has one of the ids.
        InvalidAnnotations: one is of another series, a skip, or was retracted.
        Conflict: another verdict settled one of them already.
    """
    for verdict_id in verdict.settles:
        key = _settled(session, verdict, verdict_id, series_id)
        settled = (
            [{"settled_verdict_id": verdict_id}]
            if key is None
            else [{"annotation_id": one} for one in _with_changes(session, key)]
        )
        own = {"verdict_id": verdict.id, "created_at": now_s()}
        session.execute(insert(tables.Settlement), [own | one for one in settled])


def _settled(session: Session, verdict: Verdict, verdict_id: str, series_id: int) -> str | None:
    """The annotation of a verdict that can be settled, None where it says that nothing is there."""
    table = tables.Verdict
    query = select(
        table,
        is_not_retracted(col(table.annotation_id)) & verdict_is_not_retracted(col(table.id)),
        is_settled(col(table.annotation_id)) | verdict_is_settled(col(table.id)),
    ).where(col(table.id) == verdict_id)
    found = session.execute(query).first()
    where = f"{verdict.pair} {verdict.timeframe}: feedback {verdict.client_id} settles {verdict_id}"
    if found is None:
        raise NotFound(
            f"{where}: found no verdict of that id, expected one that was recorded. "
            "Take the ids from the list of differences."
        )
    row, counts, is_settled_already = found
    if is_settled_already:
        raise Conflict(
            f"{where}: found it settled by another verdict, expected one that is open. "
            "Look at the differences again, or retract the verdict that settled it."
        )
    if row.series_id != series_id or row.action == "skip" or not counts:
        other = "one of another series" if row.series_id != series_id else "one that says nothing any more"
        raise InvalidAnnotations(
            f"{where}: found {other}, expected a verdict of the series that stands. "
            "Take the ids from the list of differences."
        )
    return row.annotation_id


def _with_changes(session: Session, key: str) -> list[str]:
    """The annotation of that key and all that came in its place."""
    table, keys = tables.Annotation, [key]
    while later := session.scalar(select(col(table.id)).where(col(table.supersedes) == keys[-1])):
        keys.append(later)
    return keys
