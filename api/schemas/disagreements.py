"""Answers about where two layers of spans differ, and what a version of a model changes."""

from typing import Literal

from pydantic import BaseModel

from api.schemas import SpanBody
from api.schemas.review import PredictedBody
from mllib.pipeline.disagreements import ChangeKind, Kind
from mllib.store import Action

Between = Literal["human,model", "human,talib", "talib,model"]


class SideBySide(BaseModel):
    """Two spans about the same candles: `iou`, 0 where one is missing, and how many candles later the second
    one starts and ends (null where one is missing). `verdict` is what a person said last of this place.
    """

    iou: float
    start_bars: int | None
    end_bars: int | None
    verdict: Action | None


class DisagreementBody(SideBySide):
    """What two layers say differently; the one that says nothing, or was not asked, is null."""

    kind: Kind
    human: SpanBody | None
    predicted: PredictedBody | None
    talib: SpanBody | None


class ChangeBody(SideBySide):
    """What a version keeps, moves, relabels, drops (no `after`) or adds (no `before`)."""

    kind: ChangeKind
    before: PredictedBody | None
    after: PredictedBody | None


class KindCount(BaseModel):
    """How many of a kind a label has."""

    label: str
    kind: Kind | ChangeKind
    count: int


class AgreementSummary(BaseModel):
    """How much two layers agree, whatever kinds were asked for.

    `agreement_rate` is the share of all that either says that has one label on about the same candles;
    `mean_iou` and `median_boundary_bars` are of those. Null where there is nothing to tell.
    """

    agreement_rate: float | None
    mean_iou: float | None
    median_boundary_bars: float | None
    counts: list[KindCount]


class Disagreements(BaseModel):
    """Where two layers differ, newest first, and which model that is; null where none was asked.

    `notes` say in sentences why a layer says nothing.
    """

    pair: str
    timeframe: str
    model_version: str | None
    disagreements: list[DisagreementBody]
    summary: AgreementSummary
    notes: list[str]


class ModelChanges(BaseModel):
    """What the version `after` changes against `before` on a stored series, newest first."""

    pair: str
    timeframe: str
    before: str
    after: str
    changes: list[ChangeBody]
    summary: AgreementSummary
