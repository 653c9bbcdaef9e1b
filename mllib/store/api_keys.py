"""API keys: who may call the API, and for what. Only hashes of their secrets are kept.

A token reads `cl_<id>_<secret>`. The secret is 256 random bits, so a plain SHA-256 cannot be guessed from.
"""

import hashlib
import hmac
import re
import secrets
from builtins import list as list_  # `list` is a method's name here
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

from sqlalchemy import select, update
from sqlmodel import col

from mllib.errors import Conflict, InvalidConfig, NotFound
from mllib.store import tables
from mllib.store.database import Database, now_s, upsert

Scope = Literal["read", "annotate", "train"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

_PREFIX = "cl_"
_ID_BYTES = 6
_SECRET_BYTES = 32
_MADE_ELSEWHERE = re.compile(r"cl_[0-9a-f]{12}_[A-Za-z0-9_-]{43,128}")
_NOBODYS_HASH = hashlib.sha256(b"nobody").hexdigest()
_COLUMNS = ("id", "name", "scopes", "created_at", "revoked_at", "secret_hash")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept; times in Unix seconds, `revoked_at` None while it is valid."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: int
    revoked_at: int | None
    secret_hash: str = field(repr=False)

    def allows(self, scope: Scope) -> bool:
        """Whether the key may be used for that; annotate and train imply read."""
        return scope in self.scopes or scope == "read"


class ApiKeyRepository:
    """The keys of a home. They are revoked and never deleted, so that their use can be told afterwards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, scopes: Collection[str]) -> tuple[ApiKey, str]:
        """A new key and its token, which cannot be had again.

        Raises:
            InvalidConfig: the name is empty, or a scope is missing or unknown.
        """
        key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES)
        token = f"{_PREFIX}{key_id}_{secret}"
        return self.adopt(token, name=name, scopes=scopes), token

    def adopt(self, token: str, *, name: str, scopes: Collection[str]) -> ApiKey:
        """The key of a token that was made elsewhere, such as with a deployment's other secrets.

        One that is known already stays as it is, its name and scopes too.

        Raises:
            InvalidConfig: it is no token; the name is empty, or a scope is missing or unknown.
            Conflict: its id is another key's, or it was revoked.
        """
        _check(name, scopes)
        if not _MADE_ELSEWHERE.fullmatch(token):
            raise InvalidConfig(
                f"API key {name}: found {len(token)} characters as its token, expected cl_, 12 hexadecimal "
                "digits, _ and 43 random letters and digits or more. Make one so."
            )
        key_id, _, secret = token.removeprefix(_PREFIX).partition("_")
        kept = tuple(scope for scope in SCOPES if scope in scopes)
        key = ApiKey(key_id, name, kept, now_s(), None, _hash(secret))
        values = {column: getattr(key, column) for column in _COLUMNS} | {"scopes": list_(kept)}
        with self._database.write() as session:
            row = upsert(session, tables.ApiKey).values(values)
            session.execute(row.on_conflict_do_nothing(index_elements=["id"]))
        found = key_of(token, self.list())
        if found is None:
            raise Conflict(
                f"API key {name}: found that its id {key_id} is of no use, as it was revoked or is another "
                "key's, expected a new one. Make another token."
            )
        return found

    def list(self) -> list_[ApiKey]:
        """Every key that was ever created, oldest first; cheap enough to poll."""
        table = tables.ApiKey
        query = select(*(col(getattr(table, column)) for column in _COLUMNS))
        with self._database.read() as session:
            rows = session.execute(query.order_by(col(table.created_at), col(table.id))).all()
        return [ApiKey(row[0], row[1], tuple(row[2]), *row[3:]) for row in rows]

    def revoke(self, key_id: str) -> ApiKey:
        """The key, of no use from now on; twice is as once.

        Raises:
            NotFound: no key has that id.
        """
        table = tables.ApiKey
        valid = col(table.id) == key_id, col(table.revoked_at).is_(None)
        with self._database.write() as session:
            session.execute(update(table).where(*valid).values(revoked_at=now_s()))
        found = next((key for key in self.list() if key.id == key_id), None)
        if found is None:
            raise NotFound(f"No API key {key_id}. See `candleloop keys list` for those that there are.")
        return found


def key_of(token: str, keys: Iterable[ApiKey]) -> ApiKey | None:
    """The valid key whose token this is, or None; an unknown id takes as long as a wrong secret."""
    key_id, _, secret = token.removeprefix(_PREFIX).partition("_")
    found = next((key for key in keys if key.id == key_id), None)
    expected = _NOBODYS_HASH if found is None else found.secret_hash
    is_same = hmac.compare_digest(_hash(secret), expected)
    if found is None or not is_same or not token.startswith(_PREFIX):
        return None
    return found if found.revoked_at is None else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _check(name: str, scopes: Collection[str]) -> None:
    if not name.strip():
        raise InvalidConfig("API key: found no name, expected whose key it is. Name it, such as chart.")
    wrong = [scope for scope in scopes if scope not in SCOPES]
    if wrong or not scopes:
        found = repr(wrong[0]) if wrong else "none"
        raise InvalidConfig(
            f"API key {name}: found {found} as scope, expected some of {', '.join(SCOPES)}. "
            "Give each with --scope."
        )
