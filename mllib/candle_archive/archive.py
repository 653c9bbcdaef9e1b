"""The stored candles of all series, wherever their files are."""

import time
from builtins import list as list_  # `list` is a method's name here
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from mllib.candle_archive.series_files import (
    DELETED,
    SUFFIX,
    FileState,
    SeriesFiles,
    series_of,
    series_stem,
)
from mllib.candle_archive.tables import (
    FOOTER_BYTES,
    DeletedSeries,
    SeriesInfo,
    described,
    footer_bytes,
    from_parquet,
    to_parquet,
)
from mllib.candle_gate import check_pair
from mllib.candle_merging import Comparison, MergeReport, compared, merge_candles
from mllib.candles import Candles
from mllib.errors import Conflict, InvalidCandles, NotFound, NotReady
from mllib.price_adjustment import PriceSplit, refuse_mixed_units
from mllib.timeframes import SECONDS, parse_timeframe

_LONGEST_STEM = 200
"""File systems end at 255 bytes, of which the temporary and lock files need some."""
_DELETED_KEPT = 5
OnDamaged = Callable[[str, str, NotReady], None]
"""Is told pair and timeframe of a file that cannot be read, and why."""


class CandleArchive:
    """The candles stored in files; safe to use from several threads and processes at once.

    Readers see the old file or the new one, never a mixture. Writers of one series take turns.
    Every method raises InvalidCandles for a pair or timeframe that cannot name a series.
    """

    def __init__(self, files: SeriesFiles) -> None:
        self._files = files
        self._infos: dict[str, tuple[str, SeriesInfo]] = {}

    def read(
        self, pair: str, timeframe: str, *, start_time: int | None = None, end_time: int | None = None
    ) -> Candles:
        """The stored candles that open from `start_time` to `end_time`, both included (Unix s).

        Raises:
            NotFound: if the series is not stored; the message names the pairs that are.
            NotReady: if its file cannot be read.
        """
        name, canonical = _file_name(pair, timeframe), parse_timeframe(timeframe)
        with self._reading(name, pair, canonical):
            return from_parquet(self._files.local(name), pair, canonical).between(start_time, end_time)

    def merge(self, candles: Candles, *, splits: Sequence[PriceSplit] = ()) -> MergeReport:
        """What changed by storing candles that passed the gate; where a time is stored, the new one wins.

        `splits` are those that the candles were adjusted for; they are kept with the series.

        Raises:
            InvalidCandles: if old and new together do not pass the gate, only one has a volume, or some
                would be adjusted for a split and others not.
            NotReady: if the disk refuses; the stored file is then as it was.
        """
        name = _file_name(candles.pair, candles.timeframe)
        with self._writing(candles.name), self._files.alone(name):
            seen, stored, recorded = self._stored(name, candles)
            if stored is not None:
                refuse_mixed_units(candles, splits, stored, recorded)
            merged, report = merge_candles(stored, candles)
            known = {split.time: split for split in (*recorded, *splits)}
            if report.added or report.changed or set(splits) - set(recorded):
                content = to_parquet(merged, [known[time] for time in sorted(known)])
                self._files.write(name, content, seen=seen)
            return report

    def copy(self, other: "CandleArchive", pair: str, timeframe: str) -> bool:
        """Whether a series, which is stored nowhere here, was copied as it is in another archive.

        Raises:
            NotFound: if the other one has no such series.
            NotReady: if it cannot be read there or written here.
        """
        file, name = _file_name(pair, timeframe), f"{pair} {parse_timeframe(timeframe)}"
        with self._writing(name), self._files.alone(file):
            if self._state(file) is not None:
                return False
            self._files.write(file, memoryview(other._content(file, pair, timeframe)), seen=None)
            return True

    def same(self, other: "CandleArchive", pair: str, timeframe: str) -> bool:
        """Whether both archives have the same bytes of a series.

        Raises:
            NotFound, NotReady: if one of them has none, or cannot be read.
        """
        file = _file_name(pair, timeframe)
        return self._content(file, pair, timeframe) == other._content(file, pair, timeframe)

    def compare(self, candles: Candles, *, splits: Sequence[PriceSplit] = ()) -> Comparison:
        """What `merge` would do with these candles, and which stored ones would change; nothing is written.

        Raises:
            InvalidCandles, NotReady: as `merge` does.
        """
        _, stored, recorded = self._stored(_file_name(candles.pair, candles.timeframe), candles)
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
        for state in self._listed():
            pair, timeframe = series_of(state.name.removesuffix(SUFFIX))
            if timeframe not in SECONDS:
                continue
            try:
                with self._reading(state.name, pair, timeframe):
                    infos.append(self._info(state, pair, timeframe))
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
        file, name = _file_name(pair, timeframe), f"{pair} {parse_timeframe(timeframe)}"
        self._require(file, name)
        with self._writing(name), self._files.alone(file):
            self._require(file, name)
            kept = f"{file.removesuffix(SUFFIX)}.{time.time_ns()}"
            self._files.move(file, f"{DELETED}/{kept}")
            for old in self.deleted()[_DELETED_KEPT:]:
                self._files.remove(f"{DELETED}/{old.name}")
        return kept

    def bring_back(self, deleted: str) -> tuple[str, str]:
        """Pair and timeframe of a deleted series, which is stored again as it was.

        Raises:
            NotFound: if it is not kept any more.
            Conflict: if candles were stored under its name since.
        """
        self._require_kept(deleted)
        stem = deleted.rpartition(".")[0]
        pair, timeframe = series_of(stem)
        file, name = f"{stem}{SUFFIX}", f"{pair} {timeframe}"
        with self._writing(name), self._files.alone(file):
            self._require_kept(deleted)
            if self._state(file) is not None:
                raise Conflict(
                    f"{name}: found candles stored since it was deleted, expected none. "
                    "Rename or delete those first."
                )
            self._files.move(f"{DELETED}/{deleted}", file)
        return pair, timeframe

    def deleted(self) -> list_[DeletedSeries]:
        """The series that `bring_back` can store again, the one deleted last first."""
        found = []
        for state in self._files.list(DELETED):
            stem, _, when = state.name.rpartition(".")
            pair, timeframe = series_of(stem)
            if timeframe in SECONDS and when.isdecimal():
                found.append(DeletedSeries(state.name, pair, timeframe, int(when) / 1e9, state.size_bytes))
        return sorted(found, key=lambda one: -one.deleted_at)

    def rename(self, pair: str, timeframe: str, new_pair: str) -> None:
        """Store a series under another pair.

        Raises:
            NotFound: if it is not stored.
            Conflict: if the other one is stored already.
            NotReady: if the disk refuses.
        """
        old, new = _file_name(pair, timeframe), _file_name(new_pair, timeframe)
        name = f"{pair} {parse_timeframe(timeframe)}"
        self._require(old, name)
        with self._writing(name), ExitStack() as locks:
            for file in sorted({old, new}):
                locks.enter_context(self._files.alone(file))
            self._require(old, name)
            if self._state(new) is not None:
                raise Conflict(
                    f"{name}: found candles of {new_pair} stored already, expected a free name. "
                    f"Delete {new_pair} first or choose another pair."
                )
            self._files.move(old, new)

    def version(self, pair: str, timeframe: str) -> str:
        """A token that changes whenever the stored series does; it costs one look at the file.

        Raises:
            NotFound: if the series is not stored.
        """
        return self._known(pair, timeframe).version

    def changed_at(self, pair: str, timeframe: str) -> float:
        """When the series' file was written last (Unix s); raises as `version` does."""
        return self._known(pair, timeframe).changed_at

    def _content(self, file: str, pair: str, timeframe: str) -> bytes:
        with self._reading(file, pair, timeframe):
            return self._files.local(file).read_bytes()

    def _known(self, pair: str, timeframe: str) -> FileState:
        name = _file_name(pair, timeframe)
        with self._reading(name, pair, parse_timeframe(timeframe)):
            return self._files.state(name)

    def _listed(self) -> list_[FileState]:
        return [state for state in self._files.list() if state.name.endswith(SUFFIX)]

    def _info(self, state: FileState, pair: str, timeframe: str) -> SeriesInfo:
        """What the file's metadata says, which is read once a version."""
        version, info = self._infos.get(state.name, ("", None))
        if info is None or version != state.version:
            end = self._files.end(state.name, FOOTER_BYTES)
            if footer_bytes(end) > len(end):
                end = self._files.end(state.name, footer_bytes(end))
            info = described(end, pair, timeframe, size_bytes=state.size_bytes)
            self._infos[state.name] = (state.version, info)
        return info

    def _stored(
        self, name: str, candles: Candles
    ) -> tuple[FileState | None, Candles | None, tuple[PriceSplit, ...]]:
        state = self._state(name)
        if state is None:
            return None, None, ()
        pair, timeframe = candles.pair, candles.timeframe
        with self._reading(name, pair, timeframe):
            stored = from_parquet(self._files.local(name), pair, timeframe)
            return state, stored, self._info(state, pair, timeframe).splits

    def _state(self, name: str) -> FileState | None:
        try:
            return self._files.state(name)
        except FileNotFoundError:
            return None

    def _require(self, file: str, name: str) -> None:
        if self._state(file) is None:
            raise self._not_found(name)

    def _require_kept(self, deleted: str) -> None:
        """Raise where no deletion left a file of that name; others in the folder are none of ours."""
        names = [one.name for one in self.deleted()]
        if deleted not in names:
            raise NotFound(
                f"{deleted!r}: found none of the deleted candles any more, expected one of the last: "
                f"{', '.join(names) or '(none is kept)'}. Choose one of these, or import the candles again."
            )

    def _not_found(self, name: str) -> NotFound:
        names = sorted(" ".join(series_of(state.name.removesuffix(SUFFIX))) for state in self._listed())
        stored = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
        return NotFound(
            f"{name}: found no stored candles, expected one of: {stored or '(nothing is stored)'}. "
            "Import the candles first, or set CANDLELOOP_HOME to where they are."
        )

    @contextmanager
    def _reading(self, name: str, pair: str, timeframe: str) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except FileNotFoundError as exc:
            raise self._not_found(f"{pair} {timeframe}") from exc
        except (pa.ArrowException, OSError, LookupError, ValueError, TypeError, AttributeError) as exc:
            why = f" ({exc.strerror})" if isinstance(exc, OSError) and exc.strerror else ""
            raise NotReady(
                f"{pair} {timeframe}: found {self._files.where}/{name} unreadable{why}, expected stored "
                "candles. Restore the file, or delete it and import the candles again."
            ) from exc

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise NotReady(
                f"{name}: found {exc.strerror or exc} when writing to {self._files.where}, expected room and "
                "permission to write. What was stored is whole and as it was. "
                "Free the disk or fix the permission, and try again."
            ) from exc


def _file_name(pair: str, timeframe: str) -> str:
    stem = series_stem(check_pair(pair), parse_timeframe(timeframe))
    if len(stem) > _LONGEST_STEM:
        raise InvalidCandles(
            f"pair: found {pair!r}, {len(stem)} bytes as a file name, expected at most {_LONGEST_STEM}. "
            "Choose a shorter symbol."
        )
    return f"{stem}{SUFFIX}"
