"""Use cases of prediction: the champion that a serving process follows, and candles in their context."""

import logging
import threading
from collections import OrderedDict
from dataclasses import replace

import numpy as np

from mllib.candles import PRICE_COLUMNS, Candles
from mllib.errors import CandleloopError, InvalidCandles, InvalidConfig, NotFound, NotReady
from mllib.inference import Prediction, Predictor
from mllib.pipeline.labels import present_names
from mllib.pipeline.promoting import load_run
from mllib.pipeline.workspace import Workspace
from mllib.timeframes import SECONDS, parse_timeframe

POLL_EVERY_S = 1.0
_SERIES_KEPT = 8
_SAME_PRICE = 1e-3
"""Stored context is used only where it agrees with the request on a shared close to so much."""

log = logging.getLogger(__name__)


class Champion:
    """The predictor that serves. One reference, swapped after the next one is loaded and warm.

    Share it between threads; a prediction in flight finishes on the predictor that it took.
    """

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._predictor: Predictor | None = None
        self._served_move: int | None = None
        self._failed_move: int | None = None
        self._loading = threading.Lock()
        self._stop = threading.Event()
        self.error: str | None = None
        """Why the newest champion could not be taken up, or None."""

    @property
    def predictor(self) -> Predictor | None:
        """What serves now, or None before the first champion."""
        return self._predictor

    def require(self) -> Predictor:
        """What serves now.

        Raises:
            NotReady: no model is loaded.
        """
        predictor = self._predictor
        if predictor is None:
            reason = f" ({self.error})" if self.error else ""
            raise NotReady(
                f"model: none is loaded{reason}. Train one with `candleloop train`, or promote a run."
            )
        return predictor

    def refresh(self) -> None:
        """Follows the champion pointer; when the new model cannot be loaded the old one goes on serving."""
        with self._loading:
            inference = self._ws.config.stages.inference
            if inference.model_source == "local":
                self._load_local(inference.local_model_path)
            else:
                self._follow_pointer()

    def watch(self) -> threading.Thread:
        """A thread that refreshes every second until `stop`."""

        def follow() -> None:
            while not self._stop.wait(POLL_EVERY_S):
                try:
                    self.refresh()
                except CandleloopError as exc:
                    self.error = str(exc)
                    log.warning("champion: %s", exc)
                except Exception as exc:  # a thread that ends would stop following for good
                    self.error = f"{type(exc).__name__}: {exc}"
                    log.exception("champion: the pointer could not be followed")

        thread = threading.Thread(target=follow, name="champion watch", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Ends the watch."""
        self._stop.set()

    def _follow_pointer(self) -> None:
        move = self._ws.store.champions.current(self._ws.config.served_model_name)
        if move is None or move.id == self._failed_move:
            return
        if move.id == self._served_move:
            self.error = None
            self._follow_names()
            return
        try:
            predictor = load_run(self._ws, self._ws.store.runs.get(move.run_id))
            warm(predictor)
        except CandleloopError as exc:
            self._failed_move, self.error = move.id, str(exc)
            log.error("champion %s not taken up: %s", move.run_id, exc)
            return
        self._predictor, self._served_move, self.error = predictor, move.id, None
        log.info("champion: run %s, version %s", move.run_id, predictor.info.model_version)

    def _follow_names(self) -> None:
        """Serves under the names that labels have now."""
        predictor = self._predictor
        if predictor is None:
            return
        present = present_names(self._ws, predictor.encoder.labels)
        if present != predictor.present:
            self._predictor = predictor.under(present)

    def _load_local(self, path: str | None) -> None:
        if self._predictor is not None:
            self._follow_names()
            return
        home = self._ws.home.resolve()
        folder = (home / (path or "")).resolve()
        if path is None or home not in folder.parents:
            raise InvalidConfig(
                f"stages.inference.local_model_path: found {path!r}, expected a folder inside {home}. "
                "Copy the predictor folder there."
            )
        predictor = Predictor.load(folder, model_version="local")
        warm(predictor)
        self._predictor = predictor
        self._follow_names()


def warm(predictor: Predictor) -> None:
    """Runs one prediction on made-up candles, so that the first request pays for nothing."""
    n = predictor.encoder.needed_bars + predictor.encoder.reach[1]
    close = 100 + np.sin(np.arange(n) / 3.0)
    open_ = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(open_, close) + 0.1, np.minimum(open_, close) - 0.1
    predictor.predict(Candles("WARM", "1h", np.arange(n, dtype=np.int64) * 3_600, open_, high, low, close))


class StoredCandles:
    """The stored series last asked for, read again only when their file has changed."""

    def __init__(self, ws: Workspace) -> None:
        self._archive = ws.candles
        self._kept: OrderedDict[tuple[str, str, str], Candles] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, pair: str, timeframe: str) -> Candles:
        """The whole stored series; raises NotFound where there is none."""
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


def predict_candles(predictor: Predictor, stored: StoredCandles, candles: Candles) -> Prediction:
    """What the model says of checked candles, extended with stored context where it is there.

    Raises:
        InvalidCandles: there are too few candles, context included.
    """
    try:
        history = stored.read(candles.pair, candles.timeframe)
    except NotFound:
        return predictor.predict(candles)
    before, after = _context(candles, history, predictor)
    whole = _joined(before, _with_volume(candles, history), after)
    return predictor.predict(whole).between(len(before), len(before) + len(candles))


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
    history = stored.read(pair, parse_timeframe(timeframe))
    first = 0 if start_time is None else int(np.searchsorted(history.time, start_time, "left"))
    last = len(history) if end_time is None else int(np.searchsorted(history.time, end_time, "right"))
    if start_time is not None and end_time is not None and start_time > end_time:
        raise InvalidCandles(
            f"{history.name}: found a range from {start_time} to {end_time} (Unix s), "
            "expected its start before its end. Swap them."
        )
    start = max(first - predictor.encoder.context_bars, 0)
    part = history[start : last + _bars_after(predictor, last - start)]
    return predictor.predict(part).between(first - start, max(last, first) - start)


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
