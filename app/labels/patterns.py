"""The desk of the Labels page where TA-Lib's functions are tried on a series, and kept or discarded."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app.background import background, result_or_progress
from app.failures import errors_shown
from app.labels import desk as labelling
from app.labels.spans_on_chart import (
    HEIGHT_PX,
    TALIB_BARS,
    colors_of,
    draw_chart,
    kept_layer,
    people_layer,
    preview_layer,
)
from app.session import workspace
from app.words import count
from mllib.candles import Candles
from mllib.patterns import PatternSpans, detect
from mllib.pipeline.pattern_layers import PatternLayer, pattern_layers

_SOON_S = 0.25


def choose_patterns() -> None:
    """Draws the desk."""
    history = labelling.history()
    version = workspace().candles.version(history.pair, history.timeframe)
    task = background(("patterns", str(workspace().home), history.name, version), detect, history)
    task.wait(_SOON_S)
    found = result_or_progress(task, f"TA-Lib looks through {count(len(history), 'candle')}")
    if found is None:
        return
    _end_keeping()
    layers = pattern_layers(workspace(), history, found)
    chart_side, choice_side = st.columns([2.5, 1.35], gap="medium")
    with choice_side:
        chosen = _choose(layers)
        _keep_or_discard(chosen)
        _follow_keeping()
    with chart_side:
        _draw(history, {one.function: found[one.function] for one in chosen})


def _choose(layers: Sequence[PatternLayer]) -> list[PatternLayer]:
    st.caption("Choose patterns to see them on the chart.")
    event = st.dataframe(
        pd.DataFrame(
            {
                "pattern": [one.name for one in layers],
                "▲": [one.bullish for one in layers],
                "▼": [one.bearish for one in layers],
                "kept": [_kept_words(one) for one in layers],
            }
        ),
        key="labels_patterns",
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        height=HEIGHT_PX - 40,
        column_config={
            "pattern": st.column_config.TextColumn(width=135),
            "▲": st.column_config.NumberColumn(help="Bullish spans found", width=62),
            "▼": st.column_config.NumberColumn(help="Bearish spans found", width=62),
            "kept": st.column_config.TextColumn(help="Spans that are stored and learned from", width=62),
        },
    )
    return [layers[row] for row in event["selection"]["rows"]]


def _kept_words(layer: PatternLayer) -> str:
    if layer.kept is None:
        return ""
    return f"✓ {layer.kept:,}" if layer.is_current else f"{layer.kept:,}, old"


def _keep_or_discard(chosen: Sequence[PatternLayer]) -> None:
    stale = [one for one in chosen if not one.is_current]
    stored = [one for one in chosen if one.kept is not None]
    spans = sum(one.bullish + one.bearish for one in stale)
    keep, discard = st.columns(2)
    keep.button(
        f"Keep {count(len(stale), 'pattern')}" if stale else "Keep",
        icon=":material/check:",
        type="primary",
        disabled=not stale or labelling.standing().keeping is not None,
        help=f"Stores {count(spans, 'span')}" if stale else "Choose patterns that are not kept yet",
        on_click=labelling.keep,
        args=([one.function for one in stale],),
        width="stretch",
    )
    discard.button(
        f"Discard {count(len(stored), 'pattern')}" if stored else "Discard",
        icon=":material/close:",
        disabled=not stored,
        help="Drops what is kept of the chosen patterns",
        on_click=labelling.discard,
        args=([one.function for one in stored],),
        width="stretch",
    )
    configured = [one.name for one in stored if one.configured]
    if configured:
        st.caption(
            f"Training finds {', '.join(configured)} again by itself: `talib_patterns` of the configuration "
            "names it."
        )


def _step(history: Candles, chosen: dict[str, PatternSpans]) -> None:
    ends = sorted({int(t) for spans in chosen.values() for t in history.time[spans.end_bar].tolist()})
    if not ends:
        return
    back, on, said = st.columns([1, 1, 4], gap="small", vertical_alignment="center")
    for where, words, key, by in ((back, "Previous", "K", -1), (on, "Next", "J", 1)):
        where.button(words, shortcut=key, on_click=labelling.step, args=(ends, by), width="stretch")
    said.caption(f"{count(len(ends), 'place')} of the patterns chosen")


def _end_keeping() -> None:
    here = labelling.standing()
    if here.keeping is not None and here.keeping.done:
        task, here.keeping = here.keeping, None
        with errors_shown():
            task.result  # noqa: B018  # raises what went wrong


def _follow_keeping() -> None:
    if (task := labelling.standing().keeping) is not None:
        result_or_progress(task, "Storing what TA-Lib finds")


def _draw(history: Candles, chosen: dict[str, PatternSpans]) -> None:
    people = workspace().store.annotations.list(history.pair, history.timeframe)
    layers = [
        people_layer(people, history.timeframe),
        kept_layer(history, without=chosen),
        preview_layer(history, chosen),
    ]
    labels = {
        f"{side}_{one.removeprefix('CDL').lower()}" for one in chosen for side in ("bullish", "bearish")
    }
    draw_chart(history, layers, colors=colors_of(labels))
    _step(history, chosen)
    st.caption(
        "━ people · ┈ TA-Lib, heavier where chosen; drawn where up to about "
        f"{TALIB_BARS - 2_000:,} candles are visible · times are UTC"
    )
