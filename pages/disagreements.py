"""Disagreements: where two layers or two versions differ, as a table and on the chart, and verdicts on it."""

import streamlit as st

from app.annotator import remember_name
from app.background import Task, progress_until_done, result_or_progress
from app.disagreements import deciding, differences
from app.disagreements.choice import choose, says_what_is_missing
from app.disagreements.filters import choose_filters, show_summary
from app.disagreements.table import confirm_all, show_table
from app.disagreements.verdicts import decide_on, show_chart
from app.failures import errors_shown
from app.session import predictor, workspace
from app.ways import no_candles
from mllib.pipeline.comparisons import Comparison
from mllib.pipeline.review import series_to_review
from mllib.store import Verdict


def render() -> None:
    names = series_to_review(workspace(), predictor())
    if not names:
        no_candles()
        return
    differences.begin(names)
    versions = differences.versions()
    choose(names, versions)
    if says_what_is_missing(versions):
        return
    under_way = deciding.under_way()  # first: what is compared then holds all of a batch that has ended
    found = differences.compared(versions)
    if isinstance(found, Task):
        result_or_progress(found, "Reading the whole series once")
        return
    _look(found, under_way)
    differences.remember()


def _look(found: Comparison, under_way: Task[list[Verdict] | None] | None) -> None:
    summary_side = st.container()
    passing = differences.rows(found, choose_filters(found))
    with summary_side:
        show_summary(passing.summary, found)
    if under_way is not None:
        progress_until_done(under_way, "Recording")
        return
    for note in passing.notes:
        st.info(note, icon=":material/info:")
    one = differences.selected(passing.shown)
    table_side, chart_side = st.columns([1, 1.2], gap="medium")
    with table_side:
        show_table(passing)
    with chart_side:
        show_chart(found, one)
        if found.found:
            decide_on(found, passing.shown, one)
    asked = deciding.question()
    if asked is not None:
        confirm_all(asked, found)


with errors_shown():
    render()
    remember_name()
