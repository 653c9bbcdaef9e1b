"""Answers about what to ask people next."""

from pydantic import BaseModel

from api.schemas import SpanBody
from mllib.acquisition import Origin


class PredictedBody(SpanBody):
    """A span that the model proposes, with its confidence in [0, 1]."""

    avg_confidence: float
    candle_count: int


class DrawnBody(SpanBody):
    """A span that a person drew."""

    id: str
    annotator: str | None


class QueueEntryBody(BaseModel):
    """A place, where it comes from, and why it is worth looking at, in words.

    Of a random draw on which the model sees nothing the span's label is `O`. `score` in [0, 1] compares
    within an origin alone; `regime` is the market's volatility and trend; `human` is what a person drew
    there, where that is in question.
    """

    span: PredictedBody
    origin: Origin
    score: float
    why: str
    regime: str
    human: DrawnBody | None


class Queue(BaseModel):
    """Places in the order in which to look at them, which model sees them, and what could not be looked for.

    `spans` are those that are predictions which nobody has judged or annotated.
    """

    pair: str
    timeframe: str
    model_version: str
    spans: list[PredictedBody]
    entries: list[QueueEntryBody]
    notes: list[str]
