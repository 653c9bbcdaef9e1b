"""Verdicts: append-only, idempotent by the client's id, undone by retracting their annotation."""

from builtins import list as list_  # `list` is a method's name here
from dataclasses import dataclass, replace
from uuid import uuid4

from sqlalchemy import Select, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlmodel import col

from mllib.errors import Conflict, NotFound
from mllib.spans import Annotation, JudgedPrediction
from mllib.store import tables
from mllib.store.annotation_rows import from_row, is_not_retracted, to_row
from mllib.store.annotations import retract_row
from mllib.store.database import Database, now_s
from mllib.store.feedback import Action, Feedback, Judgement, annotation_from, judge, reviewed_by
from mllib.store.label_names import LabelNames, label_names
from mllib.store.reviewed_rows import add_reviewed
from mllib.store.series import ensure_series


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judgement of a prediction; `label`, `start_time` and `end_time` are what stands after it."""

    id: str
    client_id: str
    pair: str
    timeframe: str
    action: Action
    prediction: JudgedPrediction
    label: str
    start_time: int
    end_time: int
    annotator: str | None
    note: str | None
    annotation_id: str
    created_at: int


class VerdictRepository:
    """What annotators said of predictions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, feedback: Feedback) -> tuple[Verdict, bool]:
        """The verdict, and whether it is new; its annotation and reviewed ranges come with it or not at all.

        Raises:
            InvalidAnnotations: feedback that says nothing (see `judge`).
            Conflict: the client's id is stored with other content.
        """
        judgement = judge(feedback)
        verdict = _verdict(feedback, judgement)
        try:
            with self._database.write() as session:
                stored = _stored(session, feedback.client_id)
                if stored is None:
                    _write(session, verdict, judgement)
        except IntegrityError:
            # On PostgreSQL another process may have written the same id since we looked.
            with self._database.read() as session:
                stored = _stored(session, feedback.client_id)
            if stored is None:
                raise
        if stored is None:
            return verdict, True
        return _repeated(stored, verdict), False

    def retract(self, verdict_id: str, annotator: str | None = None) -> None:
        """Undo a verdict: its annotation is retracted, its reviewed ranges are void; twice is as once.

        Raises:
            NotFound: no verdict has that id.
        """
        with self._database.write() as session:
            key = _row(session, verdict_id).annotation_id
            retract_row(session, key, annotator=annotator, reason="verdict retracted")

    def list(
        self, pair: str | None = None, timeframe: str | None = None, limit: int | None = None
    ) -> list_[Verdict]:
        """The verdicts that were not retracted, newest first, under the present names of labels."""
        query = _verdicts().where(is_not_retracted(col(tables.Verdict.annotation_id)))
        if pair is not None:
            query = query.where(col(tables.Series.pair) == pair)
        if timeframe is not None:
            query = query.where(col(tables.Series.timeframe) == timeframe)
        with self._database.read() as session:
            found = session.execute(query.order_by(col(tables.Verdict.seq).desc()).limit(limit))
            verdicts = [_from_row(row, series) for row, series in found]
            names = label_names(session)
        return [_under(names, one) for one in verdicts] if names.leads_to else verdicts

    def annotation_of(self, verdict_id: str) -> Annotation:
        """The annotation that a verdict made, whether or not it was retracted since.

        Raises:
            NotFound: no verdict has that id.
        """
        with self._database.read() as session:
            annotation = session.get(tables.Annotation, _row(session, verdict_id).annotation_id)
            assert annotation is not None, "held by a foreign key"
            return from_row(annotation)


def _verdict(feedback: Feedback, judgement: Judgement) -> Verdict:
    return Verdict(
        id=uuid4().hex,
        client_id=feedback.client_id,
        pair=feedback.pair,
        timeframe=feedback.timeframe,
        action=judgement.action,
        prediction=judgement.prediction,
        label=judgement.result.label,
        start_time=judgement.result.start_time,
        end_time=judgement.result.end_time,
        annotator=feedback.annotator,
        note=feedback.note,
        annotation_id=uuid4().hex,
        created_at=now_s(),
    )


def _write(session: Session, verdict: Verdict, judgement: Judgement) -> None:
    series_id = ensure_series(session, verdict.pair, verdict.timeframe)
    annotation = annotation_from(
        judgement,
        annotation_id=verdict.annotation_id,
        annotator=verdict.annotator,
        note=verdict.note,
        created_at=verdict.created_at,
    )
    own = {"id": verdict.annotation_id, "external_id": None}
    session.execute(insert(tables.Annotation), [to_row(annotation, series_id) | own])
    add_reviewed(session, series_id, reviewed_by(judgement), annotation_id=verdict.annotation_id)
    session.execute(insert(tables.Verdict), [_to_row(verdict, series_id)])


def _to_row(verdict: Verdict, series_id: int) -> dict[str, object]:
    plain = ("id", "client_id", "action", "label", "start_time", "end_time", "annotator", "note")
    return {
        **{name: getattr(verdict, name) for name in (*plain, "annotation_id", "created_at")},
        "series_id": series_id,
        "predicted_label": verdict.prediction.label,
        "predicted_start_time": verdict.prediction.start_time,
        "predicted_end_time": verdict.prediction.end_time,
        "predicted_confidence": verdict.prediction.confidence,
        "model_version": verdict.prediction.model_version,
    }


def _from_row(row: tables.Verdict, series: tables.Series) -> Verdict:
    plain = ("id", "client_id", "action", "label", "start_time", "end_time", "annotator", "note")
    prediction = JudgedPrediction(
        label=row.predicted_label,
        confidence=row.predicted_confidence,
        model_version=row.model_version,
        start_time=row.predicted_start_time,
        end_time=row.predicted_end_time,
    )
    return Verdict(
        **{name: getattr(row, name) for name in (*plain, "annotation_id", "created_at")},
        pair=series.pair,
        timeframe=series.timeframe,
        prediction=prediction,
    )


def _under(names: LabelNames, verdict: Verdict) -> Verdict:
    prediction = replace(verdict.prediction, label=names.resolve(verdict.prediction.label))
    return replace(verdict, label=names.resolve(verdict.label), prediction=prediction)


def _verdicts() -> Select[tables.Verdict, tables.Series]:
    return select(tables.Verdict, tables.Series).join(
        tables.Series, col(tables.Series.id) == col(tables.Verdict.series_id)
    )


def _stored(session: Session, client_id: str) -> Verdict | None:
    found = session.execute(_verdicts().where(col(tables.Verdict.client_id) == client_id)).first()
    return None if found is None else _from_row(found[0], found[1])


def _repeated(stored: Verdict, again: Verdict) -> Verdict:
    """The stored verdict, where the client said the same again."""
    as_stored = replace(again, id=stored.id, annotation_id=stored.annotation_id, created_at=stored.created_at)
    if as_stored == stored:
        return stored
    raise Conflict(
        f"{again.pair} {again.timeframe}: feedback {again.client_id} is refused: found that client_id "
        f"stored with other content ({stored.action} {stored.prediction.label}), expected the same or a "
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
