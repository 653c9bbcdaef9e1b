"""Answers about what to ask people next."""

from pydantic import BaseModel

from api.schemas import SpanBody


class PredictedBody(SpanBody):
    """A span that the model proposes, with its confidence in [0, 1]."""

    avg_confidence: float
    candle_count: int


class Queue(BaseModel):
    """Predictions that nobody has judged, the most uncertain first, and which model made them."""

    pair: str
    timeframe: str
    model_version: str
    spans: list[PredictedBody]
