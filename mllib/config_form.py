"""What a training may override, as the fields of a form, read from the configuration's own schemas."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from mllib.config import Config, problems_of, with_value
from mllib.errors import InvalidConfig
from mllib.models import hyperparameters_class

Kind = Literal["switch", "choice", "choices", "integer", "number", "text", "value"]
"""`value` is anything that YAML can say: a share or a word, a mapping of labels to floors."""

_TRAINING = "stages.training"
MODEL_TYPE = f"{_TRAINING}.model_type"
_HYPERPARAMETERS = f"{_TRAINING}.hyperparameters"
_SECTIONS = {
    _TRAINING: "Training",
    _HYPERPARAMETERS: "Model",
    "stages.annotation_ingestion": "Labels",
    "stages.feature_engineering.context": "Inputs",
    f"{_TRAINING}.gate": "Gate",
    f"{_TRAINING}.bootstrap": "Intervals",
}
_NOT_OF_A_RUN = {f"{_TRAINING}.enabled", f"{_TRAINING}.retrain", "stages.annotation_ingestion.enabled"}
_LATER = 99
_KINDS: dict[str, Kind] = {
    "boolean": "switch",
    "integer": "integer",
    "number": "number",
    "string": "text",
    "array": "choices",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number may be; None where there is no bound, `open_*` where the bound itself is refused."""

    least: float | None = None
    most: float | None = None
    open_least: bool = False
    open_most: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """One key of the configuration: what it is now, what it may be, and what it means.

    `optional` fields may be None. `essential` ones, by number, come first; the others belong to a `section`.
    """

    path: str
    title: str
    section: str
    kind: Kind
    value: Any
    said: str
    optional: bool = False
    choices: tuple[str, ...] = ()
    bounds: Bounds = Bounds()
    essential: int = _LATER

    @property
    def is_essential(self) -> bool:
        return self.essential < _LATER


def for_model(config: Config, model_type: str) -> Config:
    """The configuration with another model, of which hyperparameters of the configured one are no part."""
    training = config.stages.training
    if model_type == training.model_type:
        return config
    other = training.model_copy(update={"model_type": model_type, "hyperparameters": {}})
    return config.model_copy(update={"stages": config.stages.model_copy(update={"training": other})})


def form_fields(config: Config) -> list[FormField]:
    """The fields of a training, essential ones first; hyperparameters are those of the configured model."""
    schema = _schema()
    values = config.model_dump(mode="json")
    fields = [field for path in _SECTIONS for field in _section(schema, values, path, config)]
    return sorted(fields, key=lambda field: field.essential)


