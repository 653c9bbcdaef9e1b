"""One file steers every stage. This module composes the sections; each stage owns its own."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from mllib.acquisition.settings import AcquisitionConfig
from mllib.encoders.settings import EncodingConfig
from mllib.errors import CandleloopError, InvalidConfig
from mllib.features import ContextConfig
from mllib.indicators import CANDLE_FEATURES, Indicator
from mllib.models import MODEL_NAMES
from mllib.patterns import DISPLAY_NAME, check_functions
from mllib.timeframes import parse_timeframe
from mllib.training import TrainingConfig

_FROZEN = ConfigDict(frozen=True, extra="forbid")
_UNION_BRANCH = re.compile(r"^bool$|^tuple\[")
"""How pydantic names the branches of a key that takes either; they are no part of the YAML path."""
_PACKAGED = Path(__file__).with_name("pipeline.yaml")
_IN_REPOSITORY = Path(__file__).parents[1] / "config" / "pipeline.yaml"


class PipelineSection(BaseModel):
    """`pipeline`: what a run is about when nothing else is said."""

    model_config = _FROZEN

    name: str = "candleloop"
    pair: str = "BTCUSDT"
    timeframe: str = "1h"

    @field_validator("timeframe")
    @classmethod
    def _canonical(cls, timeframe: str) -> str:
        try:
            return parse_timeframe(timeframe)
        except CandleloopError as exc:
            raise ValueError(str(exc)) from exc


class DataSection(BaseModel):
    """`data`: where the stages of `dvc repro` write, beside `dvc.yaml`, and where datasets are pushed to.

    `columns_path` is a name to which `.json` and `.md` are added. `remote` is a folder or a URL such as
    `s3://bucket/path`; without one it is the shared storage, or `dvc-remote` in `CANDLELOOP_HOME`.
    """

    model_config = _FROZEN

    raw_ohlcv_path: str = "data/raw/ohlcv.parquet"
    enriched_path: str = "data/processed/enriched.parquet"
    labeled_path: str = "data/processed/labeled.parquet"
    annotations_path: str = "data/raw/annotations.parquet"
    spans_path: str = "data/processed/spans.parquet"
    columns_path: str = "data/processed/columns"
    predictor_path: str = "data/predictor"
    evaluation_path: str = "data/evaluation"
    remote: str | None = None


class FeatureSection(BaseModel):
    """`stages.feature_engineering`: `context` rules what models see, the rest what people see."""

    model_config = _FROZEN

    enabled: bool = True
    talib_indicators: tuple[Indicator, ...] = ()
    candle_features: bool | tuple[str, ...] = True
    custom_features: tuple[str, ...] = ()
    context: ContextConfig = ContextConfig()

    @field_validator("candle_features")
    @classmethod
    def _known(cls, names: bool | tuple[str, ...]) -> bool | tuple[str, ...]:
        unknown = [] if isinstance(names, bool) else [name for name in names if name not in CANDLE_FEATURES]
        if unknown:
            raise ValueError(f"found {unknown[0]!r}, expected some of {', '.join(CANDLE_FEATURES)}")
        return names

    @field_validator("context")
    @classmethod
    def _of_this_version(cls, context: ContextConfig) -> ContextConfig:
        if own := [name for name in context.groups if "." in name]:
            raise ValueError(f"found {own[0]!r} among groups, expected it in custom_features")
        return context

    @property
    def model_inputs(self) -> ContextConfig:
        """What models see: the context with the custom features among its groups."""
        groups = tuple(dict.fromkeys((*self.context.groups, *self.custom_features)))
        return self.context.model_copy(update={"groups": groups})

    @property
    def candle_columns(self) -> tuple[str, ...]:
        """The candle features by name."""
        if isinstance(self.candle_features, bool):
            return CANDLE_FEATURES if self.candle_features else ()
        return self.candle_features


class IngestionSection(EncodingConfig):
    """`stages.annotation_ingestion`: which labels count, and how they become targets."""

    model_config = _FROZEN

    enabled: bool = True
    layers: tuple[Literal["human", "talib"], ...] = Field(
        default=("human", "talib"),
        min_length=1,
        title="Learn from",
        description="Whose spans are learned: people's, TA-Lib's or both.",
        json_schema_extra={"essential": 3},
    )
    talib_patterns: tuple[str, ...] = Field(
        default=(),
        title="TA-Lib patterns",
        description="TA-Lib's functions whose spans are learned.",
        json_schema_extra={"essential": 4, "items": {"enum": list(DISPLAY_NAME)}},
    )
    label_encoding: Literal["bio", "combined", "window"] = Field(
        default="bio",
        title="Encoder",
        description="How a chart becomes rows. bio: a row a candle. window: a row a candidate window. "
        "combined: both, and for each label the one that finds it better.",
        json_schema_extra={"essential": 2},
    )
    source: Literal["span", "point"] = Field(
        default="span",
        description="point: a single candle that a person marked stands for the window around it.",
    )
    min_confidence: int | None = Field(
        default=None, ge=1, le=5, description="Spans that their annotator found less clear are left out."
    )
    sub_spans: bool = Field(
        default=False,
        description="The parts of people's spans are learned too, as spans of their own labels.",
    )
    merge_strategy: Literal["human_priority", "programmatic_priority", "both"] = Field(
        default="human_priority",
        description="Whose span stands where people and TA-Lib gave the same label with IoU of at least 0.5.",
    )

    @field_validator("talib_patterns")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            check_functions(names)
        except CandleloopError as exc:
            raise ValueError(str(exc)) from exc
        return names

    @property
    def encoding(self) -> EncodingConfig:
        """What encoders heed of it."""
        return EncodingConfig.model_validate(self.model_dump(include=set(EncodingConfig.model_fields)))


class RetrainConfig(BaseModel):
    """`stages.training.retrain`: when the worker trains anew by itself, as the champion's run did."""

    model_config = _FROZEN

    every_hours: float | None = Field(
        default=None, ge=0.25, le=8_784, description="Hours after the start of the newest training."
    )
    after_verdicts: int | None = Field(
        default=None, ge=1, description="Verdicts that the newest training has not seen."
    )


