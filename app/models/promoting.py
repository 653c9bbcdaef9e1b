"""Making a run the champion and going back, each with a question that names what changes."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.failures import errors_shown, in_words
from app.session import champion as followed
from app.session import labels_of_people, workspace
from mllib.errors import CandleloopError
from mllib.pipeline.promoting import promote, promotion_words, rollback, rollback_target
from mllib.pipeline.run_comparison import name_of
from mllib.store import Run

_AT_ONCE = "API and console follow within seconds; the present champion stays and can come back."


def champion_actions(runs: Sequence[Run], champion: Run | None) -> None:
    """Draws the buttons that move the champion: for each run with a model, and the way back."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        for run in runs:
            if champion is not None and run.run_id == champion.run_id:
                _back_button(champion)
            elif run.predictor_path is not None and run.status in ("ready", "rejected"):
                _promote_button(run, champion)


def _promote_button(run: Run, champion: Run | None) -> None:
    refused = run.status == "rejected"
    label = f"Promote {name_of(run)}" + (" over the gate" if refused else "")
    icon = ":material/warning:" if refused else ":material/star:"
    if st.button(label, key=f"promote {run.run_id}", type="secondary" if refused else "primary", icon=icon):
        _ask_to_promote(run, champion)


def _back_button(champion: Run) -> None:
    if st.button("Roll back", key="rollback", icon=":material/undo:"):
        with errors_shown():
            _, back = rollback_target(workspace(), name=champion.registered_model_name)
            _ask_to_go_back(champion, workspace().store.runs.get(back))


@st.dialog("Make it the champion?")
def _ask_to_promote(run: Run, champion: Run | None) -> None:
    _say(promotion_words(champion, run, labels_of_people()))
    over = None
    if run.status == "rejected":
        st.warning(f"The gate refused it: {run.error}", icon=":material/block:")
        over = st.text_input("Why it shall serve all the same", key="over", max_chars=1_000)
    if st.button("Promote", key="promote now", type="primary"):
        _move(lambda: promote(workspace(), run.run_id, moved_by="promote", over=over), "serves now")


@st.dialog("Go back to the model before?")
def _ask_to_go_back(champion: Run, back: Run) -> None:
    _say(promotion_words(champion, back, labels_of_people()))
    reason = st.text_input("Why, if you like to say", key="rollback reason", max_chars=1_000)
    if st.button("Roll back", key="roll back now", type="primary"):
        _move(lambda: rollback(workspace(), reason=reason.strip() or None), "serves again")


def _say(words: Sequence[str]) -> None:
    st.markdown("\n".join(f"- {line}" for line in (*words, _AT_ONCE)))


def _move(step: Callable[[], Run], done: str) -> None:
    try:
        with st.spinner("Making it the champion …"):
            run = step()
            followed().refresh()
    except CandleloopError as exc:
        st.error(in_words(exc), icon=":material/error:")
        return
    st.toast(f"{name_of(run)} {done}.", icon=":material/star:")
    st.rerun()
