"""Verdicts to rows and back."""

from dataclasses import dataclass, replace

from sqlalchemy import Select, select
from sqlmodel import col

from mllib.spans import JudgedPrediction, Span
from mllib.store import tables
from mllib.store.feedback import Action
from mllib.store.label_names import LabelNames

_PLAIN = (
    *("id", "client_id", "action", "label", "start_time", "end_time", "annotator", "note"),
    *("annotation_id", "as_of", "origin", "model_version", "created_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One judgement of a place; `label`, `start_time` and `end_time` are what stands after it.

    An added span has no prediction, a skip no annotation: its label and bounds are the place that was
    looked at. Where nothing was missing there is neither: the label is `O`, and `labels` are those that were
    looked for. `as_of` is the open of the last candle that was visible (Unix s), None where all were.
    """

    id: str
    client_id: str
    pair: str
    timeframe: str
    action: Action
    prediction: JudgedPrediction | None
    label: str
    start_time: int
    end_time: int
    annotator: str | None
    note: str | None
    annotation_id: str | None
    created_at: int
    as_of: int | None = None
    origin: str | None = None
    model_version: str | None = None
    settles: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def span(self) -> Span:
        """What stands after it; of a dismissal the label is `O`."""
        return Span(self.label, self.start_time, self.end_time)

    @property
    def place(self) -> Span:
        """Where it is: the judged prediction, else the span itself."""
        judged = self.prediction
        if judged is None or judged.start_time is None or judged.end_time is None:
            return self.span
        return Span(judged.label, judged.start_time, judged.end_time)


def to_row(verdict: Verdict, series_id: int) -> dict[str, object]:
    """A row of `tables.Verdict`."""
    judged = verdict.prediction
    return {
        **{name: getattr(verdict, name) for name in _PLAIN},
        "series_id": series_id,
        "predicted_label": None if judged is None else judged.label,
        "predicted_start_time": None if judged is None else judged.start_time,
        "predicted_end_time": None if judged is None else judged.end_time,
        "predicted_confidence": None if judged is None else judged.confidence,
        "settles": list(verdict.settles) or None,
        "labels": list(verdict.labels) or None,
    }


def from_row(row: tables.Verdict, series: tables.Series) -> Verdict:
    """The verdict of a row of its series."""
    return Verdict(
        **{name: getattr(row, name) for name in _PLAIN},
        pair=series.pair,
        timeframe=series.timeframe,
        prediction=_prediction(row),
        settles=tuple(row.settles or ()),
        labels=tuple(row.labels or ()),
    )


def _prediction(row: tables.Verdict) -> JudgedPrediction | None:
    if row.predicted_label is None:
        return None
    return JudgedPrediction(
        label=row.predicted_label,
        confidence=row.predicted_confidence,
        model_version=row.model_version,
        start_time=row.predicted_start_time,
        end_time=row.predicted_end_time,
    )


def under(names: LabelNames, verdict: Verdict) -> Verdict:
    """The verdict under the present names of labels."""
    judged = verdict.prediction
    if judged is not None:
        judged = replace(judged, label=names.resolve(judged.label))
    labels = tuple(dict.fromkeys(map(names.resolve, verdict.labels)))
    return replace(verdict, label=names.resolve(verdict.label), prediction=judged, labels=labels)


def verdict_rows() -> Select[tables.Verdict, tables.Series]:
    """Verdicts, each with its series."""
    return select(tables.Verdict, tables.Series).join(
        tables.Series, col(tables.Series.id) == col(tables.Verdict.series_id)
    )
