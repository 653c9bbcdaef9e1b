"""Splits over the rows' own intervals of time: no row of one block reads what another judges.

An interval runs from the open of the first bar that a row reads to the close of the last one, so that a daily
and an hourly series purge each other. Moments are shared by all series.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mllib.candles import Candles
from mllib.errors import TrainingFailed
from mllib.rows import Rows
from mllib.timeframes import SECONDS

Mask = NDArray[np.bool_]
Times = NDArray[np.int64]
Block = Literal["train", "validation", "test", "later"]
_MADE: tuple[Block, ...] = ("train", "validation", "test")
_MOST_HELD_OUT = 0.9
_MOST_RANDOM_BLOCKS = 40
_READS_A_RANDOM_BLOCK = 8
"""A block of a random split is at least so many times as long as what one row reads."""


class SplitConfig(BaseModel):
    """Shares of the rows that are kept for validation and for the test, and how they are chosen.

    `embargo_bars` keep so many bars (of each series' own timeframe) free after every moment between blocks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    split_method: Literal["temporal", "random"] = Field(
        default="temporal",
        description="temporal: the test is the newest part. random: its blocks lie anywhere, so the model "
        "has seen candles after them.",
    )
    test_split: float = Field(
        default=0.2, gt=0, lt=0.9, description="Share of the candles that the model is tested on."
    )
    validation_split: float = Field(
        default=0.1,
        gt=0,
        lt=0.9,
        description="Share of the candles on which stopping, temperatures and cuts are chosen.",
    )
    embargo_bars: int = Field(
        default=0, ge=0, description="Candles left free after every moment between blocks."
    )

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
class Intervals:
    """When each of n rows judges and reads, in Unix s: `int64 (n,)` each.

    `opens_at` is the open of the first bar judged, `reads_from` that of the first bar read, `reads_until` the
    close of the last bar that the row or its proposal depends on, `bar_s` the length of its bars.
    """

    opens_at: Times
    reads_from: Times
    reads_until: Times
    bar_s: Times

    @classmethod
    def of(cls, rows: Rows, candles: Candles) -> "Intervals":
        """The intervals of the rows of one series."""
        bar_s = np.full(len(rows), SECONDS[candles.timeframe], np.int64)
        until = np.maximum(rows.reads_to, rows.known_at) + bar_s
        return cls(candles.time[rows.start], rows.reads_from, until, bar_s)

    @classmethod
    def of_bars(cls, candles: Candles, reach: tuple[int, int]) -> "Intervals":
        """Those of every bar, where judging it depends on `reach` bars before and after."""
        bars, time = np.arange(len(candles)), candles.time
        bar_s = np.full(len(time), SECONDS[candles.timeframe], np.int64)
        last = time[np.minimum(bars + reach[1], len(time) - 1)]
        return cls(time, time[np.maximum(bars - reach[0], 0)], last + bar_s, bar_s)

    @classmethod
    def joined(cls, parts: Sequence["Intervals"]) -> "Intervals":
        """Those of several series, one after another."""
        names = ("opens_at", "reads_from", "reads_until", "bar_s")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        return len(self.opens_at)

    def take(self, chosen: Mask) -> "Intervals":
        """Those of the chosen rows."""
        return Intervals(
            self.opens_at[chosen], self.reads_from[chosen], self.reads_until[chosen], self.bar_s[chosen]
        )


@dataclass(frozen=True, slots=True)
class Split:
    """Blocks of time: `blocks[i]` lasts until `moments[i]` (Unix s), the last one for ever."""

    moments: tuple[int, ...]
    blocks: tuple[Block, ...]
    embargo_bars: int = 0

    def holds(self, block: Block, intervals: Intervals) -> Mask:
        """Which intervals lie wholly in a block, and beyond the embargo after its beginning: `bool (n,)`."""
        moments = np.array(self.moments, np.int64)
        at = np.searchsorted(moments, intervals.reads_from, side="right")
        same = at == np.searchsorted(moments, intervals.reads_until - 1, side="right")
        begins = np.concatenate([[np.iinfo(np.int64).min], moments])[at]
        free = (at == 0) | (intervals.reads_from - begins >= self.embargo_bars * intervals.bar_s)
        named = np.array([name == block for name in self.blocks])[at]
        return np.asarray(same & free & named)

    def with_validation_learned(self) -> "Split":
        """The split whose validation belongs to training."""
        blocks: tuple[Block, ...] = tuple("train" if name == "validation" else name for name in self.blocks)
        kept = [i for i in range(len(self.moments)) if blocks[i] != blocks[i + 1]]
        return Split(
            tuple(self.moments[i] for i in kept),
            (*(blocks[i] for i in kept), blocks[-1]),
            self.embargo_bars,
        )

    def ranges(self, *blocks: Block) -> list[tuple[int | None, int | None]]:
        """First and last time (Unix s, both included, None for ever) of each stretch of these blocks."""
        begins = [None, *self.moments]
        ends = [*(moment - 1 for moment in self.moments), None]
        found: list[tuple[int | None, int | None]] = []
        for i, name in enumerate(self.blocks):
            if name in blocks and i and self.blocks[i - 1] in blocks:
                found[-1] = (found[-1][0], ends[i])
            elif name in blocks:
                found.append((begins[i], ends[i]))
        return found


