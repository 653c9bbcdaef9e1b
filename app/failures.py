"""The one place where an error becomes something on the page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mllib.errors import CandleloopError


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows what candleloop refuses as its text, without a stack trace; what follows the block goes on."""
    try:
        yield
    except CandleloopError as exc:
        st.error(str(exc), icon=":material/error:")
