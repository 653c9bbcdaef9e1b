"""Backups: one file with every row, the same from SQLite and from PostgreSQL, so either can be restored to.

A ZIP with a `TABLE.jsonl` per table (each row a JSON array) and, written last, `manifest.json`: the revision
of the tables, and of each table its columns, how many rows it has and the SHA-256 of its file.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from mllib.errors import NotFound, NotReady
from mllib.flushing import flush_folder
from mllib.progress import Progress, quiet
from mllib.store import migrating
from mllib.store.copying import Batch, LiveSource, fill
from mllib.store.database import Database, database_url, now_s

_FORMAT = 1
_MANIFEST = "manifest.json"
_ROWS_A_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup: rows by table, the revision of the tables, and when it was made (Unix s)."""

    counts: dict[str, int]
    revision: str
    created_at: int


def back_up(url_or_home_path: str | Path, file: Path, *, progress: Progress = quiet) -> Backup:
    """Write every row of a database, as it was at one moment, into a file; others go on reading and writing.

    The file appears whole, in place of an older one of that name, or not at all.

    Raises:
        NotReady: the database or the disk cannot be used.
    """
    database = Database(database_url(url_or_home_path))
    try:
        with database.read() as session, _whole(file) as stream:
            connection = session.connection()
            revision = migrating.require_some(database, connection)
            backup = Backup({}, revision, now_s())
            source = LiveSource(connection)
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                tables = _write_tables(archive, source, progress)
                backup.counts.update({name: table["rows"] for name, table in tables.items()})
                head = {"format": _FORMAT, "revision": revision, "created_at": backup.created_at}
                archive.writestr(_MANIFEST, json.dumps(head | {"tables": tables}, indent=1))
        return backup
    finally:
        database.close()


def restore(file: Path, url_or_home_path: str | Path, *, progress: Progress = quiet) -> Backup:
    """Fill an empty database from a backup and bring it to this version's tables, or leave it as it was.

    Raises:
        NotFound: there is no such file.
        Conflict: the database is not empty.
        NotReady: the file is damaged or no backup, or the database cannot be used.
        InvalidAnnotations: it has a row that this database cannot keep.
    """
    database = Database(database_url(url_or_home_path))
    try:
        with _opened(file) as source, migrating.filling(database, source.backup.revision) as connection:
            fill(connection, source, progress)
            return source.backup
    finally:
        database.close()


class _ArchiveSource:
    """The rows of a backup; what does not have the checksum of the manifest is refused."""

    def __init__(self, file: Path, archive: zipfile.ZipFile) -> None:
        self._file, self._archive = file, archive
        manifest = json.loads(archive.read(_MANIFEST))
        if manifest["format"] != _FORMAT:
            raise NotReady(
                f"{file}: found a backup of format {manifest['format']}, expected {_FORMAT}. Install the "
                "version of candleloop that wrote it, or a newer one."
            )
        self._tables: dict[str, Any] = manifest["tables"]
        self.columns: Mapping[str, Sequence[str]] = {
            name: table["columns"] for name, table in self._tables.items()
        }
        counts = {name: int(table["rows"]) for name, table in self._tables.items()}
        self.counts: Mapping[str, int] = counts
        self.backup = Backup(counts, manifest["revision"], manifest["created_at"])

    def batches(self, table: str) -> Iterator[Batch]:
        digest = hashlib.sha256()
        with self._archive.open(f"{table}.jsonl") as member:
            while lines := list(islice(member, _ROWS_A_BATCH)):
                for line in lines:
                    digest.update(line)
                yield [json.loads(line) for line in lines]
        if digest.hexdigest() != self._tables[table]["sha256"]:
            raise _damaged(self._file, f"other rows of {table} than were written")


@contextmanager
def _opened(file: Path) -> Iterator[_ArchiveSource]:
    if not file.is_file():
        raise NotFound(f"{file}: found no such file, expected a backup. Name one of `candleloop db backup`.")
    try:
        with zipfile.ZipFile(file) as archive:
            yield _ArchiveSource(file, archive)
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError) as exc:
        raise _damaged(file, str(exc) or type(exc).__name__) from exc
    except OSError as exc:
        raise NotReady(f"{file}: found {exc.strerror}, expected a file to read. Check the disk.") from exc


def _write_tables(
    archive: zipfile.ZipFile, source: LiveSource, progress: Progress
) -> dict[str, dict[str, Any]]:
    written: dict[str, dict[str, Any]] = {}
    done, total = 0, max(1, sum(source.counts.values()))
    for name, columns in source.columns.items():
        digest, rows = hashlib.sha256(), 0
        with archive.open(f"{name}.jsonl", "w", force_zip64=True) as member:
            for batch in source.batches(name):
                content = "".join(json.dumps([*row], ensure_ascii=False) + "\n" for row in batch).encode()
                member.write(content)
                digest.update(content)
                rows += len(batch)
                progress(min(1.0, (done + rows) / total), name)
        done += rows
        written[name] = {"columns": [*columns], "rows": rows, "sha256": digest.hexdigest()}
    return written


@contextmanager
def _whole(file: Path) -> Iterator[IO[bytes]]:
    """A file under another name, which gets its own when it is on the disk; only this user may read it."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
        flush_folder(file.parent)
    except OSError as exc:
        raise NotReady(
            f"{file}: found {exc.strerror}, expected a place to write a backup to. Free some space, or name "
            "a folder that this user may write."
        ) from exc
    finally:
        temporary.unlink(missing_ok=True)


def _damaged(file: Path, found: str) -> NotReady:
    return NotReady(
        f"{file}: found that it is damaged or no backup ({found}), expected one of `candleloop db backup`. "
        "Nothing was written. Take another backup."
    )
