"""Cookies of the browser that looks at a page."""

from functools import cache
from typing import Any
from urllib.parse import unquote

import streamlit as st

from app.browser_modules import STATIC

_SETTING = "export default ({ data }) => setCookie(data.name, data.value, data.seconds);"


def cookie(name: str) -> str:
    """What a cookie held when the browser asked for the page, or nothing."""
    return unquote(st.context.cookies.get(name, ""))


def set_cookie(name: str, value: str, *, seconds: int) -> None:
    """Has the browser keep a value so long; an empty one ends the cookie. It takes up a line of the page."""
    _component()(data={"name": name, "value": value, "seconds": seconds}, key=f"cookie {name}", height=1)


@cache
def _component() -> Any:
    # The text itself and not load(): a page that is left at once would not wait for the file.
    module = (STATIC / "cookies.mjs").read_text(encoding="utf-8")
    return st.components.v2.component("candleloop_cookie", js=module + _SETTING)
