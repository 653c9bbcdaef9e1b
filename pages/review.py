"""Review: candles with people's and the model's spans, and a verdict on each prediction."""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from app import reviewing
from app.chart import Layer, Mark, candle_figure, span_mark
from app.failures import errors_shown
from app.session import label_colors, labels_offered, predictor, stored_candles, workspace
from app.words import candle_time, count, label_words
from mllib.explaining import explain
from mllib.pipeline.review import ReviewWindow, labels_to_review, review_window, series_to_review
from mllib.spans import PredictedSpan

LAYERS = ("People", "Model", "TA-Lib")
KEYS = """
| key | what it does |
|---|---|
| `Y` | confirm |
| `E` | correct: label, first and last candle; `Enter` saves, `Esc` leaves it as predicted |
| `X` | dismiss |
| `U` | undo the last verdict, as often as you like |
| `J` `K` | next, previous prediction in the window |
| `N` | next prediction after the window |
| `←` `→` | previous, next window |

Drag the chart to pan, scroll to zoom, double-click to see the whole window again.
"""
CHECKED = {"confirm": "✓ ", "correct": "✎ ", "dismiss": "✕ "}
JUDGED = {"confirm": "Confirmed", "correct": "Corrected", "dismiss": "Dismissed"}


def render() -> None:
    names = series_to_review(workspace(), predictor())
    if not names:
        st.info(
            "No candles are stored yet. Run `candleloop candles import FILE --pair EURUSD --timeframe 1h`, "
            "then come back.",
            icon=":material/candlestick_chart:",
        )
        return
    reviewing.begin(names, labels_to_review(workspace(), predictor()))
    chart_side, verdict_side = st.columns([3.4, 1], gap="medium")
    with chart_side:
        _choose_place(names)
        _choose_filters()
        view = _view()
        shown = view.shown(threshold=st.session_state.threshold, labels=st.session_state.labels_shown)
        prediction = reviewing.selected(shown, view)
        _draw(view, shown, prediction)
    with verdict_side:
        _choose_annotator()
        _say(view, shown, prediction)
        _list(view, shown)
    reviewing.remember(view)


def _choose_place(names: list[str]) -> None:
    series, bars, back, on, day, further = st.columns([2.0, 1.35, 0.62, 0.62, 1.5, 2.1], gap="small")
    series.selectbox(
        "Series", names, key="series", on_change=reviewing.open_series, label_visibility="collapsed"
    )
    bars.selectbox(
        "Window",
        reviewing.BAR_CHOICES,
        key="window_bars",
        format_func=lambda n: f"{n:,} bars",
        on_change=reviewing.resize,
        args=(st.session_state.window_bars,),
        label_visibility="collapsed",
    )
    _move_button(back, "chevron_left", "Previous window (←)", "Left", -0.75)
    _move_button(on, "chevron_right", "Next window (→)", "Right", 0.75)
    day.date_input(
        "Go to a day",
        value=None,
        key="jump_date",
        min_value=date(1970, 1, 1),
        on_change=reviewing.jump_to_date,
        label_visibility="collapsed",
    )
    further.button(
        "Next prediction",
        icon=":material/skip_next:",
        help="The next one after this window that passes the filters (N)",
        shortcut="N",
        disabled=predictor() is None,
        on_click=reviewing.jump_to_next_prediction,
        width="stretch",
    )


def _move_button(where: st.delta_generator.DeltaGenerator, icon: str, said: str, key: str, by: float) -> None:
    where.button(
        "",
        key=icon,
        icon=f":material/{icon}:",
        help=said,
        shortcut=key,
        on_click=reviewing.move,
        args=(by,),
        width="stretch",
    )


def _choose_filters() -> None:
    threshold, labels, layers = st.columns([2.4, 1.7, 2.6], gap="medium", vertical_alignment="center")
    threshold.slider(
        "Least confidence",
        0.0,
        1.0,
        step=0.01,
        key="threshold",
        label_visibility="collapsed",
        format="≥ %.2f",
    )
    known = () if predictor() is None else predictor().labels
    st.session_state.labels_shown = [label for label in st.session_state.labels_shown if label in known]
    with labels.popover(f"Labels ({len(st.session_state.labels_shown)} of {len(known)})", width="stretch"):
        st.multiselect(
            "Predictions of these labels", known, key="labels_shown", format_func=label_words, width=420
        )
    st.session_state.setdefault("layers_shown", ["People", "Model"])
    layers.pills("Layers", LAYERS, selection_mode="multi", key="layers_shown", label_visibility="collapsed")


def _view() -> ReviewWindow:
    pair, timeframe = reviewing.series()
    return review_window(
        workspace(),
        stored_candles(),
        predictor(),
        pair=pair,
        timeframe=timeframe,
        first_bar=st.session_state.first_bar,
        bars=st.session_state.window_bars,
        with_talib="TA-Lib" in st.session_state.layers_shown,
    )


