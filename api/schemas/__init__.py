"""Requests and responses of the routes that carry no candles."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mllib.candle_gate import EARLIEST_TIME, LATEST_TIME
from mllib.inference import ModelInfo
from mllib.spans import Origin
from mllib.store import Action, Asker, Status

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
_OPEN = ConfigDict(extra="allow", frozen=True)
_WHOLE = ConfigDict(json_schema_serialization_defaults_required=True)
"""An answer says also what is always the same."""

UnixTime = Annotated[int, Field(ge=EARLIEST_TIME, le=LATEST_TIME, description="Unix seconds UTC")]
Name = Annotated[str, Field(max_length=200)]


class Health(BaseModel):
    """The process answers; whether it can predict is `/ready`'s business."""

    model_config = _WHOLE

    status: Literal["ok"] = "ok"
    model_loaded: bool
    model_version: str | None


class Ready(BaseModel):
    """A model is loaded and has predicted; `error` says why a newer champion was not taken up."""

    model_config = _WHOLE

    status: Literal["ready"] = "ready"
    model_version: str
    run_id: str
    error: str | None


class ClassMetrics(BaseModel):
    """Per-candle scores of one label, `O` included."""

    precision: float
    recall: float
    f1_score: float
    support: int


class Metrics(BaseModel):
    """Per-candle metrics, with `span_f1`, `confusion` and `baseline` among further keys."""

    model_config = _OPEN

    accuracy: float
    f1_macro: float
    f1_weighted: float
    per_class: dict[str, ClassMetrics]


class LabelColor(BaseModel):
    """How the console and the chart draw a label.

    What the model says of it may still change on the newest `provisional_bars` candles.
    """

    name: str
    color: str
    provisional_bars: int


class ModelDescription(BaseModel):
    """The model that serves, how good it was in its test, and the colours of its labels."""

    model_info: ModelInfo
    metrics: Metrics
    label_config: list[LabelColor]


class LoadRequest(BaseModel):
    """The run whose model shall serve; `over` says why, where the gate refused it."""

    model_config = _STRICT

    run_id: Name
    over: Annotated[str, Field(max_length=1_000)] | None = None


class RollbackRequest(BaseModel):
    """Why the model before serves again."""

    model_config = _STRICT

    reason: Annotated[str, Field(max_length=1_000)] | None = None


class Loaded(BaseModel):
    """The model that serves now."""

    model_info: ModelInfo


class TrainingRequest(BaseModel):
    """What to train on what; further keys are those of `stages.training`, or dotted configuration keys."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        frozen=True,
        json_schema_extra={
            "examples": [{"model_type": "xgboost", "pair": "EURUSD", "timeframe": "1h", "labels": ["talib"]}]
        },
    )

    model_type: str
    encoder: str | None = None
    pair: str | None = None
    pairs: list[str] = Field(default_factory=list, min_length=1)
    timeframe: str | None = None
    labels: list[str] | None = None


class Started(BaseModel):
    """The run that now waits for the worker."""

    run_id: str
    status: Status


class TrainingRun(BaseModel):
    """A run of the ledger. Times are Unix seconds UTC, `progress` is 0 to 1, `time_left_s` a guess.

    `asked_why` says why the worker began it by itself; it is null where a person asked.
    """

    run_id: str
    model_type: str
    status: Status
    created_at: int
    completed_at: int | None
    metrics: dict[str, Any] | None
    error: str | None
    progress: float
    stage: str
    started_at: int | None
    time_left_s: float | None
    model_version: str | None
    encoder: str
    pairs: list[str]
    timeframe: str
    is_champion: bool
    asked_by: Asker
    asked_why: str | None


class BuildRequest(BaseModel):
    """Of which stored series to build a dataset; by default the configured one. `labels` are layers."""

    model_config = _STRICT

    pair: Name | None = None
    pairs: list[Name] = Field(default_factory=list, min_length=1)
    timeframe: Name | None = None
    labels: list[Name] | None = None


class SpanCount(BaseModel):
    """How many spans of a label came from a source."""

    label: str
    source: str
    count: int


class DatasetInfo(BaseModel):
    """A labelled dataset; `path` lies below `CANDLELOOP_HOME`, `version` is the hash of its content.

    Before the first build `exists` is false, and `version` and `built_at` are null.
    """

    path: str
    exists: bool
    size_bytes: int
    row_count: int
    counts: list[SpanCount]
    version: str | None
    built_at: int | None


class PredictionJudged(BaseModel):
    """The prediction that an annotator saw."""

    model_config = _STRICT

    label: Name
    start_time: UnixTime
    end_time: UnixTime
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    model_version: Name | None = None


class FeedbackRequest(BaseModel):
    """What an annotator says of a place; `client_id` is the client's own and makes a repeat harmless.

    `confirm`, `correct` and `dismiss` judge a `prediction`; `add` gives label and bounds of a span that the
    model missed; `nothing` gives the bounds of a place without a prediction that was looked at in full, and
    in `labels` what is not there; `skip` says nothing of the place. `as_of` is the last candle that was
    visible, `origin` why the place was shown, `settles` the verdicts of others between which this one
    decides.
    """

    model_config = _STRICT

    client_id: Name
    pair: str
    timeframe: str
    action: Action
    prediction: PredictionJudged | None = None
    label: Name | None = None
    start_time: UnixTime | None = None
    end_time: UnixTime | None = None
    annotator: Name | None = None
    note: Annotated[str, Field(max_length=10_000)] | None = None
    as_of: UnixTime | None = None
    origin: Origin | None = None
    model_version: Name | None = None
    settles: list[Name] = Field(default_factory=list, max_length=100)
    labels: list[Name] = Field(default_factory=list, max_length=1_000)


class SpanBody(BaseModel):
    """A label over a closed range of candles."""

    label: str
    start_time: int
    end_time: int


class AnnotationBody(SpanBody):
    """An annotation in the annotation tool's export shape."""

    model_config = _OPEN

    id: str
    confidence: int | None
    outcome: str | None
    sub_spans: list[SpanBody] | None
    notes: str | None
    source: str
    model_prediction: dict[str, Any] | None


class FeedbackRecorded(BaseModel):
    """The verdict's id, and the annotation that it made."""

    id: str
    annotation: AnnotationBody


class SkipRecorded(BaseModel):
    """The id of a verdict without an annotation, which takes it back."""

    id: str


class Pattern(BaseModel):
    """One of TA-Lib's CDL functions."""

    function_name: str
    display_name: str


class DetectedSpan(SpanBody):
    """A pattern that TA-Lib found; `confidence` is `min(|value| / 100, 1)`."""

    model_config = _WHOLE

    confidence: float
    source: Literal["talib"] = "talib"


class DetectionCount(BaseModel):
    """How many patterns were found."""

    count: int


class Detected(BaseModel):
    """Every pattern found, by time."""

    annotations: list[DetectedSpan]
    metadata: DetectionCount
