"""How a worker of a cluster reads the candles that whoever asks it has read: the same, or none."""

from typing import NamedTuple

from mllib.candle_archive import CandleArchive
from mllib.candles import Candles
from mllib.errors import Conflict


class Reach(NamedTuple):
    """How many candles a series has, and the opens of the first and the last (Unix s)."""

    bars: int
    first_time: int
    last_time: int


def ends(candles: Candles) -> Reach:
    """How far a series reaches; it has at least one candle."""
    return Reach(len(candles), int(candles.time[0]), int(candles.time[-1]))


def read_as_it_was(archive: CandleArchive, pair: str, timeframe: str, reaches: Reach) -> Candles:
    """The stored candles of a series, which reach as far as they did.

    Raises:
        NotFound: the series is not stored where this process looks.
        Conflict: candles came or went meanwhile.
    """
    candles = archive.read(pair, timeframe)
    if ends(candles) != reaches:
        raise Conflict(
            f"{candles.name}: found {len(candles)} candles on a worker, expected the {reaches.bars} that "
            "were there when the work began. Let imports end, see that workers read the same storage, and "
            "try again."
        )
    return candles
