"""Who is at the console. On this machine alone anybody is; from elsewhere, whoever has a key or is listed.

Those who are listed sign in through an OpenID Connect provider (`app.provider`).
"""

import secrets
import threading
import time
from dataclasses import dataclass, field

import streamlit as st

from app.cookies import cookie, set_cookie
from app.provider import claims, login_of, provider
from app.session import workspace
from mllib.errors import NotReady
from mllib.pipeline.access import is_loopback
from mllib.pipeline.openid import email_of
from mllib.store import SCOPES, ApiKey, Scope, key_of

STAYS_S = 12 * 3_600
"""So long a browser stays signed in, as long as the console runs."""

_COOKIE = "candleloop_session"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at the console, and what for; `name` is None where nobody had to sign in."""

    name: str | None
    scopes: tuple[Scope, ...]
    has_key: bool = False

    def allows(self, scope: Scope) -> bool:
        """Whether a page that asks for this scope is open."""
        return scope == "read" or scope in self.scopes


@dataclass(slots=True)
class _Sessions:
    """The browsers that are signed in: a key's id and an end in Unix seconds for each token.

    `left` are those who came through a provider and signed out, for as long as a copy of their cookie would
    count. Every browser is a thread of this process.
    """

    known: dict[str, tuple[str, float]] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, key_id: str, *, now: float) -> str:
        token = secrets.token_urlsafe(32)
        with self.lock:
            for ended in [one for one, (_, until) in self.known.items() if until <= now]:
                del self.known[ended]
            self.known[token] = (key_id, now + STAYS_S)
        return token

    def key_id(self, token: str, *, now: float) -> str | None:
        with self.lock:
            key_id, until = self.known.get(token, ("", 0.0))
        return key_id if until > now else None

    def end(self, token: str) -> None:
        with self.lock:
            self.known.pop(token, None)

    def leave(self, login: str, *, now: float) -> None:
        with self.lock:
            self.left = {one: until for one, until in self.left.items() if until > now}
            self.left[login] = now + STAYS_S

    def has_left(self, login: str) -> bool:
        with self.lock:
            return login in self.left


def is_open() -> bool:
    """Whether nobody has to sign in: bound to loopback and asked for by a name of it, without a provider.

    A proxy that passes on the name by which it is reached closes the console too.
    """
    if provider() is not None:
        return False
    host = st.context.headers.get("Host")
    return is_loopback(st.get_option("server.address") or "") and (
        host is None or is_loopback(_without_port(host))
    )


def visitor() -> Visitor | None:
    """Who is here, or None for somebody who has to sign in first. A revoked key is of no use at once."""
    if is_open():
        return Visitor(None, SCOPES)
    return _with_key() or _listed()


def _with_key() -> Visitor | None:
    token = st.session_state.get(_COOKIE) or cookie(_COOKIE)
    key_id = _sessions().key_id(token, now=time.time())
    key = next((one for one in _keys() if one.id == key_id and one.revoked_at is None), None)
    return None if key is None else Visitor(key.name, key.scopes, has_key=True)


def _listed() -> Visitor | None:
    openid, said = provider(), claims(not_older_s=STAYS_S)
    if openid is None or said is None or _sessions().has_left(login_of(said)):
        return None
    scopes = openid.scopes_of(said)
    return Visitor(email_of(said), scopes) if scopes else None


def signed_in_name() -> str | None:
    """The name that goes with every verdict where people sign in, or None where they choose one.

    Raises:
        NotReady: this browser is signed out, and what it says would go under any name.
    """
    here = visitor()
    if here is None:
        raise NotReady(
            "You are signed out: found nobody signed in, expected you. Reload the page and sign in."
        )
    return here.name


def leave_if_signed_out() -> None:
    """Has a fragment, which is drawn without the rest of its page, ask for a key again once there is none."""
    if visitor() is None:
        st.rerun()


def ask() -> None:
    """The ways to sign in."""
    _, middle, _ = st.columns([1, 1.4, 1])
    with middle:
        if provider() is not None:
            _ask_provider()
        with st.form("sign in", border=True):
            _ask_key()


def _ask_provider() -> None:
    openid, said = provider(), claims(not_older_s=STAYS_S)
    assert openid is not None
    with st.container(border=True):
        st.subheader("Sign in to candleloop")
        if said is None or _sessions().has_left(login_of(said)):
            if st.button(f"Sign in with {openid.name}", type="primary", width="stretch"):
                st.login()
            return
        st.error(
            f"{email_of(said) or 'This account, which has no e-mail address,'} is not on the list of those "
            "who may use this console, or the address is not verified. Ask whoever runs it to be added."
        )
        if st.button("Sign in as somebody else", width="stretch"):
            sign_out()


def _ask_key() -> None:
    st.subheader("Sign in to candleloop" if provider() is None else "Or with a key")
    if provider() is None and not any(key.revoked_at is None for key in _keys()):
        st.info(
            "No valid key exists yet. On the machine that runs the console, run  \n"
            "`candleloop keys create --name NAME --scope annotate`, once for everybody who works here."
        )
    token = st.text_input("Key", type="password", placeholder="cl_…", help="Your name comes with it.")
    if not st.form_submit_button("Sign in", type="primary", width="stretch"):
        return
    key = key_of(token.strip(), _keys())
    if key is None:
        st.error("This key is not known, or it was revoked. Ask whoever runs the console for a new one.")
        return
    st.session_state[_COOKIE] = _sessions().begin(key.id, now=time.time())
    st.rerun()


def stay_signed_in() -> None:
    """Has the browser remember who it is, so that a reload asks nobody again."""
    if token := st.session_state.get(_COOKIE):
        set_cookie(_COOKIE, token, seconds=STAYS_S)


def sign_out() -> None:
    """Ends this browser's session, in every tab."""
    token = st.session_state.pop(_COOKIE, None) or cookie(_COOKIE)
    _sessions().end(token)
    said = claims(not_older_s=STAYS_S)
    if said is None:
        st.rerun()
    _sessions().leave(login_of(said), now=time.time())
    st.logout()


def _keys() -> list[ApiKey]:
    return workspace().store.api_keys.list()


def _without_port(host: str) -> str:
    return host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]


@st.cache_resource(show_spinner=False)
def _sessions() -> _Sessions:
    return _Sessions()
