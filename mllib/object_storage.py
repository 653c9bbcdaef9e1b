"""A folder of an object store that several machines share: S3, or whatever else fsspec knows the address of.

An object is put whole or not at all, and seen by all from then on. Names are relative, with `/` between their
parts. Whatever goes wrong with the store is a `NotReady`; what is not there is a `FileNotFoundError`.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from mllib.deployment import STORAGE
from mllib.errors import CandleloopError, InvalidConfig, NotReady
from mllib.extras import to_install

_CONNECT_S, _ANSWER_S = 3, 6
"""The client tries twice, so that a server that hangs is given up after some twelve seconds."""
_ONE_REQUEST = 2**31
"""What is larger goes to S3 in parts, on which no condition can be set; s3fs alone would begin at 100 MB."""
_COPY_UNUSED_S = 60
_OVERTAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412")
_FOLDERS = ("file", "local")
_PUTS_WHOLE = frozenset({"s3", "gs", "gcs", "abfs", "abfss", "az", "memory"})
"""Stores in which a write that was cut off leaves nothing; elsewhere a file gets its name at the end."""


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of an object without reading it; `version` changes whenever it is written."""

    version: str
    size_bytes: int
    changed_at: float


class ObjectStorage:
    """Objects below an fsspec URL; threads may share it.

    `cache` is a folder for those that were read, by default among the temporary files.
    """

    def __init__(self, url: str, cache: Path | None = None) -> None:
        self.url, self._cache = url, cache or Path(tempfile.gettempdir()) / "candleloop"
        self._kind, _, rest = url.partition("://")
        self._root = rest.rstrip("/")
        self.where = f"{self._kind}://{self._root.rpartition('@')[2]}"  # for messages, without a password
        if self._kind in _FOLDERS:
            self._root = f"/{self._root.lstrip('/')}"

    def stat(self, name: str) -> Stat:
        """What is known of an object, from one question to the store."""
        with self._asking(name):
            return _stat(self._require_file(self._system.info(self._path(name)), name))

    def holds(self, name: str) -> bool:
        """Whether an object is there."""
        try:
            self.stat(name)
        except FileNotFoundError:
            return False
        return True

    def list(self, folder: str) -> list[tuple[str, Stat]]:
        """The objects in a folder, by name without it; those in folders below are left out."""
        with self._asking(folder):
            try:
                found = self._system.ls(self._path(folder), detail=True)
            except FileNotFoundError:
                self._require_bucket()
                return []
            files = [(one["name"].rpartition("/")[2], _stat(one)) for one in found if one["type"] == "file"]
        return sorted((name, stat) for name, stat in files if name and not name.startswith("."))

    def read(self, name: str, *, last: int | None = None) -> bytes:
        """The content of an object, or its last bytes."""
        with self._asking(name):
            content: bytes = self._system.cat_file(self._path(name), start=None if last is None else -last)
        return content

    def local(self, name: str) -> Path:
        """A file of this machine with the present content of an object; what it had before is read once."""
        while True:
            stat = self.stat(name)
            path = self._cache / f"{name}@{stat.version}"
            if _is_whole(path, stat):
                return path
            self._download(name, path)
            if self.stat(name).version == stat.version:
                self._forget_others(path)
                return path
            path.unlink(missing_ok=True)

    def write(self, name: str, content: bytes, *, replaces: str | None = None) -> None:
        """Puts an object. With `replaces`, the version that its content was made from, S3 refuses what would
        overwrite another one; `""` stands for none.
        """
        condition: dict[str, Any] = {}
        if self._kind == "s3" and replaces is not None:
            condition = {"IfMatch": replaces} if replaces else {"mode": "create"}
            condition["chunksize"] = _ONE_REQUEST
        path = self._path(name)
        with self._asking(name):
            if self._kind in _PUTS_WHOLE:
                self._system.pipe_file(path, content, **condition)
                return
            folder, _, last = path.rpartition("/")
            partial = f"{folder}/.{last}.{uuid4().hex}"
            self._make_folder_of(path)
            self._system.pipe_file(partial, content)
            self._system.mv(partial, path)

    def move(self, name: str, to: str) -> None:
        """Gives an object another name: the copy is there before the first one goes.

        S3 refuses it where another object has that name, or where the object has changed meanwhile.
        """
        if self._kind == "s3":
            seen = self.stat(name).version
            self.write(to, self.read(name), replaces="")
            bucket, key, _ = self._system.split_path(self._path(name))
            with self._asking(name):
                self._system.call_s3("delete_object", Bucket=bucket, Key=key, IfMatch=seen)
            return
        with self._asking(name):
            self._make_folder_of(self._path(to))
            self._system.cp_file(self._path(name), self._path(to))
            self._system.rm_file(self._path(name))

    def remove(self, name: str) -> None:
        """Removes an object; one that is not there is none."""
        with self._asking(name), suppress(FileNotFoundError):
            self._system.rm_file(self._path(name))

    def remove_all(self, folder: str) -> None:
        """Removes what is in a folder and below it."""
        with self._asking(folder), suppress(FileNotFoundError):
            self._system.rm(self._path(folder), recursive=True)

    def make(self) -> None:
        """Makes the bucket or folder where it is missing."""
        with self._asking(""):
            self._system.makedirs(self._root, exist_ok=True)

    def examine(self) -> None:
        """Raise `NotReady` unless the store can be read and written."""
        probe = f"probe-{uuid4().hex}"
        self.write(probe, b"")
        self.remove(probe)

    @cached_property
    def _system(self) -> Any:
        """The file system; listings are never remembered, as other machines write, too."""
        import fsspec

        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if self._kind == "s3":
            waits = {"connect_timeout": _CONNECT_S, "read_timeout": _ANSWER_S, "retries": {"max_attempts": 1}}
            options["config_kwargs"] = waits
        if self._kind not in fsspec.available_protocols():
            raise InvalidConfig(
                f"found {self._kind}://, which fsspec does not know, expected s3:// or another that it does. "
                f"Correct {STORAGE}, or data.remote of the configuration."
            )
        try:
            system = fsspec.filesystem(self._kind, **options)
        except (ImportError, ValueError) as exc:
            raise NotReady(
                f"{STORAGE}: found {self._kind}://, whose client is not installed, expected one that is. "
                f"For S3 run `{to_install('servers')}`."
            ) from exc
        if self._kind == "s3":
            system.retries = 1  # the client's own tries are enough
        return system

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _make_folder_of(self, path: str) -> None:
        if self._kind in _FOLDERS:
            self._require_bucket()
        if self._kind not in _PUTS_WHOLE:  # object stores have none
            self._system.makedirs(path.rpartition("/")[0], exist_ok=True)

    def _require_file(self, info: dict[str, Any], name: str) -> dict[str, Any]:
        if info["type"] != "file":
            raise FileNotFoundError(f"{self.where}/{name}")
        return info

    def _require_bucket(self) -> None:
        """A listing of a bucket that is not there, or of a share not mounted, looks like an empty one's."""
        bucket = self._root.partition("/")[0]
        if self._kind == "s3" and not self._system.exists(bucket):
            raise _no_bucket(bucket)
        if self._kind in _FOLDERS and not self._system.isdir(self._root):
            raise NotReady(
                f"{STORAGE}: found no folder {self._root}, expected one. Mount it, or let `candleloop "
                "prepare` make it; or correct the name."
            )

    def _download(self, name: str, path: Path) -> None:
        content = self.read(name)
        partial = path.with_name(f".{path.name}.{uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as exc:
            with suppress(OSError):
                partial.unlink()
            raise NotReady(
                f"{self._cache}: found that it cannot be written ({exc.strerror}), expected room for copies "
                "of what is stored, which is whole. Free the disk or fix the permission, and try again."
            ) from exc

    @staticmethod
    def _forget_others(path: Path) -> None:
        """Removes older copies, but those that somebody may be about to open."""
        stem = path.name.rpartition("@")[0]
        for other in path.parent.iterdir():
            if other.name.startswith(f"{stem}@") and other != path:
                with suppress(FileNotFoundError):
                    if time.time() - other.stat().st_mtime > _COPY_UNUSED_S:
                        other.unlink()

    @contextmanager
    def _asking(self, name: str) -> Iterator[None]:
        try:
            yield
        except CandleloopError:
            raise
        except FileNotFoundError as exc:
            if _code(exc) == "NoSuchBucket":
                raise _no_bucket(self._root.partition("/")[0]) from exc
            raise
        except Exception as exc:  # every protocol has its own errors
            if _code(exc) in _OVERTAKEN:
                raise NotReady(
                    f"{self.where}/{name}: found that another process has written it meanwhile, expected it "
                    "as it was seen. Nothing was overwritten. Try again."
                ) from exc
            said = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
            raise NotReady(
                f"{self.where}/{name}: found “{said}”, expected an answer of the storage. What was stored is "
                f"as it was. Check {STORAGE}, its credentials and the network, and try again."
            ) from exc


def _no_bucket(bucket: str) -> NotReady:
    return NotReady(
        f"{STORAGE}: found no bucket {bucket}, expected one. `candleloop prepare` makes it; "
        "or correct the name."
    )


def _code(exc: BaseException) -> str | None:
    """What S3 calls the error, where it is S3's."""
    response: dict[str, Any] = getattr(exc.__cause__ or exc, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def _is_whole(path: Path, stat: Stat) -> bool:
    """Whether there is a copy, and not one that was cut off with the power; it counts as used now."""
    try:
        os.utime(path)
        return path.stat().st_size == stat.size_bytes
    except OSError:
        return False


def _stat(info: dict[str, Any]) -> Stat:
    changed = info.get("LastModified") or info.get("mtime") or info.get("created") or 0.0
    changed_at = changed.timestamp() if isinstance(changed, datetime) else float(changed or 0.0)
    version = str(info.get("ETag") or info.get("etag") or f"{changed_at}-{info.get('ino', '')}").strip('"')
    return Stat(f"{version}-{info['size']}" if not info.get("ETag") else version, info["size"], changed_at)
