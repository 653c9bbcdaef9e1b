"""Keys: shown once, kept as a hash, found in constant time, revoked for good."""

import hashlib
import re
from pathlib import Path

import pytest

from mllib.errors import InvalidConfig, NotFound
from mllib.store import ApiKey, Store, key_of, open_store
from mllib.store import api_keys as module


def test_the_token_names_the_key_and_its_secret_is_kept_as_a_hash_only(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    key, token = store.api_keys.create("chart", ["annotate", "read"])
    assert re.fullmatch(rf"cl_{key.id}_[\w-]{{43}}", token)
    secret = token.split("_", 2)[2]
    assert key.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert (key.name, key.scopes, key.revoked_at) == ("chart", ("read", "annotate"), None)
    store.close()
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_hashes_are_not_shown(store: Store) -> None:
    key, _ = store.api_keys.create("chart", ["read"])
    assert key.secret_hash not in repr(key)


def test_keys_are_listed_oldest_first(store: Store) -> None:
    made = [store.api_keys.create(name, ["train"])[0] for name in ("a", "b")]
    assert sorted(store.api_keys.list(), key=lambda key: key.name) == made


def test_a_token_finds_its_key(store: Store) -> None:
    made = [store.api_keys.create(name, ["read"]) for name in ("a", "b")]
    keys = store.api_keys.list()
    assert [key_of(token, keys) for _, token in made] == [key for key, _ in made]


@pytest.mark.parametrize("change", ["", "x", "no-prefix", "other id", "cut", "\ud800"])
def test_any_other_token_finds_none(store: Store, change: str) -> None:
    key, token = store.api_keys.create("chart", ["read"])
    wrong = {
        "": "",
        "x": token + "x",
        "no-prefix": token.removeprefix("cl_"),
        "other id": token.replace(key.id, "0" * len(key.id)),
        "cut": token[:-1],
    }.get(change, token + change)
    assert key_of(wrong, store.api_keys.list()) is None


def test_an_unknown_id_is_compared_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(a: str, b: str) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(module.hmac, "compare_digest", compare)
    assert key_of("cl_unknown_secret", []) is None
    assert [len(text) for text in compared[0]] == [64, 64]


def test_a_revoked_key_is_of_no_use_and_stays_on_the_list(store: Store) -> None:
    key, token = store.api_keys.create("chart", ["read"])
    revoked = store.api_keys.revoke(key.id)
    assert revoked.revoked_at is not None
    assert store.api_keys.revoke(key.id) == revoked
    assert store.api_keys.list() == [revoked]
    assert key_of(token, store.api_keys.list()) is None


def test_an_unknown_key_cannot_be_revoked(store: Store) -> None:
    with pytest.raises(NotFound, match="No API key nothing"):
        store.api_keys.revoke("nothing")


@pytest.mark.parametrize(
    ("name", "scopes", "said"),
    [
        (" ", ["read"], "found no name"),
        ("a", [], "found none as scope, expected some of read, annotate, train"),
        ("a", ["read", "write"], "found 'write' as scope"),
    ],
)
def test_what_names_nobody_or_nothing_is_refused(
    store: Store, name: str, scopes: list[str], said: str
) -> None:
    with pytest.raises(InvalidConfig, match=said):
        store.api_keys.create(name, scopes)
    assert store.api_keys.list() == []


def test_annotate_and_train_imply_read() -> None:
    key = ApiKey("1", "a", ("train",), 0, None, "")
    assert [key.allows(scope) for scope in ("read", "annotate", "train")] == [True, False, True]
