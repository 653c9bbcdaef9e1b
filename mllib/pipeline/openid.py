"""Signing in at the console through an OpenID Connect provider: its settings, and who may do what."""

import fnmatch
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from mllib.errors import InvalidConfig, NotReady
from mllib.extras import to_install
from mllib.store import SCOPES, Scope

_PREFIX = "CANDLELOOP_OIDC_"
_CALLBACK = "/oauth2callback"
_SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True)
class OpenId:
    """A provider, this console as its client, and the list of those who may come in.

    `metadata_url` is the provider's `…/.well-known/openid-configuration`; `redirect_uri` is the console's own
    address, as browsers reach it, followed by /oauth2callback; `cookie_secret` signs the cookie of whoever is
    signed in. `allow` maps patterns of e-mail addresses to scopes.
    """

    metadata_url: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    cookie_secret: str = field(repr=False)
    allow: Mapping[str, tuple[Scope, ...]]
    name: str = "OpenID Connect"

    @classmethod
    def from_environment(cls) -> Self | None:
        """What the variables `CANDLELOOP_OIDC_*` say, or None where none of them is set.

        Raises:
            InvalidConfig: one is missing, or is not what it should be.
            NotReady: Streamlit's part that signs people in is not installed.
        """
        said = {one.name: os.environ.get(_variable(one.name), "").strip() for one in fields(cls)}
        if not any(value for name, value in said.items() if name != "name"):
            return None
        missing = [_variable(name) for name, value in said.items() if not value and name != "name"]
        if missing:
            raise InvalidConfig(
                f"signing in by OpenID Connect: found no {', no '.join(missing)}, expected all of them. "
                f"Set what is missing, or unset every {_PREFIX}*."
            )
        _check_addresses(said)
        if find_spec("authlib") is None:
            raise NotReady(
                "signing in by OpenID Connect: found no package authlib, expected it. "
                f"Run `{to_install('servers')}`."
            )
        allow = _allowed(said.pop("allow"))
        return cls(**{name: value for name, value in said.items() if value}, allow=allow)

    def scopes_of(self, claims: Mapping[str, Any]) -> tuple[Scope, ...]:
        """What a person who signed in may do; nothing where no pattern is that of their e-mail address.

        An address that the provider calls unverified could be anybody's, and counts for none.
        """
        email = email_of(claims)
        if email is None or claims.get("email_verified") is False:
            return ()
        found = {one for pattern, given in self.allow.items() if _is_like(email, pattern) for one in given}
        return tuple(scope for scope in SCOPES if scope in found)


def email_of(claims: Mapping[str, Any]) -> str | None:
    """The e-mail address among a provider's claims, in small letters, or None."""
    email = claims.get("email")
    return email.strip().casefold() or None if isinstance(email, str) else None


def write_streamlit_secrets(openid: OpenId, folder: Path) -> Path:
    """The file that Streamlit reads a provider from, written for this user alone."""
    settings = {
        "redirect_uri": openid.redirect_uri,
        "cookie_secret": openid.cookie_secret,
        "client_id": openid.client_id,
        "client_secret": openid.client_secret,
        "server_metadata_url": openid.metadata_url,
    }
    # A JSON string is a TOML string, unless characters beyond ASCII are written as halves of a pair.
    said = (f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items())
    lines = ["[auth]", *said]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "streamlit-secrets.toml"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write("\n".join(lines) + "\n")
    return file


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


def _check_addresses(said: Mapping[str, str]) -> None:
    for name in ("metadata_url", "redirect_uri"):
        address = urlsplit(said[name])
        if address.scheme not in ("http", "https") or not address.netloc:
            raise InvalidConfig(f"{_variable(name)}: found {said[name]!r}, expected https://…. Mend it.")
    if urlsplit(said["redirect_uri"]).path != _CALLBACK:
        raise InvalidConfig(
            f"{_variable('redirect_uri')}: found {said['redirect_uri']!r}, expected the console's address "
            f"followed by {_CALLBACK}. Set it so, here and at the provider."
        )
    if len(said["cookie_secret"]) < _SHORTEST_SECRET:
        raise InvalidConfig(
            f"{_variable('cookie_secret')}: found {len(said['cookie_secret'])} characters, expected "
            f"{_SHORTEST_SECRET} random ones or more, as whoever knows them can pass for anybody. "
            "Make them with `openssl rand -hex 32`."
        )


def _allowed(text: str) -> dict[str, tuple[Scope, ...]]:
    """The list `PATTERN=SCOPE,SCOPE PATTERN=…`, by pattern.

    >>> _allowed("*@example.org=annotate ada@example.org=annotate,train")
    {'*@example.org': ('annotate',), 'ada@example.org': ('annotate', 'train')}
    """
    allow: dict[str, tuple[Scope, ...]] = {}
    for entry in text.split():
        pattern, separator, given = entry.rpartition("=")
        wanted = given.split(",")
        if not separator or pattern.count("@") != 1 or not set(wanted) <= set(SCOPES):
            raise InvalidConfig(
                f"{_variable('allow')}: found {entry!r}, expected such as *@example.org=annotate, with some "
                f"of {', '.join(SCOPES)} by comma after an e-mail address or a pattern of one. Mend it."
            )
        allow[pattern.casefold()] = tuple(scope for scope in SCOPES if scope in wanted)
    return allow


def _is_like(email: str, pattern: str) -> bool:
    """Whether an address is that of a pattern; a * stands for anything but an @, and nothing else is special.

    >>> _is_like("ada@example.org", "*@example.org"), _is_like("x@evil.org@example.org", "*@example.org")
    (True, False)
    """
    return email.count("@") == 1 and fnmatch.fnmatchcase(
        email, pattern.replace("[", "[[]").replace("?", "[?]")
    )
