"""The page of the configuration: every key that `mllib.config` knows, from its own schemas."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mllib.config import Config
from mllib.models import MODEL_NAMES, hyperparameters_class
from scripts.reference.markdown import cell, code, page, table

_HEAD = """\
`config/pipeline.yaml` steers every stage; `CANDLELOOP_CONFIG` names another file. `candleloop train
--set KEY=VALUE` overrides a key for one run. A key that is not known is refused with those that are. The
values below are those of the file, which stands with its comments at the end; of keys that a file leaves out,
the default counts. Environment variables: [operating](../operating.md#environment).
"""
_MOST_CHOICES = 8
_HYPERPARAMETERS = "stages.training.hyperparameters"


def configuration_page(file: Path) -> str:
    """The page, with the values of that configuration file."""
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    sections = [_section(path, model, values) for path, model in _sections(Config, "")]
    models = [
        _section(f"{_HYPERPARAMETERS} of {name}", hyperparameters_class(name), {}) for name in MODEL_NAMES
    ]
    whole = f"## The file\n\n```yaml\n{file.read_text(encoding='utf-8').rstrip()}\n```"
    return page("Configuration", _HEAD, *sections, *models, whole)


def _sections(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section that has keys of its own, in the order of the schema."""
    if any(_section_of(field) is None for field in model.model_fields.values()):
        yield path, model
    for name, field in model.model_fields.items():
        if (inner := _section_of(field)) is not None:
            yield from _sections(inner, f"{path}.{name}".lstrip("."))


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _section(path: str, model: type[BaseModel], values: dict[str, Any]) -> str:
    said = _attribute_docstrings(model)
    shapes = model.model_json_schema()["properties"]
    rows = [
        (
            code(name),
            _value(field, _at(values, f"{path}.{name}")),
            _allowed(shapes[name]),
            _meaning(field, said.get(name)),
        )
        for name, field in model.model_fields.items()
        if _section_of(field) is None
    ]
    return f"## {path}\n\n" + table(("key", "value", "may be", "what it does"), rows)


def _at(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _value(field: FieldInfo, stated: Any) -> str:
    value = field.get_default(call_default_factory=True) if stated is None else stated
    plain = [_plain(one) for one in value] if isinstance(value, list | tuple) else _plain(value)
    text = (
        yaml.safe_dump(plain, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")
    )
    return code(text)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _meaning(field: FieldInfo, docstring: str | None) -> str:
    return cell(field.description or docstring or "")


def _allowed(shape: dict[str, Any]) -> str:
    branches = shape.get("anyOf", [shape])
    return " or ".join(_branch(branch) for branch in branches)


def _branch(shape: dict[str, Any]) -> str:
    inner = shape.get("items", {})
    if choices := shape.get("enum") or inner.get("enum"):
        words = ", ".join(map(code, choices)) if len(choices) <= _MOST_CHOICES else f"{len(choices)} names"
        return f"some of {words}" if "items" in shape else words
    if "const" in shape:
        return code(shape["const"])
    if shape.get("type") == "array":
        return f"list of {inner.get('type', 'mapping')}s"
    kind = {"object": "mapping", "boolean": "true or false"}.get(
        shape.get("type", ""), shape.get("type", "any")
    )
    return " ".join([kind, *_bounds(shape)])


def _bounds(shape: dict[str, Any]) -> Iterator[str]:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    for key, sign in signs.items():
        if key in shape:
            yield f"{sign} {shape[key]:g}"


def _attribute_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What stands as a string under a field, by its name, which is how some sections describe theirs."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if not issubclass(owner, BaseModel) or owner is BaseModel:
            continue
        (written,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(written, ast.ClassDef)
        for field, after in zip(written.body, written.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr):
                match field.target, after.value:
                    case ast.Name(id=name), ast.Constant(value=str(text)):
                        found[name] = text
    return found
