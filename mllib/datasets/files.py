"""Tables to Parquet with equal bytes for equal content, and the version of a folder: DVC's own hash of it."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mllib.datasets.columns import Column
from mllib.datasets.schema import checked
from mllib.errors import NotReady, TrainingFailed

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_ROWS_A_GROUP = 131_072


def write_table(
    frame: "pd.DataFrame", path: Path, columns: Sequence[Column], *, key: Sequence[str] = ()
) -> None:
    """Puts a table that fits its schema in place of a file, whole or not at all.

    Every field carries `unit meaning causality` as metadata; nothing in the file tells when it was made.

    Raises:
        TrainingFailed: the table does not fit; nothing is written.
        NotReady: the disk refuses; the file is as it was.
    """
    import pyarrow.parquet as pq

    table = _documented(checked(frame, columns, where=f"dataset table {path.name}", key=key), columns)
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd", row_group_size=_ROWS_A_GROUP)


def table_bytes(frame: "pd.DataFrame", columns: Sequence[Column], *, where: str) -> bytes:
    """The content of the file that `write_table` writes; raises as it does."""
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(_documented(checked(frame, columns, where=where), columns), content, compression="zstd")
    return content.getvalue()


def write_text(text: str, path: Path) -> None:
    """Puts a text in place of a file, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write, which then takes the place of `path`."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as exc:
        raise NotReady(
            f"{path}: found that it cannot be written ({exc.strerror or exc}), expected a disk with room. "
            "Free some or choose another path."
        ) from exc
    finally:
        if partial.exists():
            partial.unlink()


def _documented(frame: "pd.DataFrame", columns: Sequence[Column]) -> "pa.Table":
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    told = {c.name: {"unit": c.unit, "meaning": c.meaning, "causality": c.causality} for c in columns}
    fields = [field.with_metadata(told[field.name]) for field in table.schema]
    return table.cast(pa.schema(fields))


def read_table(path: Path) -> "pd.DataFrame":
    """A table that `write_table` wrote.

    Raises:
        TrainingFailed: the file is missing or no Parquet.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        frame: pd.DataFrame = pq.read_table(path).to_pandas()
        return frame
    except (pa.ArrowException, OSError) as exc:
        raise TrainingFailed(
            f"{path}: cannot be read ({exc}), expected a table of a dataset. Build the dataset again with "
            "`candleloop dataset build` or `dvc repro`, or fetch it with `candleloop dataset restore`."
        ) from exc


def version_of(folder: Path) -> str:
    """DVC's hash of a folder (without its suffix `.dir`): the MD5 of the listing of its files' MD5s."""
    listing = [
        {"md5": _md5(path), "relpath": path.relative_to(folder).as_posix()}
        for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix())
        if path.is_file()
    ]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def new_folder(beside: Path) -> Iterator[Path]:
    """An empty folder to fill in `beside`; it is gone afterwards unless it was renamed."""
    partial = beside / f".{os.getpid()}.{os.urandom(4).hex()}.partial"
    try:
        partial.mkdir(parents=True)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
