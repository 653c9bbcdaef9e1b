"""The desk of the Labels page where labels get colours, keys, names and ends."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from app.labels import desk as labelling
from app.session import workspace
from app.words import count, day, label_words
from mllib.patterns import function_of
from mllib.pipeline.labels import (
    LabelUse,
    add_label,
    label_history,
    list_labels,
    merge_label,
    recolor_label,
    rename_label,
    set_label_key,
)
from mllib.store import LabelChange

_KEYS = "123456789abdefghijklmnopqstvwxyz0"
_TAKEN_BY_PAGE = "bu"


def define_labels() -> None:
    """Draws the desk."""
    uses = list_labels(workspace(), every=True)
    table_side, edit_side = st.columns([2.2, 1.2], gap="medium")
    with table_side:
        chosen = _choose(uses)
    with edit_side:
        _add()
        if chosen is not None:
            _edit(chosen, uses)
        elif uses:
            with st.container(border=True):
                st.markdown("**No label selected**")
                st.caption("Choose a row to change its colour, key or name, to merge or to retire it.")
        _tell_history(chosen)


def _choose(uses: list[LabelUse]) -> LabelUse | None:
    if not uses:
        st.info(
            "No labels yet. Add the first one on the right; imports bring theirs.", icon=":material/label:"
        )
        return None
    others, talib, gone = st.columns([2.2, 1.2, 1.4], vertical_alignment="center")
    others.caption("Labels, oldest first")
    with_talib = talib.toggle("TA-Lib's", key="labels_with_talib")
    with_gone = gone.toggle("Out of use", key="labels_with_gone")
    shown = [
        use
        for use in uses
        if (with_talib or use.people or function_of(use.definition.name) is None)
        and (with_gone or use.definition.is_offered)
    ]
    table = pd.DataFrame(
        {
            "color": ["●"] * len(shown),
            "label": [label_words(use.definition.name) for use in shown],
            "key": [use.definition.key or "" for use in shown],
            "people's spans": [use.people for use in shown],
            "TA-Lib's": [use.talib for use in shown],
            "state": [_state_words(use) for use in shown],
        }
    )
    colors = [use.definition.color for use in shown]
    event = st.dataframe(
        table.style.apply(lambda _: [f"color: {color}" for color in colors], subset=["color"]),
        key="labels_definitions",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        height="auto" if len(shown) < 11 else 560,
        column_config={
            "color": st.column_config.TextColumn("", width=36),
            "key": st.column_config.TextColumn(width="small"),
        },
    )
    rows = event["selection"]["rows"]
    return shown[rows[0]] if rows and rows[0] < len(shown) else None


def _state_words(use: LabelUse) -> str:
    leads_to = use.definition.leads_to
    return use.state if leads_to is None else f"now {label_words(leads_to)}"


def _add() -> None:
    with (
        st.popover("Add a label", icon=":material/add:", width="stretch"),
        st.form("add label", border=False),
    ):
        name = st.text_input("Name", placeholder="rising_wedge", max_chars=80)
        st.caption("A colour and a key are found for it; change them afterwards.")
        if st.form_submit_button("Add", type="primary", width="stretch"):
            labelling.define(add_label, name.strip().replace(" ", "_"))
            st.rerun()


def _edit(use: LabelUse, uses: Sequence[LabelUse]) -> None:
    label = use.definition
    with st.container(border=True):
        st.markdown(f"**{label_words(label.name)}**")
        if not label.is_offered:
            st.caption(f"Out of use: {_state_words(use)}. Its spans are kept.")
            _button("Restore", "settings_backup_restore", lambda ws, name: ws.store.labels.restore(name), use)
            return
        color_side, key_side = st.columns(2)
        color = color_side.color_picker("Colour", label.color, key=f"color of {label.name}")
        if color != label.color:
            labelling.define(recolor_label, label.name, color)
            st.rerun()
        _edit_key(key_side, use, uses)
        if function_of(label.name) is None:
            _rename(use)
            _merge(use, uses)
        with st.popover("Retire", icon=":material/archive:", width="stretch"):
            st.caption(
                f"Its {count(use.people + use.talib, 'span')} stay, but no model learns from them and nobody "
                "is offered it. It can be restored."
            )
            _button("Retire it", "archive", lambda ws, name: ws.store.labels.retire(name), use)


def _edit_key(where: st.delta_generator.DeltaGenerator, use: LabelUse, uses: Sequence[LabelUse]) -> None:
    label = use.definition
    taken = {one.definition.key for one in uses if one.definition.name != label.name}
    free = [key for key in _KEYS if key not in taken and key not in _TAKEN_BY_PAGE]
    own = [] if label.key is None or label.key in free else [label.key]
    key = where.selectbox(
        "Key",
        [None, *own, *free],
        index=0 if label.key is None else [None, *own, *free].index(label.key),
        format_func=lambda one: one or "none",
        key=f"key of {label.name} {label.key}",
    )
    if key != label.key:
        labelling.define(set_label_key, label.name, key)
        st.rerun()


def _rename(use: LabelUse) -> None:
    with st.popover("Rename", icon=":material/edit:", width="stretch"):
        name = st.text_input(
            "New name", use.definition.name, key=f"name of {use.definition.name}", max_chars=80
        )
        st.caption("Spans keep what was written and are read under the new name.")
        _button("Rename it", "edit", rename_label, use, name.strip().replace(" ", "_"))


def _merge(use: LabelUse, uses: Sequence[LabelUse]) -> None:
    others = [one.definition.name for one in uses if one.definition.is_offered and one is not use]
    with st.popover("Merge into another", icon=":material/merge:", width="stretch"):
        into = st.selectbox(
            "The label that stays", others, format_func=label_words, key=f"merge {use.definition.name}"
        )
        st.caption(
            f"{count(use.people, 'span')} of people's will be read under that name. It can be restored."
        )
        if into is not None:
            _button("Merge it", "merge", merge_label, use, into)


def _button(words: str, icon: str, work: Callable[..., object], use: LabelUse, *more: str) -> None:
    st.button(
        words,
        icon=f":material/{icon}:",
        key=f"{words} {use.definition.name}",
        on_click=labelling.define,
        args=(work, use.definition.name, *more),
        width="stretch",
    )


def _tell_history(chosen: LabelUse | None) -> None:
    changes = label_history(workspace(), None if chosen is None else chosen.definition.name)
    with st.expander(f"History ({len(changes)})"):
        if not changes:
            st.caption("Nothing was renamed, merged, retired or recoloured yet.")
        for change in reversed(changes[-50:]):
            st.caption(f"{day(change.created_at)} · {_change_words(change)}")


def _change_words(change: LabelChange) -> str:
    name = label_words(change.name)
    return {
        "rename": f"**{name}** renamed to {label_words(change.value or '')}",
        "merge": f"**{name}** merged into {label_words(change.value or '')}",
        "retire": f"**{name}** retired",
        "restore": f"**{name}** restored",
        "recolor": f"**{name}** recoloured, {change.value} before",
    }[change.kind]
