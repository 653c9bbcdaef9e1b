"""Who may use a console at which people sign in through a provider, and what has to be set for it."""

import tomllib
from pathlib import Path

import pytest

from mllib.errors import InvalidConfig
from mllib.pipeline.openid import OpenId, write_streamlit_secrets

SETTINGS = {
    "METADATA_URL": "https://id.example/.well-known/openid-configuration",
    "CLIENT_ID": "candleloop",
    "CLIENT_SECRET": 'a "quoted" \\ secret é😀',
    "REDIRECT_URI": "https://console.example/oauth2callback",
    "COOKIE_SECRET": "c" * 32,
    "ALLOW": "*@example.org=annotate Ada@example.org=train",
}


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch):
    """Sets the variables, some of them otherwise, and reads them."""

    def read(**other: str) -> OpenId | None:
        for name, value in (SETTINGS | other).items():
            monkeypatch.setenv(f"CANDLELOOP_OIDC_{name}", value)
        return OpenId.from_environment()

    return read


def test_without_any_setting_there_is_no_provider(setting) -> None:
    assert setting(**dict.fromkeys(SETTINGS, "")) is None
    assert setting(**dict.fromkeys(SETTINGS, ""), NAME="Example") is None


@pytest.mark.parametrize("name", SETTINGS)
def test_half_of_the_settings_are_refused_by_the_name_of_what_is_missing(name, setting) -> None:
    with pytest.raises(InvalidConfig, match=f"found no CANDLELOOP_OIDC_{name}, expected all"):
        setting(**{name: " "})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("METADATA_URL", "id.example", "expected https://"),
        ("REDIRECT_URI", "https://console.example/", "followed by /oauth2callback"),
        ("COOKIE_SECRET", "short", "found 5 characters, expected 32"),
        ("ALLOW", "example.org", "found 'example.org', expected such as"),
        ("ALLOW", "*=annotate", "expected such as"),
        ("ALLOW", "a@example.org=annotate,admin", "with some of read, annotate, train"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(name, value, message, setting) -> None:
    with pytest.raises(InvalidConfig, match=f"CANDLELOOP_OIDC_{name}.*{message}"):
        setting(**{name: value})


def test_a_person_may_do_what_every_pattern_of_their_address_allows(setting) -> None:
    openid = setting()
    assert openid.scopes_of({"email": "ada@Example.org", "email_verified": True}) == ("annotate", "train")
    assert openid.scopes_of({"email": "bob@example.org"}) == ("annotate",)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"email": ""},
        {"email": ["bob@example.org"]},
        {"email": "bob@example.org.evil.example"},
        {"email": "eve@evil.example@example.org"},
        {"email": "bob@example.org", "email_verified": False},
        {"name": "bob@example.org", "sub": "bob@example.org"},
    ],
)
def test_whoever_has_no_verified_address_of_the_list_may_do_nothing(claims, setting) -> None:
    assert setting().scopes_of(claims) == ()


def test_secrets_are_written_whole_and_shown_nowhere(setting, tmp_path: Path) -> None:
    openid = setting()
    written = tomllib.loads(write_streamlit_secrets(openid, tmp_path).read_text())
    assert written["auth"]["client_secret"] == SETTINGS["CLIENT_SECRET"]
    assert not any(SETTINGS[name] in repr(openid) for name in ("CLIENT_SECRET", "COOKIE_SECRET"))
