"""The champion that a serving process follows."""

import logging
import threading
import time

import numpy as np

from mllib.candles import Candles
from mllib.errors import BrokenModel, CandleloopError, InvalidConfig, NotReady
from mllib.inference import Predictor
from mllib.pipeline.labels import present_names
from mllib.pipeline.promoting import load_run
from mllib.pipeline.workspace import Workspace
from mllib.store import ChampionMove
from mllib.timeframes import SECONDS

POLL_EVERY_S = 1.0
RETRY_AFTER_S = 30.0
"""A champion that could not be taken up is tried again so much later: its files may have been restored."""

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
        self._failed_at = 0.0
        self._loading = threading.Lock()
        self._stop = threading.Event()
        self.error: str | None = None
        """Why the newest champion could not be taken up or asked for, or None."""

    @property
    def predictor(self) -> Predictor | None:
        """What serves now, or None before the first champion."""
        return self._predictor

    @property
    def is_refused(self) -> bool:
        """Whether the newest champion could not be taken up; not while nobody can tell which that is."""
        return self._failed_move is not None

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
            said: str | None = None
            while not self._stop.wait(POLL_EVERY_S):
                try:
                    self.refresh()
                except CandleloopError as exc:
                    if str(exc) != self.error:  # once, and not every second
                        log.warning("champion: %s", exc)
                    self.error = str(exc)
                except Exception as exc:  # a thread that ends would stop following for good
                    if repr(exc) != said:
                        log.exception("champion: the pointer could not be followed")
                    said = repr(exc)
                    self.error = (
                        "champion: the pointer could not be followed; the service's log says why. "
                        "Report it if it stays."
                    )
                else:
                    said = None

        thread = threading.Thread(target=follow, name="champion watch", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """Ends the watch."""
        self._stop.set()

    def _follow_pointer(self) -> None:
        move = self._ws.store.champions.current(self._ws.config.served_model_name)
        if move is None:
            return
        if move.id == self._served_move:
            self._failed_move = self.error = None
            self._follow_names()
            return
        if move.id == self._failed_move and time.monotonic() < self._failed_at + RETRY_AFTER_S:
            return
        try:
            self._take_up(move)
        except CandleloopError as exc:
            self._failed_move, self._failed_at, self.error = move.id, time.monotonic(), str(exc)
            log.error("champion %s not taken up: %s", move.run_id, exc)
            if self._predictor is None:
                self._take_up_earlier(move)

    def _take_up(self, move: ChampionMove) -> None:
        predictor = load_run(self._ws, self._ws.store.runs.get(move.run_id))
        warm(predictor)
        self._predictor, self._served_move = predictor, move.id
        self._failed_move = self.error = None
        log.info("champion: run %s, version %s", move.run_id, predictor.info.model_version)

    def _take_up_earlier(self, broken: ChampionMove) -> None:
        """Serves the newest earlier champion that can be loaded; `error` goes on saying why."""
        failed, error, tried = self._failed_move, self.error, {broken.run_id}
        for move in self._ws.store.champions.history(broken.registered_model_name):
            if move.run_id in tried:
                continue
            tried.add(move.run_id)
            try:
                self._take_up(move)
            except CandleloopError as exc:
                log.error("earlier champion %s not taken up: %s", move.run_id, exc)
                continue
            break
        self._failed_move, self.error = failed, error

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
    """Runs one prediction on made-up candles, so that the first request pays for nothing.

    Raises:
        BrokenModel: it cannot predict.
    """
    n = predictor.encoder.needed_bars + predictor.encoder.reach[1]
    close = 100 + np.sin(np.arange(n) / 3.0)
    open_ = np.concatenate([close[:1], close[:-1]])
    high, low = np.maximum(open_, close) + 0.1, np.minimum(open_, close) - 0.1
    time_ = np.arange(n, dtype=np.int64) * SECONDS["1h"]
    try:
        predictor.predict(Candles("WARM", "1h", time_, open_, high, low, close))
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        log.warning("model of run %s: %s: %s", predictor.info.run_id, type(exc).__name__, exc)
        raise BrokenModel(
            f"model of run {predictor.info.run_id}: found that it fails when it predicts, "
            "expected predictions. Promote another run, or train again."
        ) from exc
