"""Signing in through an OpenID Connect provider, as Streamlit does it: `CANDLELOOP_OIDC_*` say which."""

import time
from collections.abc import Mapping
from typing import Any

import streamlit as st

from mllib.pipeline.openid import OpenId


@st.cache_resource(show_spinner=False)
def provider() -> OpenId | None:
    """The provider of this console, or None where people sign in with keys alone."""
    return OpenId.from_environment()


def claims(*, not_older_s: float) -> Mapping[str, Any] | None:
    """What the provider said of the person who signed in at this browser, or None where nobody did lately.

    Streamlit's cookie lasts for thirty days, so its age is taken from when the provider issued its claims.
    """
    said: dict[str, Any] = st.user.to_dict() if provider() is not None else {}
    issued = said.get("iat")
    if not said.get("is_logged_in") or not isinstance(issued, int | float):
        return None
    return said if time.time() - issued < not_older_s else None


def login_of(said: Mapping[str, Any]) -> str:
    """What tells this signing in from every other: the same in all tabs of a browser."""
    return " ".join(str(said.get(name)) for name in ("iss", "sub", "iat"))
