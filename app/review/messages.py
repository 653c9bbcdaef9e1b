"""What the review deck in the browser may send, checked: its questions, and verdicts as it keeps them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mllib.pipeline.judging import Said
from mllib.spans import JudgedPrediction, PredictedSpan, Span
from mllib.store import Feedback


class Message(BaseModel):
    """What the browser may send, and nothing else."""

    model_config = ConfigDict(extra="forbid")


class AskedPlace(Message):
    """A place to draw; without a label only its candles are looked at."""

    key: str
    pair: str
    timeframe: str
    label: str | None
    start_time: int
    end_time: int
    confidence: float | None = None
    candle_count: int | None = None
    as_of: int | None = None

    @property
    def span(self) -> Span:
        """The prediction at that place, or the span without a name."""
        if self.label is None or self.confidence is None:
            return Span(self.label or "", self.start_time, self.end_time)
        return PredictedSpan(
            self.label, self.start_time, self.end_time, self.confidence, self.candle_count or 1
        )


class Kept(Message):
    """Something said, as the browser keeps it."""

    client_id: str
    taken_back: bool = False
    pair: str
    timeframe: str
    action: Literal["confirm", "correct", "dismiss", "add", "skip", "nothing"]
    prediction: dict[str, Any] | None = None
    label: str | None = None
    start_time: int | None = None
    end_time: int | None = None
    annotator: str | None = None
    note: str | None = None
    as_of: int | None = None
    origin: str | None = None
    model_version: str | None = None
    labels: list[str] = []

    def said(self) -> Said:
        """The same as the library takes it."""
        values = self.model_dump(exclude={"taken_back", "prediction", "labels"})
        judged = None if self.prediction is None else JudgedPrediction(**self.prediction)
        feedback = Feedback(prediction=judged, labels=tuple(self.labels), **values)
        return Said(feedback=feedback, taken_back=self.taken_back)


class View(Message):
    """How places are to be drawn."""

    bars: int = Field(160, ge=20, le=3_000)
    hidden_after: bool = False
    labels: list[str] | None = None
    talib: bool = False


class QueueWish(Message):
    """A new queue; the browser makes up its id and asks until it has come."""

    id: str
    size: int = Field(50, ge=1, le=500)
    series: list[str] | None = None
    labels: list[str] | None = None


class BrowseWish(Message):
    """The predictions of a series around a time."""

    id: str
    series: str
    at: int | None = None
    threshold: float = Field(0.7, ge=0, le=1)
    labels: list[str] | None = None


class TakenBack(Message):
    """A verdict of an earlier session or another tab that was taken back."""

    client_id: str
    verdict_id: str


class Ask(Message):
    """One question of the deck; `seq` names it."""

    seq: int
    tab: str
    annotator: str | None = None
    outbox: list[dict[str, Any]] = []
    take_back: list[TakenBack] = []
    view: View = View()
    want: list[AskedPlace] = []
    why: AskedPlace | None = None
    queue: QueueWish | None = None
    browse: BrowseWish | None = None
    today_since: int | None = None
