"""Answers about what is stored: series of candles, models and labels."""

from typing import Literal

import msgspec
from pydantic import BaseModel

from api.candle_bodies import CandleBody
from mllib.pipeline.labels import State
from mllib.store import MovedBy, Status


class CandlesResponse(msgspec.Struct):
    """The newest stored candles of the range asked for; `candle_count` is how many the range has in all."""

    pair: str
    timeframe: str
    candles: list[CandleBody]
    candle_count: int


class SplitBody(BaseModel):
    """Before the candle that opens at `time`, one old share became `ratio` new ones."""

    time: int
    ratio: float


class StoredSeries(BaseModel):
    """A stored series; `splits` are those that it was adjusted for at an import."""

    pair: str
    timeframe: str
    rows: int
    first_time: int
    last_time: int
    size_bytes: int
    splits: list[SplitBody]


class GapBody(BaseModel):
    """Candles that are missing between two that are there (Unix s)."""

    after_time: int
    before_time: int
    missing: int


class SuspectedSplitBody(BaseModel):
    """An open that looks like a split's; without `doubts` it is a clear one, which `adjust=split` takes."""

    time: int
    ratio: float
    doubts: list[str]


class CandlesImported(BaseModel):
    """What an import read, what is worth knowing of it, and what changed in the stored series."""

    pair: str
    timeframe: str
    added: int
    changed: int
    unchanged: int
    total: int
    first_time: int
    last_time: int
    gap_count: int
    longest_gap: GapBody | None
    suspected_splits: list[SuspectedSplitBody]
    adjusted: list[SplitBody]
    notes: list[str]


class ModelMetrics(BaseModel):
    """A model's test in four figures, `span_f1` at IoU 0.5; null where there was no test."""

    accuracy: float | None
    f1_macro: float | None
    f1_weighted: float | None
    span_f1: float | None


class ModelMove(BaseModel):
    """How and why a model became the champion, and when (Unix s)."""

    moved_by: MovedBy
    reason: str | None
    moved_at: int


class StoredModel(BaseModel):
    """A run that has a model; `moves` are the times it became the champion, newest first."""

    run_id: str
    model_name: str
    model_version: str | None
    model_type: str
    encoder: str
    status: Status
    is_champion: bool
    pairs: list[str]
    timeframe: str
    trained_at: int | None
    metrics: ModelMetrics
    moves: list[ModelMove]


class LabelBody(BaseModel):
    """A label, with `now_called` what is written under its name today, and its spans that count."""

    name: str
    color: str
    key: str | None
    state: State
    now_called: str
    people: int
    talib: int


CandleFormat = Literal["csv", "parquet", "json"]