class TrainingSection(TrainingConfig):
    """`stages.training`."""

    enabled: bool = True
    retrain: RetrainConfig = RetrainConfig()

    @field_validator("model_type")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in MODEL_NAMES:
            raise ValueError(f"found {name!r}, expected one of {', '.join(MODEL_NAMES)}")
        return name


class ApiSection(BaseModel):
    """`stages.inference.api`: what one server process takes on before it refuses.

    The chart's proxy gives up after 30 s, after 120 s on a batch, so the service says no before that.
    """

    model_config = _FROZEN

    body_bytes: int = Field(default=16 * 2**20, ge=1_024)
    upload_bytes: int = Field(default=512_000_000, ge=1_024)
    """What an import may send; it goes to a file as it comes."""
    body_s: float = Field(default=20.0, gt=0)
    """So long a body may take to arrive, counted anew with every 64 KiB of an upload."""
    candles: int = Field(default=50_000, ge=1)
    """In one request; longer histories are stored and asked for with `/predict/batch`."""
    in_flight: int = Field(default=64, ge=1)
    """Requests that one process works on at a time."""
    queued: int = Field(default=32, ge=0)
    """Predictions that wait for the one that computes."""
    predict_s: float = Field(default=25.0, gt=0)
    batch_s: float = Field(default=110.0, gt=0)
    """Until a batch that is not streamed has to be there."""
    cached_predictions: int = Field(default=256, ge=0)
    cors_origins: tuple[str, ...] = ()


