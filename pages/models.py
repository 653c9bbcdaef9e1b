"""Models: every run, how its model does label by label, and which one serves."""

from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st

from app.doors import PAGE_FILES
from app.failures import errors_shown
from app.session import champion, workspace
from app.tables import (
    class_table,
    confusion_figure,
    empty_labels,
    runs_table,
    series_words,
    span_f1,
    split_words,
    version_words,
)
from app.words import ago, count, model_words
from mllib.pipeline.overview import labels_of_people, span_f1_over
from mllib.pipeline.promoting import promote, rollback
from mllib.pipeline.reporting import run_card
from mllib.report import to_html, to_markdown
from mllib.store import Run

_ROWS_SHOWN = 5
_ROLL_BACK = "roll back"


def render() -> None:
    runs = workspace().store.runs.list()
    if not runs:
        st.info("No model was trained yet.", icon=":material/deployed_code:")
        st.page_link(PAGE_FILES["train"], label="Train a first model", icon=":material/arrow_forward:")
        return
    move = workspace().store.champions.current(workspace().config.served_model_name)
    champion_id = None if move is None else move.run_id
    run = _choose(runs, champion_id)
    _head(run, is_champion=run.run_id == champion_id)
    if run.metrics is not None:
        _metrics(run)
        _card(run)


def _choose(runs: list[Run], champion_id: str | None) -> Run:
    event = st.dataframe(
        runs_table(runs, champion_id, labels_of_people(workspace())),
        hide_index=True,
        height="content" if len(runs) <= _ROWS_SHOWN else 222,
        placeholder="",
        key="runs",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "people": _score("span F1, people", "Span F1 at IoU 0.5 of the labels that people use"),
            "all": _score("span F1, all", "Span F1 at IoU 0.5 of all labels, TA-Lib's among them"),
            "candles": _score("candle F1", "F1 per candle, the mean of all labels"),
            "accuracy": _score("accuracy", "Share of candles with the right label"),
            "started (UTC)": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        },
    )
    if event.selection.rows:
        return runs[event.selection.rows[0]]
    return next((run for run in runs if run.run_id == champion_id), runs[0])


def _score(name: str, said: str) -> Any:
    return st.column_config.NumberColumn(name, format="%.3f", help=said)


def _head(run: Run, *, is_champion: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        name = version_words(run) or f"run {run.run_id}"
        st.subheader(
            f"{name} · {model_words(run.model_type)} · {run.encoder} · {series_words(run)}", width="stretch"
        )
        if is_champion:
            st.badge("Champion", icon=":material/star:", color="green")
            st.button("Roll back", key="rollback", icon=":material/undo:", on_click=_ask, args=(_ROLL_BACK,))
        elif run.predictor_path is not None and run.status == "ready":
            st.button(
                f"Promote {name}",
                key="promote",
                type="primary",
                icon=":material/star:",
                on_click=_ask,
                args=(run.run_id,),
            )
    asked = st.session_state.pop("asked", None)
    if asked == run.run_id:
        _promote(run)
    elif asked == _ROLL_BACK:
        _roll_back()
    if run.status == "failed" and run.error:
        st.error(f"This run failed: {run.error}")
    elif run.status == "rejected":
        _refused(run, is_champion=is_champion)
    elif run.status == "cancelled":
        st.info(f"This run was cancelled. {run.error or ''}")
    elif run.status in ("queued", "running"):
        st.info("This run is under way.")
        st.page_link(PAGE_FILES["train"], label="Watch it on Train", icon=":material/arrow_forward:")


def _refused(run: Run, *, is_champion: bool) -> None:
    """What the gate found, and a way past it for someone who says why."""
    st.error(f"The gate refused this model: {run.error}")
    if is_champion or run.predictor_path is None:
        return
    with st.form("over", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        over = st.text_input("Why it shall serve all the same", key="over", max_chars=1_000)
        if st.form_submit_button("Promote over the gate", icon=":material/star:"):
            _promote(run, over=over)


def _ask(for_: str) -> None:
    st.session_state.asked = for_


def _promote(run: Run, *, over: str | None = None) -> None:
    with errors_shown():
        with st.spinner("Making it the champion …"):
            promoted = promote(workspace(), run.run_id, moved_by="promote", over=over)
            champion().refresh()
        st.toast(f"{version_words(promoted)} serves now.", icon=":material/star:")
        st.rerun()


def _roll_back() -> None:
    with errors_shown():
        back = rollback(workspace())
        champion().refresh()
        st.toast(f"{version_words(back)} serves again.", icon=":material/undo:")
        st.rerun()


def _card(run: Run) -> None:
    """The card and the plots, once someone asks for them."""
    if not st.toggle("Model card", key=f"card {run.run_id}"):
        return
    with errors_shown():
        card, drawings = run_card(workspace(), run.run_id)
        st.download_button(
            "Download with plots",
            to_html(card, drawings),
            file_name=f"{run.run_id}.html",
            mime="text/html",
            icon=":material/download:",
        )
        with st.container(border=True):
            st.markdown(to_markdown(card).replace("$", "\\$"))
        for drawing in drawings.values():
            st.image(drawing)


def _metrics(run: Run) -> None:
    metrics = run.metrics or {}
    baseline = metrics["baseline"]["majority"]
    first = labels_of_people(workspace())
    theirs = span_f1_over(metrics, first)
    own, spans, macro, accuracy = st.columns(4)
    if theirs is not None:
        _beside(own, "Span F1, people's labels", theirs, 0.0)
    _beside(spans, "Span F1, all labels", span_f1(run) or 0.0, baseline["span_f1"])
    _beside(macro, "Candle F1, macro", metrics["f1_macro"], baseline["f1_macro"])
    _beside(accuracy, "Candle accuracy", metrics["accuracy"], baseline["accuracy"])
    between = metrics.get("intervals", {}).get("span_f1", {}).get("micro")
    if between is not None:
        st.caption("95 % interval of span F1 over all labels: {:.3f} to {:.3f}.".format(*between))
    trained = "" if run.completed_at is None else f"Trained {ago(run.completed_at)}. "
    st.caption(f"{trained}{split_words(metrics)} Baseline: always “no pattern”. A span counts at IoU ≥ 0.5.")
    left, right = st.columns([1.1, 1], gap="large")
    with left:
        _per_label(metrics, first)
    with right:
        st.subheader(
            "Confusion of candles", help="Rows are true, columns predicted; colour is the share of the row."
        )
        st.plotly_chart(confusion_figure(metrics, first), key="confusion", config={"displayModeBar": False})


def _beside(where: st.delta_generator.DeltaGenerator, name: str, value: float, baseline: float) -> None:
    where.metric(
        name,
        f"{value:.3f}",
        delta=f"{value - baseline:+.3f}",
        delta_description=f"baseline {baseline:.3f}",
        border=True,
    )


def _per_label(metrics: Mapping[str, Any], first: Collection[str]) -> None:
    st.subheader("Label by label", help="Scores per candle, then per span: found with IoU of at least 0.5.")
    table = class_table(metrics, first)
    score = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        placeholder="",
        column_config=dict.fromkeys(("precision", "recall", "F1", "span F1"), score),
    )
    if empty := empty_labels(metrics):
        st.caption(f"Neither there nor predicted: {', '.join(empty)} ({count(len(empty), 'label')}).")


with errors_shown():
    render()
