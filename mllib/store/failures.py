"""Database failures in words that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy import exc as sql

from mllib.errors import InvalidAnnotations, NotReady

BUSY_TIMEOUT_S = 5.0

_OUR_MISTAKES = (sql.IntegrityError, sql.ProgrammingError, sql.NotSupportedError)
_STATE_OF_THE_SERVER = ("42501", "42P01", "42703")
"""Right, table or column missing: psycopg counts them among malformed statements."""
_SHOWN_OF_QUERY = ("host", "port")
_ADVICE = (
    (
        ("database is locked", "table is locked", "due to lock timeout"),
        f"it locked by another process for more than {BUSY_TIMEOUT_S:g} s",
        "a free database. Close the program that holds it, or try again in a moment.",
    ),
    (
        ("readonly database",),
        "it read-only",
        "a writable database. Give this user write access to the file and its folder.",
    ),
    (
        ("disk i/o error",),
        "that the disk could not be read or written",
        "a disk with room that works. Free some space, check the disk, and try again; the data stays whole.",
    ),
    (
        ("malformed", "not a database"),
        "a file that is damaged or no database",
        "an SQLite database. Move the file away and put back a backup.",
    ),
    (
        ("read-only transaction",),
        "a server that only reads, such as a standby",
        "one that may be written. Name the primary server in CANDLELOOP_DATABASE_URL.",
    ),
    (
        ("password authentication failed", "no password supplied", "pg_hba.conf", 'fatal:  role "'),
        "that the server does not let this user in",
        "a user and a password that it knows. Correct CANDLELOOP_DATABASE_URL or the server's pg_hba.conf.",
    ),
    (
        ('fatal:  database "',),
        "no database of that name",
        "an empty one at the first start. Create it with createdb, or correct CANDLELOOP_DATABASE_URL.",
    ),
    (
        ("permission denied",),
        "that this user may not",
        "the owner of the database. Make it so (ALTER DATABASE … OWNER TO …), or grant the right.",
    ),
    (
        ("statement timeout",),
        "no answer within a minute",
        "one in seconds. Look at what the server is busy with, and try again.",
    ),
    (
        ("database or disk is full", "no space left on device"),
        "the disk full",
        "room to write. Free some space and try again.",
    ),
    (
        ("no such table", "no such column", "does not exist"),
        "tables of another version",
        "those of this version. Put back the right file or a backup; if it is an older one, start again.",
    ),
)


def place(url: URL) -> str:
    """The file of an SQLite URL or the URL of a server, without its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database.removeprefix("file:")
    shown = {name: value for name, value in url.query.items() if name in _SHOWN_OF_QUERY}
    return url.set(query=shown).render_as_string(hide_password=True)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise `NotReady` for what the database or the disk cannot do now.

    Constraint violations and malformed statements pass: they are decisions or mistakes of ours. SQLite keeps
    whatever it is given, so only PostgreSQL finds values that it cannot keep.

    Raises:
        NotReady: locked, read-only, unreachable, missing, full or corrupted.
        InvalidAnnotations: a value that the database cannot keep, such as text with the character NUL, or NaN
            among JSON.
    """
    try:
        yield
    except sql.DataError as exc:
        raise InvalidAnnotations(
            f"Database {where}: found a value that it cannot keep ({str(exc.orig).splitlines()[0]}), "
            "expected text that people can read and finite numbers. Correct it, and send it again."
        ) from exc
    except _OUR_MISTAKES as exc:
        if getattr(exc.orig, "sqlstate", None) not in _STATE_OF_THE_SERVER:
            raise
        raise NotReady(explain(where, exc)) from exc
    except (sql.DBAPIError, sql.TimeoutError, sqlite3.Error) as exc:
        raise NotReady(explain(where, exc)) from exc


def explain(where: str, exc: Exception) -> str:
    """One sentence about a failure of the database at `where`, and what to do."""
    reason = " ".join(str(exc.orig if isinstance(exc, sql.DBAPIError) else exc).split("\n")).strip()
    for fragments, found, expected in _ADVICE:
        if any(fragment in reason.lower() for fragment in fragments):
            return f"Database {where} cannot be used: found {found} ({reason}), expected {expected}"
    if "unable to open database file" in reason:
        return missing_folder(where)
    return (
        f"Database {where} cannot be used: found “{reason}”, expected an answer. "
        "Check that the database runs and can be reached, then try again."
    )


def file_gone(where: str, *, found: str = "no file there") -> str:
    """The sentence for a database file that is no longer where it was."""
    return (
        f"Database {where} cannot be used: found {found}, expected the one with everything stored so "
        "far. Put it back, with the -wal file beside it if there is one, or restore a backup; until then "
        "nothing is stored, so send again what was refused."
    )


def missing_folder(where: str) -> str:
    """The sentence for a database file that cannot be opened or made."""
    return (
        f"Database {where} cannot be opened: found no such folder or no right to it, expected a folder "
        "to keep the file in. Create the folder or correct CANDLELOOP_HOME."
    )
