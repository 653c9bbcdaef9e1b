"""What is compared: the prediction of a series beside what is known about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.encoders import reviewed_bars
from mllib.inference import Prediction
from mllib.spans import ReviewedRange, Span


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The prediction of one series beside what is known about it; `counts` bool (n_bars)."""

    prediction: Prediction
    truth: Sequence[Span]
    reviewed: Sequence[ReviewedRange]
    counts: NDArray[np.bool_]

    @property
    def candles(self) -> Candles:
        return self.prediction.candles

    def counted(self, label: str) -> NDArray[np.bool_]:
        """The bars that count and where someone looked for a label: `bool (n_bars,)`."""
        return self.counts & reviewed_bars(label, self.candles, self.reviewed)
