"""Answers to `/predict` that were given before: same body, same model, same stored candles around it."""

from dataclasses import dataclass
from hashlib import blake2b

from cachetools import LRUCache

from mllib.candle_archive import CandleArchive
from mllib.errors import CandleloopError
from mllib.inference import Predictor

_MOST_BODY_BYTES = 1_000_000
"""Longer ones are not kept: they are no charts."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, and the stored series that it may rest on, as it was before the prediction."""

    pair: str
    timeframe: str
    series_version: str
    answer: bytes


class PredictionCache:
    """The answers given last, of the present model alone; used on the event loop only."""

    def __init__(self, archive: CandleArchive, *, entries: int) -> None:
        self._archive = archive
        self._kept: LRUCache[bytes, Kept] = LRUCache(entries)
        self._predictor: Predictor | None = None

    def find(self, predictor: Predictor, body: bytes) -> bytes | None:
        """The answer that this model gave to the same body, if nothing that it rests on has changed."""
        if predictor is not self._predictor:
            self._kept.clear()
            self._predictor = predictor
        if not self._kept or len(body) > _MOST_BODY_BYTES:
            return None
        kept = self._kept.get(_digest(body))
        if kept is None or kept.series_version != self.series_version(kept.pair, kept.timeframe):
            return None
        return kept.answer

    def keep(self, predictor: Predictor, body: bytes, kept: Kept) -> None:
        """Remembers an answer, unless another model serves by now."""
        if self._kept.maxsize and predictor is self._predictor and len(body) <= _MOST_BODY_BYTES:
            self._kept[_digest(body)] = kept

    def series_version(self, pair: str, timeframe: str) -> str:
        """A token that changes with the stored series; empty where none can be read."""
        try:
            return self._archive.version(pair, timeframe)
        except CandleloopError:
            return ""


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=16).digest()
