"""What is compared: the series, the two layers or versions, and who judges."""

from collections.abc import Sequence

import streamlit as st

from app.annotator import ask_name
from app.disagreements import differences
from app.session import predictor
from mllib.store import Run

COMPARED = {
    "human,model": "People and the model",
    "human,talib": "People and TA-Lib",
    "talib,model": "TA-Lib and the model",
    differences.VERSIONS: "Two versions",
}
KEYS = """
| key | what it does |
|---|---|
| `J`&nbsp;`K` | next, previous row |
| `Y` | confirm: the prediction is right; of what only people say, keep it |
| `X` | dismiss: it is not there; of other bounds, that people's are right; of people's alone, remove it |
| `S` | skip: looked at, nothing said |
| `U` | undo, a batch as a whole, as often as you like |
| `H` | these keys |

A click on a span selects its row, and a row brings its place to the middle of the chart.
"""


def choose(names: Sequence[str], versions: Sequence[Run]) -> None:
    """The line of choices above the table."""
    with_versions = differences.compares_versions() and len(versions) > 1
    widths = [1.5, 1.7, *([0.95, 0.95] if with_versions else []), 1.5, 0.5]
    series, compare, *versions_side, name, keys = st.columns(widths, gap="small")
    kept = {"persist_state": "session", "label_visibility": "collapsed"}
    series.selectbox("Series", names, key="differ_series", **kept)
    compare.selectbox("Compare", list(COMPARED), key="differ_compare", format_func=COMPARED.get, **kept)
    if with_versions:
        numbers = [str(run.model_version) for run in versions]
        before, after = versions_side
        before.selectbox("Before", numbers, key="differ_before", format_func="from v{}".format, **kept)
        after.selectbox("After", numbers, key="differ_after", format_func="to v{}".format, **kept)
    ask_name(name)
    if keys.button("", icon=":material/keyboard:", shortcut="H", help="Keys", width="stretch"):
        _show_keys()


def says_what_is_missing(versions: Sequence[Run]) -> bool:
    """Whether there is nothing to compare yet; the page then says how to begin."""
    problem = _missing(versions)
    if problem is None:
        return False
    words, icon = problem
    st.info(words, icon=f":material/{icon}:")
    return True


def _missing(versions: Sequence[Run]) -> tuple[str, str] | None:
    """What is missing and how to begin, with an icon."""
    if differences.compares_versions():
        if len(versions) < 2:
            there = "There is one model yet." if versions else "There is no model yet."
            return f"{there} Train another one on Train, then see here what it changes.", "model_training"
        if st.session_state.differ_before == st.session_state.differ_after:
            return "Choose two different versions.", "compare_arrows"
    if "model" in st.session_state.differ_compare and predictor() is None:
        begin = "No model serves yet. Train one on Train; until then, compare people with TA-Lib."
        return begin, "model_training"
    return None


@st.dialog("Keys")
def _show_keys() -> None:
    st.markdown(KEYS)
