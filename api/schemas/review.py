"""Answers about where people and the model differ, and what to ask people next."""

from pydantic import BaseModel

from api.schemas import SpanBody
from mllib.pipeline.disagreements import Kind


class PredictedBody(SpanBody):
    """A span that the model proposes, with its confidence in [0, 1]."""

    avg_confidence: float
    candle_count: int


class DisagreementBody(BaseModel):
    """What a person and the model say differently; the one that says nothing is null."""

    kind: Kind
    human: SpanBody | None
    predicted: PredictedBody | None


class Disagreements(BaseModel):
    """Where people and the model differ, newest first, and which model that is."""

    pair: str
    timeframe: str
    model_version: str
    disagreements: list[DisagreementBody]


class Queue(BaseModel):
    """Predictions that nobody has judged, the most uncertain first, and which model made them."""

    pair: str
    timeframe: str
    model_version: str
    spans: list[PredictedBody]