class InferenceSection(BaseModel):
    """`stages.inference`: which model serves; a local path has to lie inside `CANDLELOOP_HOME`."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    enabled: bool = True
    model_source: Literal["mlflow", "local"] = "mlflow"
    mlflow_model_name: str | None = None
    mlflow_model_alias: Literal["champion"] = "champion"
    local_model_path: str | None = None
    api: ApiSection = ApiSection()


class Stages(BaseModel):
    """`stages`."""

    model_config = _FROZEN

    feature_engineering: FeatureSection = FeatureSection()
    annotation_ingestion: IngestionSection = IngestionSection()
    training: TrainingSection = TrainingSection()
    inference: InferenceSection = InferenceSection()
    acquisition: AcquisitionConfig = AcquisitionConfig()


class RetentionSection(BaseModel):
    """`retention`: what `candleloop prune` keeps of what can be made again. People's words always stay.

    Of each registered model name the newest `models` stay, those that served last, and every one younger than
    `model_days`; of kept predictions over whole series those used in the last `prediction_days`.
    """

    model_config = _FROZEN

    models: int = Field(default=10, ge=1)
    model_days: float = Field(default=30.0, ge=0)
    prediction_days: float = Field(default=14.0, ge=0)


class Config(BaseModel):
    """`config/pipeline.yaml` as a whole."""

    model_config = _FROZEN

    pipeline: PipelineSection = PipelineSection()
    data: DataSection = DataSection()
    stages: Stages = Stages()
    retention: RetentionSection = RetentionSection()

    @property
    def served_model_name(self) -> str:
        """The registered model whose champion serves."""
        return self.stages.inference.mlflow_model_name or self.stages.training.registered_model_name


def default_config_path() -> Path:
    """`CANDLELOOP_CONFIG`, else `config/pipeline.yaml` here or in the repository, else the packaged one."""
    named = os.environ.get("CANDLELOOP_CONFIG")
    if named:
        return Path(named)
    candidates = (Path("config/pipeline.yaml"), _IN_REPOSITORY, _PACKAGED)
    return next((path for path in candidates if path.is_file()), _PACKAGED)


def load_config(path: Path | None = None, overrides: Iterable[str] = ()) -> Config:
    """The configuration of a YAML file with dotted overrides such as `stages.training.model_type=xgboost`.

    Raises:
        InvalidConfig: with the file, the YAML path, the value found and what is allowed.
    """
    import yaml

    source = path or default_config_path()
    try:
        values = yaml.safe_load(source.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise InvalidConfig(
            f"{source}: cannot be read as YAML ({exc}). Correct or restore the file."
        ) from exc
    if not isinstance(values, dict):
        raise InvalidConfig(
            f"{source}: found {type(values).__name__}, expected sections. Start from the default."
        )
    for override in overrides:
        values = with_value(values, *parse_override(override))
    return parse_config(values, where=str(source))


def parse_override(text: str) -> tuple[str, Any]:
    """The dotted key and the YAML value of `KEY=VALUE`.

    >>> parse_override("stages.training.seed=1")
    ('stages.training.seed', 1)
    """
    import yaml

    key, separator, value = text.partition("=")
    try:
        if separator and key.strip():
            return key.strip(), yaml.safe_load(value)
    except yaml.YAMLError as exc:
        raise InvalidConfig(f"override {text!r}: the value is not YAML ({exc}). Quote it.") from exc
    raise InvalidConfig(f"override {text!r}: expected KEY=VALUE. Write stages.training.seed=1.")


def with_value(values: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of nested `values` with the dotted `key` set.

    >>> with_value({"a": {"b": 1}}, "a.c", 2)
    {'a': {'b': 1, 'c': 2}}
    """
    return _set(values, key.split("."), value, key)


def _set(values: Mapping[str, Any], path: Sequence[str], value: Any, key: str) -> dict[str, Any]:
    head, *rest = path
    if not rest:
        return {**values, head: value}
    inner = values.get(head)
    if inner is not None and not isinstance(inner, Mapping):
        section = key.removesuffix("." + ".".join(rest))
        raise InvalidConfig(f"found a value at {section}, expected a section. Correct the key.", path=key)
    return {**values, head: _set(inner if isinstance(inner, Mapping) else {}, rest, value, key)}


def parse_config(values: Mapping[str, Any], *, where: str) -> Config:
    """The checked configuration; `where` begins every message."""
    try:
        return Config.model_validate(values)
    except ValidationError as exc:
        path, said = next(iter(problems_of(exc).items()))
        raise InvalidConfig(said, path=path, where=where) from exc


def problems_of(exc: ValidationError, model: type[BaseModel] = Config) -> dict[str, str]:
    """What is wrong with values of a model, in words, by the YAML path below it where it was found."""
    return dict(_explained(error, model) for error in exc.errors())


def _explained(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    location = [part for part in error["loc"] if not _UNION_BRANCH.search(str(part))]
    path = re.sub(r"\.\[", "[", ".".join(f"[{p}]" if isinstance(p, int) else p for p in location))
    if error["type"] == "extra_forbidden":
        allowed = ", ".join(_keys_beside(location, model)) or "no key"
        return path, f"found an unknown key, expected one of {allowed}. Correct its spelling or remove it."
    if error["type"] == "too_short" and not error["input"]:
        return path, "found none, expected at least one. Choose at least one."
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return path, f"{message.rstrip('.')}. Correct the value."
    return path, f"found {error['input']!r}: {message[0].lower()}{message[1:]}. Correct the value."


def _keys_beside(location: Sequence[Any], model: type[BaseModel]) -> list[str]:
    """The keys that stand in a model where the last one of the location was found."""
    section: type[BaseModel] | None = model
    for part in location[:-1]:
        if isinstance(part, str) and section is not None:
            field = section.model_fields.get(part)
            section = None if field is None else _model_in(field.annotation)
    return [] if section is None else list(section.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds, one or several of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
