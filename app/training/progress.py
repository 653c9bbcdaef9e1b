"""What one run does or did: stages, progress, result and log."""

import time
from functools import partial

import streamlit as st

from app.failures import errors_shown, in_words
from app.session import labels_of_people, worker_alive, workspace
from app.tables import series_words, span_f1, split_words, version_words
from app.ways import way_to
from app.words import ago, asked_words, duration, model_words
from mllib.pipeline.overview import span_f1_over, time_left_s
from mllib.pipeline.run_log import log_file, log_tail, read_log
from mllib.pipeline.runs import STAGES
from mllib.store import Run


def show_run(run: Run) -> None:
    """Draws a run; a ready one needs its metrics."""
    with st.container(border=True):
        st.markdown(
            f"**{version_words(run) or 'Run'}** · {model_words(run.model_type)} · {run.encoder} · "
            f"{series_words(run)}"
        )
        st.caption(f"run {run.run_id} · {asked_words(run)} {ago(run.created_at)}")
        if run.asked_why is not None:
            st.caption(f":material/autorenew: {run.asked_why}")
        if run.taken_up is not None:
            st.caption(f":material/redo: Begun once more: {run.taken_up}")
        _state(run)
    _log(run)


def _state(run: Run) -> None:
    if run.status == "queued":
        _queued(run)
    elif run.status == "running":
        _running(run)
    elif run.status == "ready":
        _ready(run)
    elif run.status == "cancelled":
        st.info(run.error or "Cancelled.")
    elif run.status == "rejected":
        st.warning(f"The gate refused this model: {run.error}", icon=":material/block:")
        way_to("models", "Look at it on Models", icon=":material/deployed_code:")
    else:
        st.error(f"{run.status.capitalize()}: {in_words(run.error or '')}")


def _queued(run: Run) -> None:
    who = "the worker takes it up in a moment" if worker_alive() else "no worker is there to take it up"
    st.progress(0.0, f"first in the queue: {who}")
    _cancel(run)


def _running(run: Run) -> None:
    st.progress(run.progress, f"{run.progress:.0%} · {run.stage or 'starting'}")
    st.caption("  →  ".join(_stages(run.progress)))
    now = time.time()
    left = time_left_s(run, now=now)
    elapsed = duration(now - (run.started_at or now))
    st.caption(f"{elapsed} so far" + ("" if left is None else f", about {duration(left)} left"))
    _cancel(run)


def _stages(progress: float) -> list[str]:
    """The stages of a run: those done with a tick, the present one bold."""
    ends = [begin for begin, _ in STAGES[1:]] + [1.0]
    said = []
    for (begin, name), end in zip(STAGES, ends, strict=True):
        if progress >= end:
            said.append(f":green[✓] {name}")
        else:
            said.append(f"**{name}**" if progress >= begin else f":gray[{name}]")
    return said


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
    theirs = span_f1_over(metrics, labels_of_people())
    if theirs is not None:
        own.metric("Span F1, people's", f"{theirs:.3f}")
    spans.metric("Span F1, all", f"{span_f1(run):.3f}")
    accuracy.metric("Candle accuracy", f"{metrics['accuracy']:.3f}")
    st.caption(split_words(metrics))
    with st.container(horizontal=True):
        way_to("models", "Compare on Models", icon=":material/deployed_code:")
        way_to("review", "Review its predictions", icon=":material/candlestick_chart:")


def _log(run: Run) -> None:
    lines = log_tail(workspace(), run.run_id)
    if not lines:
        return
    with st.expander("Log", icon=":material/article:"):
        st.code("\n".join(lines), language=None, height=260, wrap_lines=True)
        st.download_button(
            "Download the log",
            partial(read_log, workspace(), run.run_id),
            file_name=log_file(workspace(), run.run_id).name,
            mime="text/plain",
            icon=":material/download:",
            on_click="ignore",
        )