def changed(config: Config, values: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides by dotted key: what was given and differs from the configuration, the model first."""
    before = config.stages.training.model_type
    model_type = values.get(MODEL_TYPE, before)
    overrides = {} if model_type == before else {MODEL_TYPE: model_type}
    return overrides | {
        field.path: values[field.path]
        for field in form_fields(for_model(config, model_type))
        if field.path in values and values[field.path] != field.value
    }


def problems(config: Config, overrides: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with overrides, by the YAML path where it shows; empty where nothing is."""
    model_type = overrides.get(MODEL_TYPE, config.stages.training.model_type)
    values: dict[str, Any] = for_model(config, model_type).model_dump(mode="json")
    try:
        for key, value in overrides.items():
            values = with_value(values, key, value)
        training = Config.model_validate(values).stages.training
    except InvalidConfig as exc:
        return {exc.path: exc.said}
    except ValidationError as exc:
        return problems_of(exc)
    known = hyperparameters_class(training.model_type)
    try:
        known.model_validate(training.hyperparameters)
    except ValidationError as exc:
        return {f"{_HYPERPARAMETERS}.{path}": said for path, said in problems_of(exc, known).items()}
    return {}


def as_yaml(overrides: Mapping[str, Any]) -> str:
    """Overrides as they would stand in `config/pipeline.yaml`.

    >>> print(as_yaml({"stages.training.seed": 1, "stages.training.gate.enabled": False}))
    stages:
      training:
        seed: 1
        gate:
          enabled: false
    """
    import yaml

    nested: dict[str, Any] = {}
    for key, value in overrides.items():
        nested = with_value(nested, key, value)
    return yaml.safe_dump(nested, sort_keys=False, allow_unicode=True).rstrip() if nested else ""


def as_command(pairs: Sequence[str], timeframe: str, overrides: Mapping[str, Any]) -> str:
    """The command that does the same as the form.

    >>> as_command(["EURUSD"], "1h", {"stages.training.seed": 1})
    'candleloop train --pair EURUSD --timeframe 1h --set stages.training.seed=1'
    """
    words = ["candleloop", "train"]
    words += [word for pair in pairs for word in ("--pair", pair)]
    words += ["--timeframe", timeframe]
    words += [word for key, value in overrides.items() for word in ("--set", f"{key}={_flow(value)}")]
    return shlex.join(words)


def parse_value(path: str, text: str) -> Any:
    """The value that a text means in YAML.

    Raises:
        InvalidConfig: it is not YAML.
    """
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise InvalidConfig(
            f"found {text!r}, which is not YAML. Write such as 0.5, sqrt or {{a: 0.3}}.", path=path
        ) from exc


def value_text(value: Any) -> str:
    """A value as YAML on one line.

    >>> value_text({"bull_flag": 0.3}), value_text("sqrt"), value_text(None)
    ('{bull_flag: 0.3}', 'sqrt', '')
    """
    return "" if value is None else _flow(value)


def _flow(value: Any) -> str:
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


@cache
def _schema(model: type[BaseModel] = Config) -> dict[str, Any]:
    return model.model_json_schema()


def _section(
    schema: Mapping[str, Any], values: Mapping[str, Any], path: str, config: Config
) -> Iterator[FormField]:
    if path == _HYPERPARAMETERS:
        training = config.stages.training
        model = hyperparameters_class(training.model_type)
        own: Mapping[str, Any] = model.model_validate(training.hyperparameters).model_dump(mode="json")
        shape: Mapping[str, Any] = _schema(model)
    else:
        own, shape = _at(values, path), _shape(schema, path)
    for name, described in shape["properties"].items():
        key = f"{path}.{name}"
        if key not in _SECTIONS and key not in _NOT_OF_A_RUN:
            yield _field(key, described, own[name], _SECTIONS[path])


def _at(values: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    for part in path.split("."):
        values = values[part]
    return values


def _shape(schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The schema of a section, its references followed."""
    found = schema
    for part in path.split("."):
        reference: str = found["properties"][part]["$ref"]
        found = schema["$defs"][reference.rpartition("/")[2]]
    return found


def _field(path: str, described: Mapping[str, Any], value: Any, section: str) -> FormField:
    branches = [branch for branch in described.get("anyOf", [described]) if branch.get("type") != "null"]
    shape = branches[0] if len(branches) == 1 else {}
    choices = _choices(shape)
    kind: Kind = (
        "choice" if choices and shape["type"] != "array" else _KINDS.get(shape.get("type", ""), "value")
    )
    return FormField(
        path=path,
        title=_title(path.rpartition(".")[2], described["title"]),
        section=section,
        kind=kind,
        value=value,
        said=described.get("description", ""),
        optional=len(branches) < len(described.get("anyOf", branches)),
        choices=choices,
        bounds=_bounds(shape),
        essential=described.get("essential", _LATER),
    )


def _title(name: str, title: str) -> str:
    """The title that the schema gives a key, or its name as a sentence where it gives none of its own."""
    return name.replace("_", " ").capitalize() if title == name.replace("_", " ").title() else title


def _choices(shape: Mapping[str, Any]) -> tuple[str, ...]:
    inner = shape.get("items", shape)
    return tuple(inner["enum"]) if "enum" in inner else (inner["const"],) if "const" in inner else ()


def _bounds(shape: Mapping[str, Any]) -> Bounds:
    return Bounds(
        shape.get("minimum", shape.get("exclusiveMinimum")),
        shape.get("maximum", shape.get("exclusiveMaximum")),
        "exclusiveMinimum" in shape,
        "exclusiveMaximum" in shape,
    )
