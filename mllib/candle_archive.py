"""Stored candles: one Parquet file for each pair and timeframe, written whole or not at all."""

import fcntl
import json
import os
import time
from builtins import list as list_  # `list` is a method's name here
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from mllib.candle_gate import check_pair
from mllib.candle_merging import Comparison, MergeReport, compared, merge_candles
from mllib.candles import COLUMNS, PRICE_COLUMNS, Candles
from mllib.errors import Conflict, InvalidCandles, NotFound, NotReady
from mllib.price_adjustment import PriceSplit, refuse_mixed_units
from mllib.timeframes import SECONDS, parse_timeframe

if TYPE_CHECKING:
    import pyarrow as pa

_SUFFIX = ".parquet"
_LONGEST_STEM = 200
"""File systems end at 255 bytes, of which the temporary and lock files need some."""
_SPLITS = b"candleloop.splits"
"""The key in a file's metadata under which the splits are kept that its prices were adjusted for."""
_DELETED = "deleted"
_DELETED_KEPT = 5
OnDamaged = Callable[[str, str, NotReady], None]
"""Is told pair and timeframe of a file that cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """One stored series; times are the opens of its first and last candle (Unix s).

    `splits` are those that prices and volume were adjusted for at an import.
    """

    pair: str
    timeframe: str
    rows: int
    first_time: int
    last_time: int
    size_bytes: int
    splits: tuple[PriceSplit, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletedSeries:
    """A series that is kept for a while after it was deleted; `name` is for `bring_back`."""

    name: str
    pair: str
    timeframe: str
    deleted_at: float
    size_bytes: int


class CandleArchive:
    """The candles stored in a folder; safe to use from several threads and processes at once.

    Readers see the old file or the new one, never a mixture. Writers of one series take turns.
    Every method raises InvalidCandles for a pair or timeframe that cannot name a series.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(
        self, pair: str, timeframe: str, *, start_time: int | None = None, end_time: int | None = None
    ) -> Candles:
        """The stored candles that open from `start_time` to `end_time`, both included (Unix s).

        Raises:
            NotFound: if the series is not stored; the message names the pairs that are.
            NotReady: if its file cannot be read.
        """
        path, canonical = self._path(pair, timeframe), parse_timeframe(timeframe)
        with self._reading(path, pair, canonical):
            return _read(path, pair, canonical).between(start_time, end_time)

    def merge(self, candles: Candles, *, splits: Sequence[PriceSplit] = ()) -> MergeReport:
        """What changed by storing candles that passed the gate; where a time is stored, the new one wins.

        `splits` are those that the candles were adjusted for; they are kept with the series.

        Raises:
            InvalidCandles: if old and new together do not pass the gate, only one has a volume, or some
                would be adjusted for a split and others not.
            NotReady: if the disk refuses; the stored file is then as it was.
        """
        path = self._path(candles.pair, candles.timeframe)
        with _writing(candles.name, self._folder), self._locked(path):
            stored, recorded = self._stored(path, candles)
            if stored is not None:
                refuse_mixed_units(candles, splits, stored, recorded)
            merged, report = merge_candles(stored, candles)
            known = {split.time: split for split in (*recorded, *splits)}
            if report.added or report.changed or set(splits) - set(recorded):
                _write_whole(path, _to_table(merged, [known[time] for time in sorted(known)]))
            return report

    def compare(self, candles: Candles, *, splits: Sequence[PriceSplit] = ()) -> Comparison:
        """What `merge` would do with these candles, and which stored ones would change; nothing is written.

        Raises:
            InvalidCandles, NotReady: as `merge` does.
        """
        path = self._path(candles.pair, candles.timeframe)
        stored, recorded = self._stored(path, candles)
        if stored is not None:
            refuse_mixed_units(candles, splits, stored, recorded)
        return compared(stored, candles)

    def list(self, *, on_damaged: OnDamaged | None = None) -> list_[SeriesInfo]:
        """Every stored series by pair and length of timeframe, from the files' metadata alone.

        With `on_damaged`, which is told of them, those whose file cannot be read are left out.

        Raises:
            NotReady: if a file cannot be read and nobody is to be told.
        """
        infos = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            pair, timeframe = _series_of(path)
            if timeframe not in SECONDS:
                continue
            try:
                with self._reading(path, pair, timeframe):
                    infos.append(_info(path, pair, timeframe))
            except NotFound:
                continue
            except NotReady as exc:
                if on_damaged is None:
                    raise
                on_damaged(pair, timeframe, exc)
        return sorted(infos, key=lambda info: (info.pair, SECONDS[info.timeframe]))

    def delete(self, pair: str, timeframe: str) -> str:
        """Forget a series; the name under which `bring_back` finds it, while few others are deleted.

        Raises:
            NotFound: if it is not stored.
            NotReady: if the disk refuses.
        """
        path, name = self._path(pair, timeframe), f"{pair} {parse_timeframe(timeframe)}"
        self._require(path, name)
        with _writing(name, self._folder), self._locked(path):
            self._require(path, name)
            kept = self._folder / _DELETED / f"{path.stem}.{time.time_ns()}"
            kept.parent.mkdir(exist_ok=True)
            path.rename(kept)
            _sync_folder(self._folder)
            for old in _all_deleted(kept.parent)[_DELETED_KEPT:]:
                (kept.parent / old.name).unlink(missing_ok=True)
        return kept.name

    def bring_back(self, deleted: str) -> tuple[str, str]:
        """Pair and timeframe of a deleted series, which is stored again as it was.

        Raises:
            NotFound: if it is not kept any more.
            Conflict: if candles were stored under its name since.
        """
        kept = self._kept(deleted)
        path = self._folder / f"{kept.stem}{_SUFFIX}"
        pair, timeframe = _series_of(path)
        name = f"{pair} {timeframe}"
        with _writing(name, self._folder), self._locked(path):
            kept = self._kept(deleted)
            if path.exists():
                raise Conflict(
                    f"{name}: found candles stored since it was deleted, expected none. "
                    "Rename or delete those first."
                )
            kept.rename(path)
            _sync_folder(self._folder)
        return pair, timeframe

    def deleted(self) -> list_[DeletedSeries]:
        """The series that `bring_back` can store again, the one deleted last first."""
        return _all_deleted(self._folder / _DELETED)

    def rename(self, pair: str, timeframe: str, new_pair: str) -> None:
        """Store a series under another pair.

        Raises:
            NotFound: if it is not stored.
            Conflict: if the other one is stored already.
            NotReady: if the disk refuses.
        """
        old, new = self._path(pair, timeframe), self._path(new_pair, timeframe)
        name = f"{pair} {parse_timeframe(timeframe)}"
        self._require(old, name)
        with _writing(name, self._folder), ExitStack() as locks:
            for path in sorted({old, new}):
                locks.enter_context(self._locked(path))
            self._require(old, name)
            if new.exists():
                raise Conflict(
                    f"{name}: found candles of {new_pair} stored already, expected a free name. "
                    f"Delete {new_pair} first or choose another pair."
                )
            old.rename(new)
            _sync_folder(self._folder)

    def version(self, pair: str, timeframe: str) -> str:
        """A token that changes whenever the stored series does; it costs one look at the file.

        Raises:
            NotFound: if the series is not stored.
        """
        path = self._path(pair, timeframe)
        with self._reading(path, pair, parse_timeframe(timeframe)):
            status = path.stat()
        return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"

    def changed_at(self, pair: str, timeframe: str) -> float:
        """When the series' file was written last (Unix s); raises as `version` does."""
        path = self._path(pair, timeframe)
        with self._reading(path, pair, parse_timeframe(timeframe)):
            return path.stat().st_mtime

    def _path(self, pair: str, timeframe: str) -> Path:
        stem = series_stem(check_pair(pair), parse_timeframe(timeframe))
        if len(stem) > _LONGEST_STEM:
            raise InvalidCandles(
                f"pair: found {pair!r}, {len(stem)} bytes as a file name, expected at most {_LONGEST_STEM}. "
                "Choose a shorter symbol."
            )
        return self._folder / f"{stem}{_SUFFIX}"

    def _kept(self, deleted: str) -> Path:
        """The file that a deletion left under that name; others in the folder are none of ours."""
        names = [one.name for one in self.deleted()]
        if deleted not in names:
            raise NotFound(
                f"{deleted!r}: found none of the deleted candles any more, expected one of the last: "
                f"{', '.join(names) or '(none is kept)'}. Choose one of these, or import the candles again."
            )
        return self._folder / _DELETED / deleted

    def _stored(self, path: Path, candles: Candles) -> tuple[Candles | None, tuple[PriceSplit, ...]]:
        if not path.exists():
            return None, ()
        pair, timeframe = candles.pair, candles.timeframe
        with self._reading(path, pair, timeframe):
            return _read(path, pair, timeframe), _info(path, pair, timeframe).splits

    def _require(self, path: Path, name: str) -> None:
        if not path.exists():
            raise self._not_found(name)

    def _not_found(self, name: str) -> NotFound:
        names = [" ".join(_series_of(path)) for path in sorted(self._folder.glob(f"*{_SUFFIX}"))]
        stored = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
        return NotFound(
            f"{name}: found no stored candles, expected one of: {stored or '(nothing is stored)'}. "
            "Import the candles first, or set CANDLELOOP_HOME to where they are."
        )

    @contextmanager
    def _reading(self, path: Path, pair: str, timeframe: str) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except FileNotFoundError as exc:
            raise self._not_found(f"{pair} {timeframe}") from exc
        except (pa.ArrowException, OSError, LookupError, ValueError, TypeError, AttributeError) as exc:
            why = f" ({exc.strerror})" if isinstance(exc, OSError) and exc.strerror else ""
            raise NotReady(
                f"{pair} {timeframe}: found {path} unreadable{why}, expected stored candles. "
                "Restore the file, or delete it and import the candles again."
            ) from exc

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        """Hold a series alone; what a killed writer left behind is removed first."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.stem}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _temporary(path).unlink(missing_ok=True)
            yield


def series_stem(pair: str, timeframe: str) -> str:
    """The file name of a series: no timeframe has an underscore, so the last one separates.

    >>> series_stem("BTC/USDT", "1h")
    'BTC%2FUSDT_1h'
    """
    symbol = quote(pair, safe="")
    return f"{'%2E' + symbol[1:] if symbol.startswith('.') else symbol}_{timeframe}"


def _series_of(path: Path) -> tuple[str, str]:
    symbol, _, timeframe = path.stem.rpartition("_")
    return unquote(symbol), timeframe


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.stem}.tmp")


def _all_deleted(folder: Path) -> list[DeletedSeries]:
    """The series whose files a deletion left in a folder, the one deleted last first."""
    found = []
    for path in folder.glob("*"):
        pair, timeframe = _series_of(path)
        when = path.suffix[1:]
        if timeframe not in SECONDS or not when.isdecimal() or not path.is_file():
            continue
        with suppress(FileNotFoundError):  # brought back or dropped meanwhile
            size = path.stat().st_size
            found.append(DeletedSeries(path.name, pair, timeframe, int(when) / 1e9, size))
    return sorted(found, key=lambda one: -one.deleted_at)


@contextmanager
def _writing(name: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise NotReady(
            f"{name}: found {exc.strerror or exc} when writing to {folder}, expected room and "
            "permission to write. What was stored is whole and as it was. "
            "Free the disk or fix the permission, and try again."
        ) from exc


def _write_whole(path: Path, table: "pa.Table") -> None:
    """Put a table in place of a file so that a crash at any moment leaves the old or the new one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.BufferOutputStream()
    pq.write_table(table, content, compression="zstd", write_statistics=True)
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as file:
            file.write(memoryview(content.getvalue()))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _to_table(candles: Candles, splits: Sequence[PriceSplit]) -> "pa.Table":
    import pyarrow as pa

    names = COLUMNS if candles.volume is not None else COLUMNS[:-1]
    table = pa.table({name: getattr(candles, name) for name in names})
    return table.replace_schema_metadata({_SPLITS: json.dumps(splits)}) if splits else table


def _read(path: Path, pair: str, timeframe: str) -> Candles:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        table = file.read(use_threads=False)
    columns = {name: _array(table.column(name)) for name in ("time", *PRICE_COLUMNS)}
    volume = _array(table.column("volume")) if "volume" in table.column_names else None
    return Candles(pair, timeframe, **columns, volume=volume)


def _array(column: "pa.ChunkedArray") -> NDArray[Any]:
    """The values of a column without nulls; `to_numpy` would import pandas, which costs a second."""
    return np.concatenate([np.from_dlpack(chunk) for chunk in column.chunks])


def _info(path: Path, pair: str, timeframe: str) -> SeriesInfo:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        metadata, column = file.metadata, file.schema_arrow.names.index("time")
        splits = json.loads((file.schema_arrow.metadata or {}).get(_SPLITS, b"[]"))
    ranges = [metadata.row_group(group).column(column).statistics for group in range(metadata.num_row_groups)]
    first, last = min(part.min for part in ranges), max(part.max for part in ranges)
    kept = tuple(PriceSplit(*split) for split in splits)
    return SeriesInfo(pair, timeframe, metadata.num_rows, first, last, path.stat().st_size, kept)