def _draw(view: ReviewWindow, shown: Sequence[PredictedSpan], prediction: PredictedSpan | None) -> None:
    figure = candle_figure(
        view.candles,
        _layers(view, shown, prediction),
        label_colors(),
        first_bar=view.first_bar,
        revision=f"{prediction} {reviewing.correcting()}",
        selecting=reviewing.correcting(),
    )
    st.plotly_chart(
        figure,
        key="chart",
        on_select="rerun",
        selection_mode="box",
        config={"scrollZoom": True, "displayModeBar": False},
    )
    reviewing.take_drag(view)
    _legend(view, shown)


def _legend(view: ReviewWindow, shown: Sequence[PredictedSpan]) -> None:
    of_labels = view.shown(threshold=0.0, labels=st.session_state.labels_shown)
    talib = f"┈ TA-Lib {len(view.talib)} · " if "TA-Lib" in st.session_state.layers_shown else ""
    st.caption(
        f"━ people {len(view.people)} · ┅ model {len(shown)} of "
        f"{count(len(of_labels), 'prediction')} · {talib}"
        f"{candle_time(int(view.candles.time[0]), view.candles.timeframe)} – "
        f"{candle_time(int(view.candles.time[-1]), view.candles.timeframe)} UTC"
    )


def _layers(
    view: ReviewWindow, shown: Sequence[PredictedSpan], prediction: PredictedSpan | None
) -> list[Layer]:
    wanted, timeframe = st.session_state.layers_shown, view.candles.timeframe
    layers = []
    if "TA-Lib" in wanted:
        talib = [span_mark(span, who="TA-Lib", timeframe=timeframe) for span in view.talib]
        layers.append(Layer(talib, "dot", width=1.2, tags="none", pad=0.006))
    if "People" in wanted:
        people = [
            span_mark(span, who=f"by {span.annotator or 'people'}", timeframe=timeframe)
            for span in view.people
        ]
        layers.append(Layer(people, "solid"))
    if "Model" in wanted:
        marks = [_mark(span, view, selected=span == prediction) for span in shown]
        layers.append(Layer(marks, "dash", tags="below", pad=0.03))
    return layers


def _mark(span: PredictedSpan, view: ReviewWindow, *, selected: bool) -> Mark:
    verdict = view.verdict_on(span, reviewing.annotator())
    drawn = span_mark(
        span,
        who=f"model, {span.avg_confidence:.2f}",
        tag=_tag(span, view),
        timeframe=view.candles.timeframe,
    )
    return Mark(drawn.span, drawn.tag, drawn.hover, selected=selected, faint=verdict is not None)


def _choose_annotator() -> None:
    name, keys = st.columns([3.2, 1])
    name.text_input(
        "Annotator", key="annotator", placeholder="Your name", label_visibility="collapsed", max_chars=60
    )
    with keys.popover("", icon=":material/keyboard:", width="stretch"):
        st.markdown(KEYS)


def _say(view: ReviewWindow, shown: Sequence[PredictedSpan], prediction: PredictedSpan | None) -> None:
    with st.container(border=True):
        if predictor() is None:
            st.markdown("**No model yet.** Train one on Train; its predictions appear here.")
        elif prediction is None:
            _say_nothing_shown(view)
        elif reviewing.correcting():
            _correct(view, shown, prediction)
        else:
            _judge(view, shown, prediction)
        _undo_button()


def _say_nothing_shown(view: ReviewWindow) -> None:
    below = view.shown(threshold=0.0, labels=st.session_state.labels_shown)
    if not below:
        st.markdown("**No predictions here** for the labels chosen. Go on with `N` or `→`.")
        return
    best = max(p.avg_confidence for p in below)
    least = min(p.avg_confidence for p in below)
    st.markdown(
        f"**Nothing at {st.session_state.threshold:.2f} or more.** "
        f"{count(len(below), 'prediction')} in this window below that, the best at {best:.2f}."
    )
    st.button("Show them", on_click=reviewing.show_less_sure, args=(int(least * 100) / 100,), width="stretch")


def _judge(view: ReviewWindow, shown: Sequence[PredictedSpan], prediction: PredictedSpan) -> None:
    _describe(view, prediction)
    verdict = view.verdict_on(prediction, reviewing.annotator())
    if verdict is not None:
        became = "" if verdict.action != "correct" else f" to {label_words(verdict.label)}"
        st.markdown(f":green-badge[{CHECKED[verdict.action]}{JUDGED[verdict.action]}{became}]")
        if verdict.note:
            st.caption(f"“{verdict.note}”")
        st.button("Take back", on_click=reviewing.retract, args=(verdict.id,), width="stretch")
        return
    st.text_input(
        "Note", key="verdict_note", placeholder="Note (optional)", label_visibility="collapsed", max_chars=500
    )
    said = {"on_click": reviewing.judge, "width": "stretch"}
    rest = (prediction, shown, view)
    st.button(
        "Confirm", shortcut="Y", type="primary", icon=":material/check:", args=("confirm", *rest), **said
    )
    st.button(
        "Correct",
        shortcut="E",
        icon=":material/edit:",
        on_click=reviewing.start_correcting,
        args=(prediction,),
        width="stretch",
    )
    st.button("Dismiss", shortcut="X", icon=":material/close:", args=("dismiss", *rest), **said)
    _explain(view, prediction)


