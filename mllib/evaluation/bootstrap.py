"""How sure a score is: the test's blocks of time drawn again and again, with replacement.

Neighbouring bars and overlapping patterns are no independent examples, and symbols move together, so whole
blocks of time are drawn, the same for all series. Source: Künsch (1989), The Jackknife and the Bootstrap for
General Stationary Observations; blocks do not overlap here, so that each is counted once and draws are a
product of matrices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from mllib.evaluation.candles import CandleLabels, candle_scores
from mllib.evaluation.judged import Judged
from mllib.evaluation.spans import FALSE_ALARM, HIT, LEAST_SUPPORT, MISS, Events
from mllib.timeframes import SECONDS

LEAST_BLOCKS = 5
"""Fewer blocks than this say nothing about how a score varies."""
LEVEL = 0.95

Floats = NDArray[np.float64]
Interval = list[float]


class BootstrapConfig(BaseModel):
    """`stages.training.bootstrap`: how intervals around scores are found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    block_bars: int = Field(default=200, ge=1, description="Candles of a block that is drawn as a whole.")
    resamples: int = Field(default=500, ge=20, le=20_000, description="How often blocks are drawn.")
    seed: int = Field(default=0, ge=0, description="The same seed draws the same blocks.")


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """The blocks of time with a bar that counts, and how often each is drawn: `draws (n_resamples,
    n_blocks)`.
    """

    numbers: NDArray[np.int64]
    length_s: int
    draws: Floats

    @classmethod
    def of(cls, parts: Sequence[Judged], config: BootstrapConfig) -> "Blocks":
        """Blocks of `block_bars` of the longest timeframe, on one grid for all series."""
        length_s = config.block_bars * max(SECONDS[part.candles.timeframe] for part in parts)
        times = np.concatenate([part.candles.time[part.counts] for part in parts])
        numbers = np.unique(times // length_s)
        n = max(len(numbers), 1)
        rng = np.random.default_rng(config.seed)
        draws = rng.multinomial(n, np.full(n, 1 / n), size=config.resamples).astype(np.float64)
        return cls(numbers, length_s, draws)

    @property
    def enough(self) -> bool:
        return len(self.numbers) >= LEAST_BLOCKS

    def resampled(self, times: NDArray[np.int64], kinds: NDArray[np.integer], count: int) -> Floats:
        """How often each of `count` kinds happened in every draw, of `kinds (n,)` that happened at `times
        (n,)`: `(n_resamples, count)`.
        """
        block = np.searchsorted(self.numbers, times // self.length_s)
        n = max(len(self.numbers), 1)
        by_block = np.bincount(block * count + kinds, minlength=n * count).reshape(n, count)
        return np.asarray(self.draws @ by_block)


@dataclass(frozen=True, slots=True, eq=False)
class ResampledSpans:
    """True, predicted and matched spans of each label in every draw: `(n_resamples, n_labels)` each."""

    labels: tuple[str, ...]
    true: Floats
    predicted: Floats
    matched: Floats

    @classmethod
    def of(cls, blocks: Blocks, events: Mapping[str, Events]) -> "ResampledSpans":
        """The draws of every label's events."""
        drawn = [blocks.resampled(one.time, one.kind, 3) for one in events.values()]
        stacked = np.stack(drawn, axis=-1) if drawn else np.zeros((len(blocks.draws), 3, 0))
        hits, missed, false = stacked[:, HIT], stacked[:, MISS], stacked[:, FALSE_ALARM]
        return cls(tuple(events), hits + missed, hits + false, hits)

    @property
    def micro(self) -> Floats:
        """Span F1 over all labels together, in every draw."""
        total = self.true.sum(axis=1) + self.predicted.sum(axis=1)
        return np.asarray(2 * self.matched.sum(axis=1) / np.maximum(total, 1))

    @property
    def per_label(self) -> Floats:
        return np.asarray(2 * self.matched / np.maximum(self.true + self.predicted, 1))


def interval(values: Floats) -> Interval:
    """The central 95 % of the draws of a score."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(low), float(high)]


def intervals(
    blocks: Blocks, events: Mapping[str, Events], candles: CandleLabels, config: BootstrapConfig
) -> dict[str, Any]:
    """Intervals of span F1 (at the IoU of `events`) and of the scores per candle; `skipped` says why there
    are none.

    Of a macro mean the labels are those of the test itself, whatever a draw holds.
    """
    if not blocks.enough:
        return {
            "skipped": f"found {len(blocks.numbers)} blocks of {config.block_bars} bars in the test, "
            f"expected at least {LEAST_BLOCKS}"
        }
    spans = ResampledSpans.of(blocks, events)
    support = np.array([events[label].counts.true for label in spans.labels])
    accuracy, macro, weighted = _resampled_candles(blocks, candles)
    return {
        "level": LEVEL,
        "blocks": len(blocks.numbers),
        "block_bars": config.block_bars,
        "resamples": config.resamples,
        "span_f1": {
            "micro": interval(spans.micro),
            "macro": _mean_interval(spans.per_label, support > 0),
            "macro_supported": _mean_interval(spans.per_label, support >= LEAST_SUPPORT),
            "per_label": {
                label: interval(spans.per_label[:, i]) if support[i] else None
                for i, label in enumerate(spans.labels)
            },
        },
        "accuracy": interval(accuracy),
        "f1_macro": interval(macro),
        "f1_weighted": interval(weighted),
    }


def _mean_interval(per_label: Floats, chosen: NDArray[np.bool_]) -> Interval | None:
    return interval(per_label[:, chosen].mean(axis=1)) if chosen.any() else None


def _resampled_candles(blocks: Blocks, candles: CandleLabels) -> tuple[Floats, Floats, Floats]:
    k = len(candles.names)
    right = candles.true == candles.predicted
    hits = blocks.resampled(candles.time[right], candles.true[right], k)
    true, claimed = (
        blocks.resampled(candles.time, labels, k) for labels in (candles.true, candles.predicted)
    )
    return candle_scores(hits, true, claimed)
