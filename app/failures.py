"""The one place where an error becomes something on the page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mllib.deployment import Deployment
from mllib.errors import CandleloopError


def in_words(exc: CandleloopError) -> str:
    """Its text, without the addresses of servers: the console may be shown to people of other machines."""
    return Deployment.from_environment().without_addresses(str(exc))


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows what candleloop refuses as its text, without a stack trace; what follows the block goes on."""
    try:
        yield
    except CandleloopError as exc:
        st.error(in_words(exc), icon=":material/error:")
