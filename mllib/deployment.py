"""Which servers a deployment uses. Without any, everything lies in the home folder."""

import os
import re
from dataclasses import dataclass, field
from typing import Self

from mllib.errors import InvalidConfig

DATABASE = "CANDLELOOP_DATABASE_URL"
QUEUE = "CANDLELOOP_QUEUE_URL"
STORAGE = "CANDLELOOP_STORAGE_URL"

_EXPECTED = {
    DATABASE: (("postgresql", "postgresql+psycopg"), "postgresql://USER:PASSWORD@HOST/NAME"),
    QUEUE: (("redis", "rediss", "unix"), "redis://:PASSWORD@HOST:6379/0"),
    STORAGE: ((), "s3://BUCKET/FOLDER, or another address that fsspec knows"),
}


_IN_WORDS = (
    (r"\bpostgresql(?:\+\w+)?://[^\s,;]*[^\s,;:.]", DATABASE),
    (r"\b(?:rediss?|unix)://[^\s,;]*[^\s,;:.]", QUEUE),
    (r'server at "[^"]*"(?: \([^)]*\))?, port \d+', "the server"),  # libpq
    (r"""\b(user|role|database|host|host name) (["'])[^"']*\2""", r"\1"),
    (r"\bconnecting to \S*[^\s.]", "connecting"),  # Redis' client
    (r'"https?://[^"]*"', "the server"),  # that of S3
)
"""How messages, those of the servers' clients among them, speak of a server, and what people are told."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The addresses of what is not in the home folder; None where it is.

    `database` is PostgreSQL, `queue` Redis, `storage` an fsspec URL of candles, predictors and datasets.
    They hold passwords, so they come from the environment, and no message repeats them.
    """

    database: str | None = field(default=None, repr=False)
    queue: str | None = field(default=None, repr=False)
    storage: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """What `CANDLELOOP_DATABASE_URL`, `CANDLELOOP_QUEUE_URL` and `CANDLELOOP_STORAGE_URL` say.

        Raises:
            InvalidConfig: one of them is no address of its kind.
        """
        return cls(_address(DATABASE), _address(QUEUE), _address(STORAGE))

    def without_addresses(self, text: str) -> str:
        """A text with servers by the names of the settings, for people who need not know where they are."""
        if self.storage is not None:
            kind, _, rest = self.storage.partition("://")
            text = text.replace(f"{kind}://{rest.rpartition('@')[2]}", STORAGE)
        if self != AT_HOME:
            for pattern, told in _IN_WORDS:
                text = re.sub(pattern, told, text)
        return text


AT_HOME = Deployment()
"""Everything in the home folder."""


def _address(variable: str) -> str | None:
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    kind, separator, rest = text.partition("://")
    kinds, example = _EXPECTED[variable]
    if not separator or not rest or (kinds and kind not in kinds):
        found = f"{kind}://…" if separator else f"{len(text)} characters without ://"
        raise InvalidConfig(f"{variable}: found {found}, expected {example}. Set it so, or unset it.")
    if variable != STORAGE:
        return text
    if ":" in rest.partition("/")[0].rpartition("@")[0]:
        raise InvalidConfig(
            f"{STORAGE}: found a name and a secret before @, expected {example}. Give them as the storage's "
            "own client reads them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for S3."
        )
    return text.rstrip("/")
