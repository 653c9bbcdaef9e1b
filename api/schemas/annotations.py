"""Requests and responses about people's annotations, in the shape of the annotation tool's export."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.schemas import AnnotationBody, Name, UnixTime
from mllib.annotation_files.limits import FIT_ID, LONGEST_NAME, LONGEST_NOTES, MOST_SUB_SPANS, can_be_an_id
from mllib.spans import Source

MOST_ANNOTATIONS = 10_000

AnySource = Literal["human", "talib", "model_confirmed", "model_corrected", "model", "human_correction"]
Outcome = Literal["win", "loss", "breakeven"]
Clarity = Annotated[int, Field(ge=1, le=5, description="How clear the pattern is")]
Notes = Annotated[str, Field(max_length=LONGEST_NOTES)]


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("found characters that cannot be shown, expected the name of a pattern")
    return text


Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
    AfterValidator(_printable),
]


def _fit_id(text: str) -> str:
    if not can_be_an_id(text):
        raise ValueError(f"found {text!a}, expected {FIT_ID}")
    return text


AnnotationId = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
    AfterValidator(_fit_id),
    Field(description=f"Blanks around it are removed; {FIT_ID}"),
]
WholeId = Annotated[int, Field(ge=-(2**63), lt=2**63)]
_BOUNDS = {"start_time": 1_488_294_000, "end_time": 1_488_297_600}
_SPAN: dict[str, str | int] = {"label": "bull_flag", **_BOUNDS, "confidence": 4, "annotator": "mia"}


class SubSpanBody(BaseModel):
    """A part of a span with a label of its own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    label: Label
    start_time: UnixTime
    end_time: UnixTime


class JudgedBody(BaseModel):
    """The prediction that an annotation judges."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    label: Label
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    model_version: Name | None = None
    start_time: UnixTime | None = None
    end_time: UnixTime | None = None


class AnnotationRequest(BaseModel):
    """A span as the annotation tool exports it, and where it is; an `id` makes a repeat harmless."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"id": "a17", "pair": "EURUSD", "timeframe": "1h", **_SPAN}]},
    )

    pair: Name
    timeframe: Name
    id: AnnotationId | WholeId | None = None
    label: Label
    start_time: UnixTime
    end_time: UnixTime
    confidence: Clarity | None = None
    outcome: Outcome | None = None
    sub_spans: Annotated[list[SubSpanBody], Field(max_length=MOST_SUB_SPANS)] | None = None
    notes: Notes | None = None
    source: AnySource | None = None
    model_prediction: JudgedBody | None = None
    annotator: Name | None = None


class AnnotationChange(BaseModel):
    """What changes of an annotation; what is left out stays, null empties what may be empty."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"end_time": 1_488_301_200, "notes": "One candle longer."}]},
    )

    # Defaults of which the schema says nothing: these keys may be left out, but not be null.
    label: Label = Field(default_factory=str)
    start_time: UnixTime = Field(default_factory=int)
    end_time: UnixTime = Field(default_factory=int)
    confidence: Clarity | None = None
    outcome: Outcome | None = None
    sub_spans: Annotated[list[SubSpanBody], Field(max_length=MOST_SUB_SPANS)] | None = None
    notes: Notes | None = None
    annotator: Name | None = None


class AnnotationQuery(BaseModel):
    """Of which series, and with a candle from `start_time` to `end_time`; what is left out is any."""

    pair: Name
    timeframe: Name
    start_time: UnixTime | None = None
    end_time: UnixTime | None = None
    label: Name | None = None
    source: Source | None = None
    annotator: Name | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_ANNOTATIONS)] = 1_000
    after: Annotated[Name, Field(description="`next` of the page before")] | None = None


class StoredAnnotationBody(AnnotationBody):
    """An annotation with its series; `created_at` is when it was said (Unix s)."""

    pair: str
    timeframe: str
    annotator: str | None
    created_at: int


class AnnotationPageBody(BaseModel):
    """Annotations by start; `next` is what to send as `after` for more of them, null where there are none."""

    annotations: list[StoredAnnotationBody]
    next: str | None


class AnnotationExport(BaseModel):
    """The annotation tool's export."""

    annotations: list[AnnotationBody]


class DifferenceBody(BaseModel):
    """One key with what is stored and what was given."""

    field: str
    stored: Any
    given: Any


class ConflictBody(BaseModel):
    """An annotation that is stored with other content, and stayed so."""

    id: str
    label: str
    retracted: bool
    differences: list[DifferenceBody]


class ReviewedBody(BaseModel):
    """Where all was looked at for these labels."""

    start_time: int
    end_time: int
    labels: list[str]


class AnnotationsImported(BaseModel):
    """What an import added, changed (`updated`), knew already (`unchanged`) and refused (`conflicts`)."""

    added: int
    updated: int
    unchanged: int
    conflicts: list[ConflictBody]
    reviewed: list[ReviewedBody]
    notes: list[str]
