"""Candles of one pair and timeframe, as arrays. Checked once at the gate, trusted everywhere else."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

PRICE_COLUMNS = ("open", "high", "low", "close")
COLUMNS = ("time", *PRICE_COLUMNS, "volume")


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """OHLCV arrays of one length: `time` int64 (Unix s UTC, bar open, strictly rising), prices
    float64, `volume` float64 or None where the source has none.
    """

    pair: str
    timeframe: str
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, bars: slice) -> "Candles":
        """The candles of a slice of bars, as views."""
        columns = {name: getattr(self, name)[bars] for name in ("time", *PRICE_COLUMNS)}
        return replace(self, **columns, volume=None if self.volume is None else self.volume[bars])

    @property
    def name(self) -> str:
        """Pair and timeframe for messages, such as `EURUSD 1h`."""
        return f"{self.pair} {self.timeframe}"

    def between(self, start_time: int | None, end_time: int | None) -> "Candles":
        """The candles that open from `start_time` to `end_time`, both included (Unix s)."""
        first = 0 if start_time is None else int(np.searchsorted(self.time, start_time, "left"))
        last = len(self) if end_time is None else int(np.searchsorted(self.time, end_time, "right"))
        return self[first:last]

    def to_frame(self) -> "pd.DataFrame":
        """A DataFrame with the columns `time open high low close` and, where there is one, `volume`."""
        import pandas as pd

        names = COLUMNS if self.volume is not None else COLUMNS[:-1]
        return pd.DataFrame({name: getattr(self, name) for name in names})
