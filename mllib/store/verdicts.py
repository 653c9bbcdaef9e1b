"""Verdicts: append-only, idempotent by the client's id, undone by retraction."""

import threading
from builtins import list as list_  # `list` is a method's name here
from dataclasses import replace
from uuid import uuid4

from cachetools import LRUCache
from sqlalchemy import insert, select
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.annotators import annotator_name
from mllib.errors import Conflict, NotFound
from mllib.spans import Annotation
from mllib.store import tables
from mllib.store.annotation_rows import from_row as annotation_from_row
from mllib.store.annotation_rows import to_row as annotation_to_row
from mllib.store.annotations import retract_row
from mllib.store.database import Database, now_s, upsert
from mllib.store.feedback import (
    WITHOUT_ANNOTATION,
    Feedback,
    Judgement,
    annotation_from,
    judge,
    reviewed_by,
)
from mllib.store.label_names import label_names
from mllib.store.reviewed_rows import add_reviewed
from mllib.store.revision import revision_of
from mllib.store.series import ensure_series
from mllib.store.settling import settle
from mllib.store.standing import stands
from mllib.store.verdict_rows import Verdict, from_row, to_row, under, verdict_rows

_LISTS_KEPT = 8


class VerdictRepository:
    """What annotators said of predictions, and of what was missed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listed: LRUCache[object, tuple[Verdict, ...]] = LRUCache(_LISTS_KEPT)
        self._lock = threading.Lock()

    def record(self, feedback: Feedback) -> tuple[Verdict, bool]:
        """The verdict, and whether it is new; its annotation and reviewed ranges come with it or not at all.

        Raises:
            InvalidAnnotations: feedback that says nothing (see `judge`), or settles what cannot be settled.
            NotFound: no verdict has an id that it settles.
            Conflict: the client's id is stored with other content, or what it settles was settled already.
        """
        judgement = judge(feedback)
        verdict = _verdict(feedback, judgement)
        with self._database.write() as session:
            stored = _stored(session, feedback.client_id)
            if stored is None:
                _write(session, verdict, judgement)
        if stored is None:
            return verdict, True
        return _repeated(stored, verdict), False

    def retract(self, verdict_id: str, annotator: str | None = None) -> None:
        """Undo a verdict; twice is as once.

        Its annotation is retracted, its reviewed ranges are void, and what it settled counts again.

        Raises:
            NotFound: no verdict has that id.
        """
        annotator = annotator_name(annotator, f"verdict {verdict_id}")
        with self._database.write() as session:
            key = _row(session, verdict_id).annotation_id
            if key is not None:
                retract_row(session, key, annotator=annotator, reason="verdict retracted")
                return
            row = upsert(session, tables.VerdictRetraction).values(
                verdict_id=verdict_id, annotator=annotator, created_at=now_s()
            )
            session.execute(row.on_conflict_do_nothing(index_elements=["verdict_id"]))

    def list(
        self,
        pair: str | None = None,
        timeframe: str | None = None,
        limit: int | None = None,
        *,
        with_skips: bool = False,
        with_settled: bool = False,
    ) -> list_[Verdict]:
        """The verdicts that were not retracted, newest first, under the present names of labels.

        Skips say nothing, and what another verdict settled does not count: both only where asked for. A list
        that was asked for before is kept until anything that was said, or a name, has changed.
        """
        query = verdict_rows().where(stands(with_skips=with_skips, with_settled=with_settled))
        if pair is not None:
            query = query.where(col(tables.Series.pair) == pair)
        if timeframe is not None:
            query = query.where(col(tables.Series.timeframe) == timeframe)
        with self._database.read() as session:
            asked = pair, timeframe, limit, with_skips, with_settled, _series(session), revision_of(session)
            with self._lock:
                listed = self._listed.get(asked)
            if listed is None:
                found = session.execute(query.order_by(col(tables.Verdict.seq).desc()).limit(limit))
                names = label_names(session)
                listed = tuple(under(names, from_row(row, series)) for row, series in found)
                with self._lock:
                    self._listed[asked] = listed
        return list_(listed)

    def annotation_of(self, verdict_id: str) -> Annotation | None:
        """The annotation that a verdict made, whether or not it was retracted since; None where it made none.

        Raises:
            NotFound: no verdict has that id.
        """
        with self._database.read() as session:
            key = _row(session, verdict_id).annotation_id
            annotation = None if key is None else session.get(tables.Annotation, key)
            return None if annotation is None else annotation_from_row(annotation)


def _series(session: Session) -> tuple[tuple[str, str], ...]:
    table = tables.Series
    rows = session.execute(select(col(table.pair), col(table.timeframe)).order_by(col(table.id)))
    return tuple((pair, timeframe) for pair, timeframe in rows)


def _verdict(feedback: Feedback, judgement: Judgement) -> Verdict:
    judged = judgement.prediction
    return Verdict(
        id=uuid4().hex,
        client_id=feedback.client_id,
        pair=feedback.pair,
        timeframe=feedback.timeframe,
        action=judgement.action,
        prediction=judged,
        label=judgement.result.label,
        start_time=judgement.result.start_time,
        end_time=judgement.result.end_time,
        annotator=annotator_name(feedback.annotator, f"feedback {feedback.client_id}"),
        note=feedback.note,
        annotation_id=None if judgement.action in WITHOUT_ANNOTATION else uuid4().hex,
        created_at=now_s(),
        as_of=feedback.as_of,
        origin=feedback.origin,
        model_version=feedback.model_version if judged is None else judged.model_version,
        settles=tuple(sorted(set(feedback.settles))),
        labels=judgement.looked_for,
    )


def _write(session: Session, verdict: Verdict, judgement: Judgement) -> None:
    series_id = ensure_series(session, verdict.pair, verdict.timeframe)
    annotation = annotation_from(
        judgement,
        annotation_id=verdict.annotation_id or "",
        annotator=verdict.annotator,
        note=verdict.note,
        created_at=verdict.created_at,
    )
    if annotation is not None:
        own = {"id": verdict.annotation_id, "external_id": None}
        session.execute(insert(tables.Annotation), [annotation_to_row(annotation, series_id) | own])
    session.execute(insert(tables.Verdict), [to_row(verdict, series_id)])
    add_reviewed(
        session,
        series_id,
        reviewed_by(judgement),
        annotation_id=verdict.annotation_id,
        verdict_id=verdict.id if verdict.annotation_id is None else None,
    )
    settle(session, verdict, series_id)


def _stored(session: Session, client_id: str) -> Verdict | None:
    found = session.execute(verdict_rows().where(col(tables.Verdict.client_id) == client_id)).first()
    return None if found is None else from_row(found[0], found[1])


def _repeated(stored: Verdict, again: Verdict) -> Verdict:
    """The stored verdict, where the client said the same again."""
    as_stored = replace(again, id=stored.id, annotation_id=stored.annotation_id, created_at=stored.created_at)
    if as_stored == stored:
        return stored
    raise Conflict(
        f"{again.pair} {again.timeframe}: feedback {again.client_id} is refused: found that client_id "
        f"stored with other content ({stored.action} {stored.place.label}), expected the same or a "
        "new id. Send a new client_id, or retract the first verdict.",
        active_id=stored.id,
    )


def _row(session: Session, verdict_id: str) -> tables.Verdict:
    row = session.scalar(select(tables.Verdict).where(col(tables.Verdict.id) == verdict_id))
    if row is None:
        raise NotFound(
            f"No verdict {verdict_id}: found none of that id, expected one that was recorded. "
            "Take the id from the answer that recorded it."
        )
    return row
