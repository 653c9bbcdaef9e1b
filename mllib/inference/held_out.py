"""What models that had not learned from some bars say of them; kept with the run, read by no prediction.

Where training holds rows out, all of them in folds or those of the validation block, their probabilities are
out of sample. They alone can call a label of people's into doubt: a fitted model has learned it by heart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles

FILE_NAME = "held_out.npz"


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutSeries:
    """Of one series; `time int64 (n,)` are opens of bars (Unix s), `coverage float16 (n, k)` the probability
    that each lies in a span of each label, NaN where nothing was held out of that label or nobody looked.
    """

    pair: str
    timeframe: str
    time: NDArray[np.int64]
    coverage: NDArray[np.float16]

    def on(self, candles: Candles) -> NDArray[np.float32]:
        """The same beside these candles: `float32 (n_bars, k)`, NaN where it says nothing."""
        found = np.full((len(candles), self.coverage.shape[1]), np.nan, np.float32)
        _, here, there = np.intersect1d(candles.time, self.time, assume_unique=True, return_indices=True)
        found[here] = self.coverage[there]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What was held out of each series, under the names that labels had in training."""

    labels: tuple[str, ...]
    series: Sequence[HeldOutSeries]

    def of(self, pair: str, timeframe: str) -> HeldOutSeries | None:
        """What was held out of a series, if anything was."""
        there = (one for one in self.series if (one.pair, one.timeframe) == (pair, timeframe))
        return next(there, None)

    def save(self, folder: Path) -> None:
        """Writes a file into a predictor's folder."""
        arrays: dict[str, NDArray[np.generic]] = {
            "labels": np.array(self.labels, np.str_),
            "names": np.array([(one.pair, one.timeframe) for one in self.series], np.str_).reshape(-1, 2),
        }
        for i, one in enumerate(self.series):
            arrays |= {f"time_{i}": one.time, f"coverage_{i}": one.coverage}
        with (folder / FILE_NAME).open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # numpy's stub mixes them with a flag

    @classmethod
    def load(cls, folder: Path) -> "HeldOut | None":
        """What `save` wrote; None where a model was saved before there was such, or holds nothing out."""
        try:
            file = (folder / FILE_NAME).open("rb")
        except FileNotFoundError:
            return None
        with file, np.load(file, allow_pickle=False) as saved:
            series = [
                HeldOutSeries(pair, timeframe, saved[f"time_{i}"], saved[f"coverage_{i}"])
                for i, (pair, timeframe) in enumerate(saved["names"].tolist())
            ]
            return cls(tuple(saved["labels"].tolist()), series)
