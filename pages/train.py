"""Train: choose data and model, launch, watch."""

import time
from typing import Any

import streamlit as st

from app.doors import PAGE_FILES
from app.failures import errors_shown
from app.session import worker_alive, workspace
from app.tables import series_words, span_f1, split_words, version_words
from app.words import ago, duration, model_words
from mllib.encoders import ENCODER_NAMES
from mllib.jobs import enqueue_run
from mllib.models import MODEL_NAMES
from mllib.pipeline.overview import labels_of_people, span_f1_over, time_left_s
from mllib.pipeline.run_watch import clear_abandoned
from mllib.pipeline.runs import request_training, resolve_config
from mllib.store import Run

LAYERS = {"human": "people's spans", "talib": "TA-Lib's spans"}
ENCODER_WORDS = {
    "bio": "bio: a row a candle",
    "window": "window: a row a candidate",
    "combined": "combined: both, the better one for each label",
}


def render() -> None:
    stored = workspace().candles.list()
    if not stored:
        st.info(
            "No candles are stored yet. Run `candleloop candles import FILE --pair EURUSD --timeframe 1h`, "
            "then come back.",
            icon=":material/model_training:",
        )
        return
    clear_abandoned(workspace())
    form, progress = st.columns([1, 1.25], gap="large")
    with form:
        _form({(one.pair, one.timeframe) for one in stored})
    newest = next(iter(workspace().store.runs.list(limit=1)), None)
    with progress:
        st.subheader("Progress")
        _watch(None if newest is None else (newest.run_id, newest.status))


def _form(stored: set[tuple[str, str]]) -> None:
    st.subheader("New training")
    timeframe, pairs = _choose_series(stored)
    chosen = _choose_model()
    active = workspace().store.runs.active()
    complete = bool(pairs and chosen["layers"])
    st.button(
        "Start training",
        type="primary",
        icon=":material/play_arrow:",
        disabled=active is not None or not complete,
        on_click=_launch,
        kwargs={"pairs": pairs, "timeframe": timeframe, **chosen},
        width="stretch",
    )
    if active is not None:
        st.caption(f"Run {active.run_id} is {active.status}; one training runs at a time.")
    elif not complete:
        st.caption("Choose at least one series and one kind of spans to learn from.")
    if not worker_alive():
        st.warning(
            "No worker is running, so nothing would train. "
            "Start one with `candleloop worker`, or everything with `make up`."
        )


def _choose_series(stored: set[tuple[str, str]]) -> tuple[str, list[str]]:
    default = workspace().config.pipeline
    timeframes = sorted({timeframe for _, timeframe in stored})
    at = timeframes.index(default.timeframe) if default.timeframe in timeframes else 0
    timeframe = st.selectbox("Timeframe", timeframes, index=at)
    pairs = sorted(pair for pair, of in stored if of == timeframe)
    first = default.pair if default.pair in pairs else pairs[0]
    help_ = "One model over all of them."
    return timeframe, st.multiselect("Series", pairs, default=[first], help=help_, key=f"pairs {timeframe}")


def _choose_model() -> dict[str, Any]:
    stages = workspace().config.stages
    model_type = st.segmented_control(
        "Model", MODEL_NAMES, default=stages.training.model_type, format_func=model_words, required=True
    )
    encoder = st.selectbox("Encoder", ENCODER_NAMES, format_func=lambda name: ENCODER_WORDS.get(name, name))
    layers = st.pills(
        "Learn from",
        list(LAYERS),
        selection_mode="multi",
        default=list(stages.annotation_ingestion.layers),
        format_func=LAYERS.get,
    )
    return {"model_type": model_type, "encoder": encoder, "layers": layers}


@errors_shown()
def _launch(*, pairs: list[str], timeframe: str, model_type: str, encoder: str, layers: list[str]) -> None:
    ws = workspace()
    config = resolve_config(ws.config, model_type=model_type, encoder=encoder, layers=layers)
    enqueue_run(ws, request_training(ws, pairs=pairs, timeframe=timeframe, config=config))


@st.fragment(run_every=1.0)
def _watch(drawn: tuple[str, str] | None) -> None:
    with errors_shown():
        clear_abandoned(workspace())
        newest = next(iter(workspace().store.runs.list(limit=1)), None)
        if newest is None:
            st.info("No model was trained yet. Choose on the left and start.", icon=":material/arrow_back:")
            return
        if (newest.run_id, newest.status) != drawn:
            st.rerun()
        _show(newest)


def _show(run: Run) -> None:
    with st.container(border=True):
        st.markdown(
            f"**{version_words(run) or 'Run'}** · {model_words(run.model_type)} · {run.encoder} · "
            f"{series_words(run)}"
        )
        st.caption(f"run {run.run_id} · asked for {ago(run.created_at)}")
        if run.status == "queued":
            st.progress(0.0, "waiting for the worker")
            _cancel(run)
        elif run.status == "running":
            _running(run)
        elif run.status == "ready":
            _ready(run)
        elif run.status == "cancelled":
            st.info(run.error or "Cancelled.")
        elif run.status == "rejected":
            st.warning(f"The gate refused this model: {run.error}", icon=":material/block:")
            st.page_link(PAGE_FILES["models"], label="Look at it on Models", icon=":material/deployed_code:")
        else:
            st.error(f"{run.status.capitalize()}: {run.error}")


def _running(run: Run) -> None:
    st.progress(run.progress, f"{run.progress:.0%} · {run.stage or 'starting'}")
    now = time.time()
    left = time_left_s(run, now=now)
    elapsed = duration(now - (run.started_at or now))
    st.caption(f"{elapsed} so far" + ("" if left is None else f", about {duration(left)} left"))
    _cancel(run)


def _cancel(run: Run) -> None:
    st.button(
        "Cancel",
        icon=":material/stop:",
        on_click=errors_shown()(workspace().store.runs.cancel),
        args=(run.run_id,),
        kwargs={"reason": "Cancelled in the console."},
    )


def _ready(run: Run) -> None:
    metrics = run.metrics or {}
    took = duration((run.completed_at or 0) - (run.started_at or 0))
    st.success(f"Ready after {took}.", icon=":material/check:")
    own, spans, accuracy = st.columns(3)
    theirs = span_f1_over(metrics, labels_of_people(workspace()))
    if theirs is not None:
        own.metric("Span F1, people's labels", f"{theirs:.3f}")
    spans.metric("Span F1, all labels", f"{span_f1(run):.3f}")
    accuracy.metric("Candle accuracy", f"{metrics['accuracy']:.3f}")
    st.caption(split_words(metrics))
    with st.container(horizontal=True):
        st.page_link(PAGE_FILES["models"], label="Compare on Models", icon=":material/deployed_code:")
        st.page_link(
            PAGE_FILES["review"], label="Review its predictions", icon=":material/candlestick_chart:"
        )


with errors_shown():
    render()
