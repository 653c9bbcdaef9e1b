"""Answers about how far annotators agree."""

from pydantic import BaseModel

from api.schemas import SpanBody
from mllib.agreement import Difference


class StatementBody(BaseModel):
    """What an annotator said of a place; `said` has the label `O` where nothing is there."""

    verdict_id: str
    annotator: str
    place: SpanBody
    said: SpanBody


class DifferenceBody(BaseModel):
    """A place of which two annotators say different things, and in what they differ."""

    difference: Difference
    pair: str
    timeframe: str
    iou: float
    first: StatementBody
    second: StatementBody


class LabelAgreementBody(BaseModel):
    """One label against all else; `kappa` is null where chance agrees as well."""

    label: str
    first: int
    second: int
    both: int
    kappa: float | None
    mean_iou: float | None


class AgreementBody(BaseModel):
    """Two annotators over the places that both judged; `differences` are those that nobody settled."""

    annotators: tuple[str, str]
    places: int
    same: int
    kappa: float | None
    mean_iou: float | None
    labels: list[LabelAgreementBody]
    differences: list[DifferenceBody]
    settled: int
