"""The one place where an error becomes something on the page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from mllib.deployment import Deployment
from mllib.errors import CandleloopError, InvalidConfig


def in_words(what: BaseException | str) -> str:
    """What went wrong, without the addresses of servers: people of other machines may look at the console."""
    try:
        return Deployment.from_environment().without_addresses(str(what))
    except InvalidConfig:  # then no server was asked
        return str(what)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Shows what candleloop refuses as its text, without a stack trace; what follows the block goes on."""
    try:
        yield
    except CandleloopError as exc:
        st.error(in_words(exc), icon=":material/error:")
