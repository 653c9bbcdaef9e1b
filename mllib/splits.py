"""A temporal split over the rows' own intervals: no row of one block reads what another judges."""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mllib.errors import TrainingFailed
from mllib.rows import Rows

Mask = NDArray[np.bool_]
Block = Literal["train", "validation", "test"]
_EVER, _NEVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_MOST_HELD_OUT = 0.9


class SplitConfig(BaseModel):
    """Shares of the rows, by time, that are kept for validation and for the test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    test_split: float = Field(default=0.2, gt=0, lt=0.9)
    validation_split: float = Field(default=0.1, gt=0, lt=0.9)

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        held_out = self.test_split + self.validation_split
        if held_out > _MOST_HELD_OUT:
            raise ValueError(
                f"found test_split + validation_split {held_out:g}, expected at most {_MOST_HELD_OUT}: "
                "the rest is what training learns from"
            )
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Masks over the rows, and the first time (Unix s) of validation and of the test."""

    train: Mask
    validation: Mask
    test: Mask
    validation_from: int
    test_from: int

    def judged_bars(self, block: Block, time: NDArray[np.int64], reach: tuple[int, int]) -> Mask:
        """The bars of a series with opens `time (n,)` that a block judges: `bool (n,)`.

        `reach` is how many bars before and after its own a prediction reads: all of them lie in the block.
        """
        bars = np.arange(len(time))
        reads_from = time[np.maximum(bars - reach[0], 0)]
        reads_to = time[np.minimum(bars + reach[1], len(time) - 1)]
        return self._within(block, reads_from, reads_to)

    def _within(self, block: Block, reads_from: NDArray[np.int64], reads_to: NDArray[np.int64]) -> Mask:
        first, last = {
            "train": (_EVER, self.validation_from),
            "validation": (self.validation_from, self.test_from),
            "test": (self.test_from, _NEVER),
        }[block]
        return (reads_from >= first) & (reads_to < last)

    @property
    def purged(self) -> int:
        """How many rows belong to no block."""
        return int((~(self.train | self.validation | self.test)).sum())


def temporal_split(rows: Rows, opens_at: NDArray[np.int64], config: SplitConfig) -> Split:
    """Train before validation before test, across all series at the same two moments.

    `opens_at int64 (n,)` is when the first bar of each row opens. The moments are quantiles over all rows.
    A row is purged when its features read across one of them, so that blocks share no bar at all.

    Raises:
        TrainingFailed: when a block is left without rows.
    """
    ordered = np.sort(opens_at)
    test_from = int(ordered[min(int(len(ordered) * (1 - config.test_split)), len(ordered) - 1)])
    share = 1 - config.test_split - config.validation_split
    validation_from = int(ordered[max(int(len(ordered) * share), 0)])
    split = Split(
        train=rows.known_at < validation_from,
        validation=(rows.reads_from >= validation_from) & (rows.known_at < test_from),
        test=rows.reads_from >= test_from,
        validation_from=validation_from,
        test_from=test_from,
    )
    for name in ("train", "validation", "test"):
        if not getattr(split, name).any():
            raise TrainingFailed(
                f"split: the {name} block is empty after purging {split.purged} of {len(rows)} rows. "
                "Import more candles, or lower stages.feature_engineering.context.past_bars and future_bars."
            )
    return split
