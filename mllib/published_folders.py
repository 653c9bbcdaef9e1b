"""Folders on a storage that several machines share: published whole, fetched whole, and never changed."""

import hashlib
import json
import logging
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from mllib.errors import NotReady
from mllib.object_storage import ObjectStorage

_MANIFEST = "manifest.json"

log = logging.getLogger(__name__)


def publish(storage: ObjectStorage, folder: Path, name: str, *, instead: bool = False) -> None:
    """Copies a folder whose files do not change any more. It is there for others once all of it is.

    Its files go to a folder of their own, which the manifest names: two that publish at once never mix.
    S3 refuses it where the name is taken, unless this one is to stand `instead`.
    """
    part, sums = uuid4().hex[:8], _sums(folder)
    for relative in sums:
        storage.write(f"{name}/{part}/{relative}", (folder / relative).read_bytes())
    manifest = json.dumps({"part": part, "sha256": sums}).encode()
    storage.write(f"{name}/{_MANIFEST}", manifest, replaces=None if instead else "")


def exists(storage: ObjectStorage, name: str) -> bool:
    """Whether a folder was published under a name, to its end."""
    return storage.holds(f"{name}/{_MANIFEST}")


def is_published(storage: ObjectStorage, folder: Path, name: str) -> bool:
    """Whether a folder here is, file by file, what was published under a name."""
    return _sums(folder) == _manifest(storage, name)[1]


def fetch(storage: ObjectStorage, name: str, folder: Path) -> None:
    """Brings a published folder, whole; another process may be at it as well.

    Raises:
        FileNotFoundError: it was not published, or not to its end.
        NotReady: what came is not what was published.
    """
    part, sums = _manifest(storage, name)
    partial = folder.with_name(f".{folder.name}.{uuid4().hex}")
    try:
        for relative, expected in sums.items():
            content = storage.read(f"{name}/{part}/{relative}")
            if hashlib.sha256(content).hexdigest() != expected:
                raise NotReady(
                    f"{storage.where}/{name}/{relative}: found other content than was published, expected "
                    "the same. Remove the folder there and publish it again, or choose another model."
                )
            path = partial / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        with suppress(OSError):  # another process was faster; it has the same content
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    log.info("%s fetched from %s", name, storage.where)


def withdraw(storage: ObjectStorage, name: str) -> None:
    """Removes a published folder, its manifest first: nobody finds half of it."""
    storage.remove(f"{name}/{_MANIFEST}")
    storage.remove_all(name)


def _manifest(storage: ObjectStorage, name: str) -> tuple[str, dict[str, str]]:
    """The part of a published folder that counts, and its checksums."""
    manifest = json.loads(storage.read(f"{name}/{_MANIFEST}"))
    return manifest["part"], manifest["sha256"]


def _sums(folder: Path) -> dict[str, str]:
    """SHA-256 of the files in a folder, by their names in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }
