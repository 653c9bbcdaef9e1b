"""Database failures in words that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy import exc as sql

from mllib.errors import NotReady

BUSY_TIMEOUT_S = 5.0

_OUR_MISTAKES = (sql.IntegrityError, sql.ProgrammingError, sql.DataError, sql.NotSupportedError)
_ADVICE = (
    (
        ("database is locked", "table is locked"),
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
    (("database or disk is full",), "the disk full", "room to write. Free some space and try again."),
    (
        ("no such table", "no such column"),
        "tables of another version",
        "those of this version. Put back the right file or a backup; if it is an older one, start again.",
    ),
)


def place(url: URL) -> str:
    """The file of an SQLite URL or the URL of a server, without its password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database.removeprefix("file:")
    return url.render_as_string(hide_password=True)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise `NotReady` for what the database or the disk cannot do now.

    Constraint violations and malformed statements pass: they are decisions or mistakes of ours.

    Raises:
        NotReady: locked, read-only, unreachable, missing, full or corrupted.
    """
    try:
        yield
    except _OUR_MISTAKES:
        raise
    except (sql.DBAPIError, sql.TimeoutError, sqlite3.Error) as exc:
        raise NotReady(explain(where, exc)) from exc


def explain(where: str, exc: Exception) -> str:
    """One sentence about a failure of the database at `where`, and what to do."""
    reason = str(exc.orig if isinstance(exc, sql.DBAPIError) else exc).strip()
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
