"""Files that people hand over, read whole: text and Parquet, of a size that memory can take."""

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from mllib.errors import InvalidCandles

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MOST_BYTES = 256_000_000
"""Of text, unpacked: some five million candles, for which reading takes 1.5 GB of memory."""
MOST_PARQUET_BYTES = 512_000_000
MOST_PARQUET_ROWS = 10_000_000


def parquet_table(path: Path) -> "pa.Table":
    """All columns of a Parquet file.

    Raises:
        InvalidCandles: if it cannot be read, is cut off, or holds too much.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _refuse_large_parquet(path, file.metadata)
            return file.read()
    except (pa.ArrowException, OSError) as exc:
        raise unreadable(path, _why_unreadable(exc), "a whole Parquet file") from exc


def _why_unreadable(exc: Exception) -> str:
    """Arrow's first sentence as part of one of ours.

    >>> _why_unreadable(ValueError("Parquet magic bytes not found in footer. Either the file is corrupted."))
    'no Parquet file (Parquet magic bytes not found in footer)'
    """
    if isinstance(exc, OSError):
        return f"{exc}".strip().rstrip(".")
    first = f"{exc}".strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    return f"no Parquet file ({first})"


def read_text(path: Path, notes: list[str]) -> str:
    """A text file in UTF-8 or UTF-16, unpacked where its name ends in `.gz`; another encoding is noted.

    Raises:
        InvalidCandles: if it cannot be read or decoded, is cut off, or holds too much.
    """
    content = _content(path)
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding == "utf-16":
        notes.append("The file is encoded as UTF-16.")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as exc:
        found = f"byte {content[exc.start]:#04x} at {exc.start:,}"
        raise unreadable(path, found, "text encoded as UTF-8") from exc
    if "\0" in text:
        raise unreadable(path, f"a zero byte at {text.index(chr(0)):,}", "text encoded as UTF-8")
    return text


def _content(path: Path) -> bytes:
    """A file's bytes, unpacked; no more is read than there may be."""
    packed = path.suffix.lower() == ".gz"
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise _too_large(path, _megabytes(size), f"at most {_megabytes(MOST_BYTES)}")
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as exc:
        raise unreadable(path, f"{getattr(exc, 'strerror', None) or exc}", "a readable, whole file") from exc
    if len(content) > MOST_BYTES:
        raise _too_large(path, f"more than {_megabytes(MOST_BYTES)} once unpacked", "less")
    return content


def unreadable(path: Path, found: str, expected: str) -> InvalidCandles:
    """The refusal of a file that is not what it should be."""
    return InvalidCandles(f"{path.name}: found {found}, expected {expected}. Export or download it again.")


def _too_large(path: Path, found: str, most: str) -> InvalidCandles:
    return InvalidCandles(
        f"{path.name}: found {found}, expected {most}. Split the file by time and import the parts one "
        "after the other; they are merged."
    )


def _refuse_large_parquet(path: Path, metadata: "pq.FileMetaData") -> None:
    rows = metadata.num_rows
    size = sum(metadata.row_group(group).total_byte_size for group in range(metadata.num_row_groups))
    if rows > MOST_PARQUET_ROWS:
        raise _too_large(path, f"{rows:,} rows", f"at most {MOST_PARQUET_ROWS:,}")
    if size > MOST_PARQUET_BYTES:
        raise _too_large(path, _megabytes(size), f"at most {_megabytes(MOST_PARQUET_BYTES)}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