def _explain(view: ReviewWindow, prediction: PredictedSpan) -> None:
    """What moved the score most, for those who ask; it stays open from one prediction to the next."""
    if not st.toggle("Why?", key="why", help="What moved this prediction's score most, for or against it."):
        return
    with errors_shown():
        history = stored_candles().read(view.candles.pair, view.candles.timeframe)
        reasons = explain(predictor(), history, prediction, most=4).reasons
        st.caption("  \n".join(f"{'＋' if r.weight > 0 else '−'} {r.words} ({r.share:.0%})" for r in reasons))


def _describe(view: ReviewWindow, prediction: PredictedSpan) -> None:
    color = label_colors().get(prediction.label, "#7f8c99")
    timeframe = view.candles.timeframe
    st.html(
        f'<div style="display:flex;align-items:baseline;gap:.5rem">'
        f'<span style="width:.7rem;height:.7rem;border-radius:50%;background:{color}"></span>'
        f'<strong style="font-size:1.05rem">{label_words(prediction.label)}</strong>'
        f'<span style="margin-left:auto;font-variant-numeric:tabular-nums">'
        f"{prediction.avg_confidence:.2f}</span></div>"
    )
    st.caption(
        f"{candle_time(prediction.start_time, timeframe)} – {candle_time(prediction.end_time, timeframe)}  \n"
        f"{count(prediction.candle_count, 'candle')} · model v{predictor().info.model_version}"
    )


def _correct(view: ReviewWindow, shown: Sequence[PredictedSpan], prediction: PredictedSpan) -> None:
    st.markdown("**Correct**")
    st.caption("Drag over the candles on the chart, or choose.")
    times = _times_for(view, prediction)
    names = sorted({*labels_offered(), prediction.label})
    st.selectbox("Label", names, key="correct_label", format_func=label_words)

    def shown_time(at: int) -> str:
        return candle_time(at, view.candles.timeframe)

    st.selectbox("First candle", times, key="correct_start", format_func=shown_time)
    st.selectbox("Last candle", times, key="correct_end", format_func=shown_time)
    st.button(
        "Save correction",
        shortcut="Enter",
        type="primary",
        icon=":material/check:",
        on_click=reviewing.save_correction,
        args=(prediction, shown, view),
        width="stretch",
    )
    st.button("Leave it", shortcut="Esc", on_click=reviewing.stop_correcting, width="stretch")


def _times_for(view: ReviewWindow, prediction: PredictedSpan) -> list[int]:
    """The window's candles, and the prediction's own bounds where they lie beyond it."""
    return sorted({*view.candles.time.tolist(), prediction.start_time, prediction.end_time})


def _undo_button() -> None:
    depth = reviewing.undo_depth()
    st.button(
        f"Undo ({depth})" if depth else "Undo",
        shortcut="U",
        icon=":material/undo:",
        type="tertiary",
        disabled=not depth,
        on_click=reviewing.undo,
        width="stretch",
    )


def _list(view: ReviewWindow, shown: Sequence[PredictedSpan]) -> None:
    if not shown:
        return
    earlier, later = st.columns(2)
    earlier.button("Previous", shortcut="K", on_click=reviewing.step, args=(shown, -1), width="stretch")
    later.button("Next", shortcut="J", on_click=reviewing.step, args=(shown, 1), width="stretch")
    names = {reviewing.key_of(span): _listed(span, view) for span in shown}
    st.session_state.listed = st.session_state.review_selected
    with st.container(height=210, border=False):
        st.radio(
            "Predictions in the window",
            list(names),
            key="listed",
            format_func=lambda key: names[key],
            label_visibility="collapsed",
            on_change=lambda: reviewing.select(st.session_state.listed),
        )


def _listed(span: PredictedSpan, view: ReviewWindow) -> str:
    """A prediction as the list names it, unlike any other: Streamlit tells options apart by their text."""
    return (
        f"{_tag(span, view)}  \n:small[:gray[{candle_time(span.start_time, view.candles.timeframe)}, "
        f"{count(span.candle_count, 'candle')}]]"
    )


def _tag(span: PredictedSpan, view: ReviewWindow) -> str:
    verdict = view.verdict_on(span, reviewing.annotator())
    checked = "" if verdict is None else CHECKED[verdict.action]
    return f"{checked}{label_words(span.label)} {span.avg_confidence:.2f}"


with errors_shown():
    render()
