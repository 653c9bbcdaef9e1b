"""The form of a training: a widget for each field of the configuration's schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.words import choice_words, count
from mllib.config import Config
from mllib.config_form import MODEL_TYPE, FormField, changed, for_model, form_fields, parse_value, value_text
from mllib.errors import InvalidConfig
from mllib.pipeline.runs import check_training

_FEW = 5
"""So many choices stand side by side; more of them fold into a list."""
_AGAIN = "train form"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says: the run's configuration (None while something is wrong), overrides and problems."""

    config: Config | None
    overrides: dict[str, Any]
    wrong: Mapping[str, str]


@dataclass(slots=True)
class _Drawn:
    """The values of the widgets by path, and beside each the place for a word about it."""

    values: dict[str, Any] = field(default_factory=dict)
    slots: dict[str, DeltaGenerator] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    again: int = 0
    """How often the form was put back to the configuration; its widgets are new ones each time."""


def training_form(config: Config) -> Asked:
    """Draws the form with what is wrong beside its fields."""
    drawn = _Drawn(again=st.session_state.get(_AGAIN, 0))
    first, *_ = form_fields(config)
    model_type = _draw(first, drawn, of="")
    fields = form_fields(for_model(config, model_type))
    for one in fields[1:]:
        if one.is_essential:
            _draw(one, drawn, of=model_type)
    folded = [one for one in fields if not one.is_essential]
    _more(folded, drawn, of=model_type)
    overrides = changed(config, drawn.values)
    chosen, wrong = check_training(config, overrides)
    wrong = drawn.wrong | wrong
    _say(fields, drawn, overrides, wrong)
    return Asked(None if wrong else chosen, overrides, wrong)


def start_anew() -> None:
    """Puts every field back to the configuration."""
    st.session_state[_AGAIN] = st.session_state.get(_AGAIN, 0) + 1


def _more(fields: Sequence[FormField], drawn: _Drawn, *, of: str) -> None:
    with st.expander("More settings", icon=":material/tune:"):
        ordered = sorted(fields, key=lambda one: [f.section for f in fields].index(one.section))
        for section, group in groupby(ordered, key=lambda one: one.section):
            st.markdown(f"**{section}**")
            columns = st.columns(2)
            for i, one in enumerate(group):
                with columns[i % 2]:
                    _draw(one, drawn, of=of)


def _draw(one: FormField, drawn: _Drawn, *, of: str) -> Any:
    key = f"train {drawn.again} {of} {one.path}"
    with st.container(gap=None):
        said = f"{one.said}\n\n`{one.path}`"
        try:
            value = _widget(one, key, said)
        except InvalidConfig as exc:
            value, drawn.wrong[one.path] = one.value, exc.said
        drawn.slots[one.path] = st.empty()
    drawn.values[one.path] = value
    return value


def _say(
    fields: Sequence[FormField], drawn: _Drawn, overrides: Mapping[str, Any], wrong: Mapping[str, str]
) -> None:
    """Below each field what is wrong with it, or what the configuration says where that differs."""
    for one in fields:
        if one.path in wrong:
            drawn.slots[one.path].error(f"`{one.path}`: {wrong[one.path]}")
        elif one.path in overrides and one.path != MODEL_TYPE:
            before = value_text(one.value) or "nothing"
            if one.kind == "choices" and len(one.value) > _FEW:
                before = count(len(one.value), "choice")
            drawn.slots[one.path].caption(f":blue[● changed], the configuration says {before}")


def _widget(one: FormField, key: str, said: str) -> Any:
    match one.kind:
        case "switch":
            return st.toggle(one.title, one.value, key=key, help=said, persist_state="session")
        case "choice":
            return _choice(one, key, said)
        case "choices":
            return _choices(one, key, said)
        case "integer" | "number":
            return _number(one, key, said)
        case "text":
            return st.text_input(one.title, one.value, key=key, help=said, persist_state="session")
    text = st.text_input(one.title, value_text(one.value), key=key, help=said, persist_state="session")
    return parse_value(one.path, text)


def _choice(one: FormField, key: str, said: str) -> Any:
    if len(one.choices) <= _FEW:
        return st.segmented_control(
            one.title,
            one.choices,
            default=one.value,
            required=not one.optional,
            format_func=choice_words,
            key=key,
            help=said,
            persist_state="session",
        )
    return st.selectbox(
        one.title,
        one.choices,
        index=one.choices.index(one.value),
        format_func=choice_words,
        key=key,
        help=said,
        persist_state="session",
    )


def _choices(one: FormField, key: str, said: str) -> list[str]:
    if len(one.choices) <= _FEW:
        chosen = st.pills(
            one.title,
            one.choices,
            selection_mode="multi",
            default=one.value,
            format_func=choice_words,
            key=key,
            help=said,
            persist_state="session",
        )
    else:
        chosen = st.multiselect(
            one.title,
            one.choices,
            default=one.value,
            format_func=choice_words,
            key=key,
            help=said,
            persist_state="session",
        )
    same = set(chosen) == set(one.value)
    return list(one.value) if same else [name for name in one.choices if name in chosen]


def _number(one: FormField, key: str, said: str) -> Any:
    """A number without bounds: one beyond them would stay in the browser, and the old one would train."""
    whole = one.kind == "integer"
    number = int if whole else float
    if one.optional and key not in st.session_state:
        st.session_state[key] = one.value
    return st.number_input(
        one.title,
        value=None if one.optional else number(one.value),
        step=1 if whole else _step(one),
        format=None if whole else "%g",
        placeholder="none",
        key=key,
        help=said,
        persist_state="session",
    )


def _step(one: FormField) -> float:
    return 0.05 if one.bounds.most is not None and one.bounds.most <= 1 else 0.5
