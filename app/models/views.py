"""The views of compared runs, one at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from app.failures import errors_shown
from app.models.changes import changes_view
from app.models.comparison import (
    MEASURES,
    champions_table,
    checks_table,
    figures_table,
    labels_table,
    settings_table,
)
from app.models.figures import CONFIG, bounds_figure, curve_figure, reliability_figure, score_figure
from app.session import labels_of_people, workspace
from app.tables import class_table, confusion_figure, empty_labels, split_words
from app.words import count, label_words
from mllib.pipeline.reporting import run_card
from mllib.pipeline.run_comparison import (
    are_comparable,
    differing_settings,
    label_scores,
    measures_bounds,
    name_of,
    run_figures,
)
from mllib.report import to_html, to_markdown
from mllib.store import Run

View = Callable[[Sequence[Run], Sequence[Run]], None]
_ALL = "all labels"


def show_view(name: str, compared: Sequence[Run], runs: Sequence[Run]) -> None:
    """Draws the view of that name of the compared runs, which all have metrics."""
    with errors_shown():
        VIEWS[name](compared, runs)


def _named(runs: Sequence[Run]) -> dict[str, Any]:
    """The metrics of runs by their short names."""
    return {name_of(run): run.metrics for run in runs}


def _scores(compared: Sequence[Run], _: Sequence[Run]) -> None:
    first = labels_of_people()
    named = _named(compared)
    left, right = st.columns([1, 1.15], gap="large")
    with left:
        figures = [run_figures(metrics, first) for metrics in named.values()]
        st.dataframe(figures_table(list(named), figures), hide_index=True, height="content")
        for run in compared:
            st.caption(f"{name_of(run)}: {split_words(run.metrics or {})} {_baseline_words(run)}")
        if not are_comparable(compared):
            st.caption(
                ":orange[:material/info: These runs were tested on other candles or labels, "
                "so their figures do not compare one to one.]"
            )
    with right:
        rows = label_scores(list(named.values()), first)
        st.plotly_chart(score_figure(list(named), rows), key="scores", config=CONFIG)


def _baseline_words(run: Run) -> str:
    """What always saying that there is nothing would score."""
    one = (run.metrics or {})["baseline"]["majority"]
    return f"Always “no pattern” would score {one['accuracy']:.3f} of candles and no span."


def _labels(compared: Sequence[Run], _: Sequence[Run]) -> None:
    first = labels_of_people()
    if len(compared) == 1:
        _one_by_label(compared[0], first)
        return
    named = _named(compared)
    measure = st.pills(
        "Measure",
        list(MEASURES),
        default="span F1",
        required=True,
        key="measure",
        label_visibility="collapsed",
    )
    table = labels_table(list(named), label_scores(list(named.values()), first), measure)
    digits = "%+.1f" if "median" in measure else "%.3f"
    shown = {
        column: st.column_config.NumberColumn(format="%+.3f" if column.startswith("Δ") else digits)
        for column in table.columns
        if column not in ("label", "true spans")
    }
    st.dataframe(table, hide_index=True, height="content", placeholder="–", column_config=shown)
    if "median" in measure:
        _say_who_has_no_bounds(compared)


def _one_by_label(run: Run, first: frozenset[str]) -> None:
    metrics = run.metrics or {}
    score = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        class_table(metrics, first),
        hide_index=True,
        height="content",
        placeholder="",
        column_config=dict.fromkeys(("precision", "recall", "F1", "span F1"), score),
    )
    st.caption("Scores per candle, then per span: found with IoU of at least 0.5.")
    if empty := empty_labels(metrics):
        st.caption(f"Neither there nor predicted: {', '.join(empty)} ({count(len(empty), 'label')}).")


def _confusion(compared: Sequence[Run], _: Sequence[Run]) -> None:
    first = labels_of_people()
    for run, column in zip(compared, _two_a_row(len(compared)), strict=True):
        with column:
            st.markdown(f"**{name_of(run)}**")
            figure = confusion_figure(run.metrics or {}, first)
            st.plotly_chart(figure, key=f"confusion {run.run_id}", config=CONFIG)
    st.caption("Candles. Rows are true, columns predicted; colour is the share of the row.")


def _two_a_row(n: int) -> list[Any]:
    rows = [st.columns(min(n, 2), gap="medium") for _ in range((n + 1) // 2)]
    return [column for row in rows for column in row][:n]


def _curves(compared: Sequence[Run], _: Sequence[Run]) -> None:
    label = _choose_label(compared)
    left, right = st.columns(2, gap="medium")
    with left:
        st.plotly_chart(curve_figure(_named(compared), label), key="curves", config=CONFIG)
        st.caption(
            "Spans at IoU 0.5, as the confidence asked for falls. "
            "A line ends where its decoder lets nothing more through."
        )
    with right:
        st.plotly_chart(reliability_figure(_named(compared), label), key="reliability", config=CONFIG)
        st.caption(
            "Of spans said with confidence 0.7, seven in ten should be right: the dotted line. "
            "ECE is the mean distance."
        )


def _bounds(compared: Sequence[Run], _: Sequence[Run]) -> None:
    able = {name: metrics for name, metrics in _named(compared).items() if measures_bounds(metrics)}
    if able:
        label = _choose_label(compared)
        for side, column in zip(("start", "end"), st.columns(2, gap="medium"), strict=True):
            column.plotly_chart(bounds_figure(able, label, side), key=f"bounds {side}", config=CONFIG)
        st.caption("Matched spans at IoU 0.5 on the test. 20 candles and more count together.")
    _say_who_has_no_bounds(compared)


def _say_who_has_no_bounds(compared: Sequence[Run]) -> None:
    earlier = [name_of(run) for run in compared if not measures_bounds(run.metrics or {})]
    if earlier:
        st.info(
            f"{', '.join(earlier)}: trained by a version that kept mean distances only, which "
            "the card shows. Train again to see how bounds are spread.",
            icon=":material/history:",
        )


def _choose_label(compared: Sequence[Run]) -> str | None:
    rows = label_scores([run.metrics or {} for run in compared], labels_of_people())
    chosen = st.selectbox(
        "Label",
        [_ALL, *rows],
        format_func=label_words,
        key="models label",
        label_visibility="collapsed",
        width=320,
        persist_state="session",
    )
    return None if chosen == _ALL else chosen


def _settings(compared: Sequence[Run], _: Sequence[Run]) -> None:
    if len(compared) < 2:
        st.info("Tick another run to see what was set differently.", icon=":material/compare_arrows:")
    else:
        rows = differing_settings(compared)
        if rows:
            st.dataframe(
                settings_table([name_of(run) for run in compared], rows), hide_index=True, height="content"
            )
        else:
            st.caption("Series, data and settings are the same.")
    for run in compared:
        data = f"data version `{run.data_version}`" if run.data_version else "data version unknown"
        mlflow = f", MLflow run `{run.mlflow_run_id}`" if run.mlflow_run_id else ""
        st.caption(f"{name_of(run)}: run `{run.run_id}`, {data}{mlflow}")


def _gate(compared: Sequence[Run], _: Sequence[Run]) -> None:
    for run in compared:
        gate = (run.metrics or {}).get("gate")
        if gate is None:
            st.caption(f"{name_of(run)} was not put through the gate.")
            continue
        st.markdown(f"**{name_of(run)}** · " + ("passed" if gate["passed"] else "refused"))
        widths = {"check": 110, "": 90}
        shown = {name: st.column_config.TextColumn(width=width) for name, width in widths.items()}
        st.dataframe(checks_table(gate), hide_index=True, height="content", column_config=shown)
        for check in gate["checks"]:
            if check["passed"] is False:
                st.markdown(f":red[✕] {check['said']}")


def _card(compared: Sequence[Run], _: Sequence[Run]) -> None:
    """The card and the plots of one run."""
    run = compared[-1]
    card, drawings = run_card(workspace(), run.run_id)
    st.download_button(
        "Download with plots",
        to_html(card, drawings),
        file_name=f"{run.run_id}.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
    )
    with st.container(border=True):
        st.markdown(to_markdown(card).replace("$", "\\$"))
    for drawing in drawings.values():
        st.image(drawing)


def _history(_: Sequence[Run], runs: Sequence[Run]) -> None:
    moves = workspace().store.champions.history(workspace().config.served_model_name)
    if not moves:
        st.info("No model has served yet. Promote one above.", icon=":material/star:")
        return
    moment = st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")
    st.dataframe(
        champions_table(moves, runs),
        hide_index=True,
        height="content",
        column_config={"since (UTC)": moment, "why": st.column_config.TextColumn(width="large")},
    )


VIEWS: dict[str, View] = {
    "Scores": _scores,
    "Labels": _labels,
    "Confusion": _confusion,
    "Curves": _curves,
    "Bounds": _bounds,
    "On the chart": changes_view,
    "Settings": _settings,
    "Gate": _gate,
    "Card": _card,
    "Champions": _history,
}