def make_split(intervals: Intervals, config: SplitConfig, *, seed: int) -> Split:
    """The split that the configuration asks for.

    Raises:
        TrainingFailed: when a block is left without rows.
    """
    if config.split_method == "random":
        return random_split(intervals, config, seed=seed)
    return temporal_split(intervals, config)


def temporal_split(intervals: Intervals, config: SplitConfig) -> Split:
    """Train before validation before test, across all series at the same two moments.

    The moments are quantiles over the opens of all rows. A row whose interval crosses one belongs nowhere.

    Raises:
        TrainingFailed: when a block is left without rows.
    """
    before_test = 1 - config.test_split
    moments = _quantiles(intervals.opens_at, [before_test - config.validation_split, before_test])
    return _checked(Split(moments, ("train", "validation", "test"), config.embargo_bars), intervals)


def random_split(intervals: Intervals, config: SplitConfig, *, seed: int) -> Split:
    """Contiguous stretches of time, dealt to the blocks at random; rows across their borders belong nowhere.

    The future of a test row may be in training: what it measures is no forecast of later candles.

    Raises:
        TrainingFailed: when a block is left without rows.
    """
    longest = int(np.quantile(intervals.reads_until - intervals.reads_from, 0.9))
    lasts = int(intervals.opens_at.max() - intervals.opens_at.min())
    stretches = int(np.clip(lasts // max(_READS_A_RANDOM_BLOCK * longest, 1), 3, _MOST_RANDOM_BLOCKS))
    test = max(round(stretches * config.test_split), 1)
    validation = max(round(stretches * config.validation_split), 1)
    dealt: list[Block] = ["train"] * (stretches - test - validation)
    dealt += ["validation"] * validation
    dealt += ["test"] * test
    names = [dealt[i] for i in np.random.default_rng(seed).permutation(stretches).tolist()]
    moments = _quantiles(intervals.opens_at, [i / stretches for i in range(1, stretches)])
    kept = [i for i in range(stretches - 1) if names[i] != names[i + 1]]
    blocks = (*(names[i] for i in kept), names[-1])
    return _checked(Split(tuple(moments[i] for i in kept), blocks, config.embargo_bars), intervals)


def walk_forward(intervals: Intervals, config: SplitConfig, *, folds: int) -> list[Split]:
    """Splits whose test blocks follow one another, each trained and validated on what came before it.

    All of them lie before the test block of `temporal_split`, which they leave alone. The first fold tests on
    the second of `folds + 1` parts of equal numbers of rows.

    Raises:
        TrainingFailed: when a block of a fold is left without rows.
    """
    whole = 1 - config.test_split
    validation = config.validation_split / whole
    splits = []
    for fold in range(1, folds + 1):
        begins, ends = whole * fold / (folds + 1), whole * (fold + 1) / (folds + 1)
        moments = _quantiles(intervals.opens_at, [begins * (1 - validation), begins, ends])
        split = Split(moments, ("train", "validation", "test", "later"), config.embargo_bars)
        splits.append(_checked(split, intervals))
    return splits


def purged_folds(
    intervals: Intervals, *, folds: int, embargo_bars: int = 0, evenly: Mask | None = None
) -> list[tuple[Mask, Mask]]:
    """`(train, held out)` masks, contiguous in time, so that each row is held out once.

    Folds hold about as many of the rows `evenly`, of which there are some, or of all; those that would hold
    none are left out. Training rows share no moment with the interval that all held-out rows read together,
    nor begin within the embargo after it. Source: López de Prado, Advances in Financial Machine Learning,
    7.4.
    """
    spread = intervals.opens_at if evenly is None else intervals.opens_at[evenly]
    moments = _quantiles(spread, [i / folds for i in range(1, folds)])
    fold_of = np.searchsorted(np.array(moments, np.int64), intervals.opens_at, side="right")
    found = []
    for held_out in (fold_of == fold for fold in range(folds)):
        read = intervals.take(held_out)
        if not len(read):
            continue
        free_again = int(read.reads_until.max()) + embargo_bars * intervals.bar_s
        train = (intervals.reads_until <= read.reads_from.min()) | (intervals.reads_from >= free_again)
        found.append((train, held_out))
    return found


def divided(intervals: Intervals, block: Mask, *, embargo_bars: int) -> tuple[Mask, Mask]:
    """An earlier and a later part of a block's rows that share no moment, divided at their median."""
    if not block.any():
        return block, block
    middle = int(np.median(intervals.opens_at[block]))
    split = Split((middle,), ("train", "test"), embargo_bars)
    return block & split.holds("train", intervals), block & split.holds("test", intervals)


def _quantiles(opens_at: Times, shares: Sequence[float]) -> tuple[int, ...]:
    ordered = np.sort(opens_at)
    at = [min(max(int(len(ordered) * share), 0), len(ordered) - 1) for share in shares]
    return tuple(int(ordered[i]) for i in at)


def _checked(split: Split, intervals: Intervals) -> Split:
    counts = {name: int(split.holds(name, intervals).sum()) for name in _MADE}
    for name, rows in counts.items():
        if not rows:
            purged = len(intervals) - sum(counts.values())
            raise TrainingFailed(
                f"split: the {name} block is empty after purging {purged} of {len(intervals)} rows. "
                "Import more candles, or lower how far a row reads: past_bars and future_bars of "
                "stages.feature_engineering.context, or window_size where windows are fixed."
            )
    return split
