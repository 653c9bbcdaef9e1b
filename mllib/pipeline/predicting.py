"""Use cases of prediction: candles that are sent, in their stored context, and stored histories."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from mllib.candle_archive import SeriesInfo
from mllib.candles import PRICE_COLUMNS, Candles
from mllib.errors import CandleloopError, InvalidCandles, NotFound, NotReady
from mllib.inference import Prediction, Predictor
from mllib.pipeline.workspace import Workspace
from mllib.timeframes import SECONDS, parse_timeframe

SWEEP_BARS = 10_000
"""So many bars of a long history are predicted at a time."""

_SERIES_KEPT = 8
_SAME_PRICE = 1e-3
"""Stored context is used only where it agrees with the request on a shared close to so much."""

log = logging.getLogger(__name__)


class StoredCandles:
    """The stored series last asked for, read again only when their file has changed."""

    def __init__(self, ws: Workspace) -> None:
        self._archive = ws.candles
        self._as_of: int | None = None
        self._kept: OrderedDict[tuple[str, str, str], Candles] = OrderedDict()
        self._damaged: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def until(self, as_of: int) -> "StoredCandles":
        """The same series without the bars that open after a time (Unix s), as if they were not there yet."""
        cut = copy(self)
        cut._as_of = as_of if self._as_of is None else min(as_of, self._as_of)
        return cut

    def read(self, pair: str, timeframe: str) -> Candles:
        """The whole stored series, as far as it is to be seen; raises NotFound where there is none."""
        whole = self._read(pair, timeframe)
        if self._as_of is None:
            return whole
        return whole[: int(np.searchsorted(whole.time, self._as_of, "right"))]

    def _read(self, pair: str, timeframe: str) -> Candles:
        key = (pair, timeframe, self._archive.version(pair, timeframe))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        candles = self._archive.read(pair, timeframe)
        with self._lock:
            self._kept[key] = candles
            while len(self._kept) > _SERIES_KEPT:
                self._kept.popitem(last=False)
        return candles

    def context(self, pair: str, timeframe: str) -> Candles | None:
        """What `read` gives, or None where there is nothing that can be read."""
        try:
            return self.read(pair, timeframe)
        except NotFound:
            return None
        except NotReady as exc:
            self._tell(pair, timeframe, exc)
            return None

    def list(self) -> list[SeriesInfo]:
        """Every series that can be read; the log tells of the others."""
        return self._archive.list(on_damaged=self._tell)

    def _tell(self, pair: str, timeframe: str, exc: NotReady) -> None:
        """Logs a file that cannot be read, once until it changes."""
        try:
            version = self._archive.version(pair, timeframe)
        except CandleloopError:
            version = ""
        with self._lock:
            known = self._damaged.get((pair, timeframe)) == version
            self._damaged[pair, timeframe] = version
        if not known:
            log.warning("left out: %s", exc)


def predict_candles(
    predictor: Predictor, stored: StoredCandles, candles: Candles, *, since: int | None = None
) -> Prediction:
    """What the model says of checked candles, extended with stored context where it can be read.

    With `since`, the open (Unix s) of the first candle that is new or changed, only the bars whose label can
    be another than before, and the spans that share a bar with them.

    Raises:
        InvalidCandles: there are too few candles, context included, or none at or after `since`.
    """
    changed = 0 if since is None else _first_changed(predictor, candles, since)
    history = stored.context(candles.pair, candles.timeframe)
    if history is None:
        before, after = candles[:0], candles[:0]
    else:
        before, after = _context(candles, history, predictor)
        candles = _with_volume(candles, history)
    whole = _joined(before, candles, after)
    first = len(before) + changed
    start = max(min(first - predictor.encoder.context_bars, len(whole) - predictor.encoder.needed_bars), 0)
    return predictor.predict(whole[start:]).between(first - start, len(before) + len(candles) - start)


def predict_stored(
    predictor: Predictor,
    stored: StoredCandles,
    *,
    pair: str,
    timeframe: str,
    start_time: int | None = None,
    end_time: int | None = None,
) -> Prediction:
    """What the model says of stored candles that open from `start_time` to `end_time`, both included.

    Raises:
        NotFound: the series is not stored.
        InvalidCandles: the range ends before it starts.
    """
    bounds = {"start_time": start_time, "end_time": end_time}
    return Sweep.over(predictor, stored, pair=pair, timeframe=timeframe, **bounds).whole()


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """A stretch of stored candles, the bars `first:last` of their history, to be predicted piece by piece."""

    predictor: Predictor
    history: Candles
    first: int
    last: int

    @classmethod
    def over(
        cls,
        predictor: Predictor,
        stored: StoredCandles,
        *,
        pair: str,
        timeframe: str,
        start_time: int | None = None,
        end_time: int | None = None,
    ) -> "Sweep":
        """The stored candles that open from `start_time` to `end_time`, both included.

        Raises:
            NotFound: the series is not stored.
            InvalidCandles: the range ends before it starts.
        """
        history = stored.read(pair, parse_timeframe(timeframe))
        first = 0 if start_time is None else int(np.searchsorted(history.time, start_time, "left"))
        last = len(history) if end_time is None else int(np.searchsorted(history.time, end_time, "right"))
        if start_time is not None and end_time is not None and start_time > end_time:
            raise InvalidCandles(
                f"{history.name}: found a range from {start_time} to {end_time} (Unix s), "
                "expected its start before its end. Swap them."
            )
        return cls(predictor, history, first, max(first, last))

    def __len__(self) -> int:
        return self.last - self.first

    def whole(self) -> Prediction:
        """All of it at once; its memory grows with the candles."""
        return self._predicted(self.first, self.last)

    def parts(self, bars: int | None = None) -> Iterator[Prediction]:
        """The same piece by piece, in order of time; a span belongs to the piece in which it starts.

        A piece is predicted with as much around it as its labels depend on, so that all of them together
        say what `whole` says, and memory is bounded by the piece.
        """
        step = bars or SWEEP_BARS
        for start in range(self.first, self.last, step):
            part = self._predicted(start, min(start + step, self.last))
            if start > self.first:
                begun = [span for span in part.spans if span.start_time >= part.candles.time[0]]
                part = replace(part, spans=begun)
            yield part

    def _predicted(self, first: int, last: int) -> Prediction:
        start = max(first - self.predictor.encoder.context_bars, 0)
        part = self.history[start : last + _bars_after(self.predictor, last - start)]
        return self.predictor.predict(part).between(first - start, last - start)


def _first_changed(predictor: Predictor, candles: Candles, since: int) -> int:
    """The first bar whose label can change when the bars from `since` on do."""
    if since > candles.time[-1]:
        raise InvalidCandles(
            f"{candles.name}: found since {since}, after the last candle ({candles.time[-1]}), expected the "
            "open of the first candle that is new or changed. Send the new candles, or leave since out."
        )
    new = int(np.searchsorted(candles.time, since, "left"))
    return max(new - predictor.encoder.provisional_bars, 0)


def _context(candles: Candles, history: Candles, predictor: Predictor) -> tuple[Candles, Candles]:
    """Stored candles that come right before and right after these."""
    first = int(np.searchsorted(history.time, candles.time[0], "left"))
    last = int(np.searchsorted(history.time, candles.time[-1], "right"))
    before = history[max(first - predictor.encoder.context_bars, 0) : first]
    after = history[last : last + _bars_after(predictor, len(before) + len(candles))]
    step = SECONDS[candles.timeframe]
    if not _agree(candles, 0, history, first, otherwise=_follows(before, candles, step)):
        before = history[:0]
    if not _agree(candles, -1, history, last - 1, otherwise=_follows(candles, after, step)):
        after = history[:0]
    return before, after


def _bars_after(predictor: Predictor, bars: int) -> int:
    """How many stored bars to add after `bars` others: what labels depend on, and enough to predict."""
    return max(predictor.encoder.provisional_bars, predictor.encoder.needed_bars - bars)


def _agree(candles: Candles, bar: int, history: Candles, position: int, *, otherwise: bool) -> bool:
    """Whether a shared bar closes at the same price; `otherwise` where the bar is not shared."""
    if not 0 <= position < len(history) or history.time[position] != candles.time[bar]:
        return otherwise
    return bool(abs(history.close[position] / candles.close[bar] - 1) <= _SAME_PRICE)


def _follows(earlier: Candles, later: Candles, step: int) -> bool:
    return bool(len(earlier) and len(later) and later.time[0] - earlier.time[-1] == step)


def _with_volume(candles: Candles, history: Candles) -> Candles:
    """The same candles with stored volumes, where they came without and all of them are stored."""
    if candles.volume is not None or history.volume is None:
        return candles
    at = np.minimum(np.searchsorted(history.time, candles.time), len(history) - 1)
    found = np.array_equal(history.time[at], candles.time)
    return replace(candles, volume=history.volume[at]) if found else candles


def _joined(*parts: Candles) -> Candles:
    """Candles one after another; volume only where every part has it."""
    there = [part for part in parts if len(part)]
    columns = {
        name: np.concatenate([getattr(part, name) for part in there]) for name in ("time", *PRICE_COLUMNS)
    }
    volumes = [part.volume for part in there if part.volume is not None]
    volume = np.concatenate(volumes) if len(volumes) == len(there) else None
    return Candles(there[0].pair, there[0].timeframe, **columns, volume=volume)
