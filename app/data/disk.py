"""The Disk part of the Data page: what takes room, and what was deleted lately."""

from functools import partial

import pandas as pd
import streamlit as st

from app.data.state import say
from app.failures import errors_shown
from app.session import workspace
from app.words import ago, file_size
from mllib.pipeline.data import undo_delete
from mllib.pipeline.disk import DiskUse, disk_used

_KEPT_S = 20


def disk_part() -> None:
    """Draws the part."""
    used = _used(str(workspace().home))
    st.markdown(
        f"**{file_size(used.total)}** in `{workspace().home}`; the disk has {file_size(used.free)} left."
    )
    table = pd.DataFrame(
        [
            {"part": part, "size": file_size(size), "share": size / max(used.total, 1)}
            for part, size in used.parts.items()
        ]
    )
    share = st.column_config.ProgressColumn("share of it", format="percent", min_value=0, max_value=1)
    st.dataframe(table, hide_index=True, column_config={"share": share}, width=720)
    _deleted()


@st.cache_data(ttl=_KEPT_S, show_spinner=False)
def _used(home: str) -> DiskUse:
    return disk_used(workspace().home)


def _deleted() -> None:
    kept = workspace().candles.deleted()
    if not kept:
        return
    st.subheader("Deleted lately")
    for one in kept:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"{one.pair} {one.timeframe}, {file_size(one.size_bytes)}, {ago(one.deleted_at)}", width=360
            )
            st.button(
                "Bring back",
                icon=":material/undo:",
                key=f"bring back {one.name}",
                on_click=partial(_bring_back, one.name, f"{one.pair} {one.timeframe}"),
            )
    st.caption("The candles of the five series deleted last are kept; older ones go with the next deletion.")


@errors_shown()
def _bring_back(deleted: str, name: str) -> None:
    undo_delete(workspace(), deleted)
    say(f"{name} is stored again.")
