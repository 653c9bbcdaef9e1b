"""Stock splits in raw prices: where they look to be, and the same candles in the newest shares.

A split of 2 to 1 halves the price and doubles the shares overnight, and nothing else happens. A crash may
halve the price too, but people trade it. So an open is taken for a split when three things hold: its ratio
to the close before is that of a common split, its own candle moves little beside the gap, and, counted in
the same shares, no more is traded than before. One of them missing makes it doubtful: it is reported with
what speaks against it, and adjusted only when a person names it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mllib.candles import PRICE_COLUMNS, Candles
from mllib.errors import InvalidCandles
from mllib.timeframes import SECONDS, iso_utc, parse_time

_RATIOS = np.array([3 / 2, 2, 3, 4, 5, 7, 10, 20])
_FITS = 0.025
"""A split's gap holds one night's move as well; MSFT's of 2003 is off by 0.019 (in logs, like all here)."""
_NEAR = 0.06
_BEYOND_USUAL = 8.0
_MOST_RANGE = 1 / 3
"""Of the gap, so much may the candle that opens with it range."""
_MOST_VOLUME = 3.0
_DAYS_BEFORE = 20
_BARS_APART = 20
_ENOUGH_BARS = 7


class PriceSplit(NamedTuple):
    """A split before the candle that opens at `time` (Unix s): one old share became `ratio` new ones."""

    time: int
    ratio: float


@dataclass(frozen=True, slots=True)
class SuspectedSplit:
    """An open that is at about a split's ratio to the close before it.

    `ratio` is that of the split, above 1 where the price fell; `gap` is the one found. `doubts` say what
    speaks against a split; a clear one has none.
    """

    time: int
    ratio: float
    gap: float
    doubts: tuple[str, ...] = ()

    @property
    def is_clear(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.doubts


def suspected_splits(candles: Candles) -> tuple[SuspectedSplit, ...]:
    """The opens near a split's ratio to the close before, and far beyond the usual move between closes."""
    if len(candles) < _ENOUGH_BARS:
        return ()
    logs = np.log(candles.close)
    jump = logs[:-1] - np.log(candles.open[1:])
    moves = np.abs(np.diff(logs))
    usual = float(np.partition(moves, len(moves) // 2)[len(moves) // 2])  # a third of what np.median costs
    least = max(float(np.log(_RATIOS[0])) - _NEAR, _BEYOND_USUAL * usual)
    near = [int(at) + 1 for at in np.flatnonzero(np.abs(jump) > least) if _off(jump[at]) <= _NEAR]
    return tuple(_suspected(candles, bar, float(jump[bar - 1]), near) for bar in near)


def adjusted(candles: Candles, splits: Sequence[PriceSplit]) -> Candles:
    """The candles in the shares of the newest one: before each split prices by its ratio, volume times it."""
    factor = np.ones(len(candles))
    for split in splits:
        factor[candles.time < split.time] *= split.ratio
    prices = {name: getattr(candles, name) / factor for name in PRICE_COLUMNS}
    return replace(candles, **prices, volume=None if candles.volume is None else candles.volume * factor)


def parse_split(text: str) -> PriceSplit:
    """A split as a person names it: the first day in new shares, and new shares for old ones.

    A ratio of 1 says that there is no split.

    Raises:
        InvalidCandles: if it does not read so.

    >>> parse_split("2005-02-28=2"), parse_split("2005-02-28=3/2").ratio, parse_split("2005-02-28=1/10").ratio
    (PriceSplit(time=1109548800, ratio=2.0), 1.5, 0.1)
    """
    day, _, written = text.partition("=")
    new, _, old = written.partition("/")
    try:
        ratio = float(new) / float(old or 1)
    except (ValueError, ZeroDivisionError):
        ratio = np.nan
    if not 0 < ratio < np.inf:
        raise InvalidCandles(
            f"split: found {text!r}, expected a day and new shares for one old share. "
            "Write 2005-02-28=2, 2005-02-28=3/2, or 2005-02-28=1/10 for ten old shares that became one."
        )
    return PriceSplit(parse_time(day), ratio)


def named_splits(candles: Candles, named: Sequence[PriceSplit]) -> tuple[PriceSplit, ...]:
    """The named splits, each at the candle with which it begins.

    Raises:
        InvalidCandles: if no candle opens before or after one, two begin with one candle, or adjusting would
            tear the prices apart instead of joining them.
    """
    found: dict[int, PriceSplit] = {}
    for split in named:
        bar = int(np.searchsorted(candles.time, split.time))
        if not 0 < bar < len(candles):
            raise InvalidCandles(
                f"{candles.name}: found a split named at {iso_utc(split.time)}, expected it after the first "
                f"candle ({iso_utc(int(candles.time[0]))}) and not after the last "
                f"({iso_utc(int(candles.time[-1]))}). Correct the day."
            )
        time = int(candles.time[bar])
        if time in found:
            raise InvalidCandles(
                f"{candles.name}: found two splits named at {iso_utc(time)}, expected one a candle. "
                "Name their product."
            )
        if split.ratio != 1 and not is_raw_at(candles, PriceSplit(time, split.ratio)):
            gap = candles.open[bar] / candles.close[bar - 1]
            raise InvalidCandles(
                f"{candles.name}: found the open of {iso_utc(time)} at {gap:.3g} times the close before, "
                f"expected about {1 / split.ratio:.3g} at a split of {split_words(split.ratio)}. "
                "Correct day and ratio, or leave it out where the prices are adjusted already."
            )
        found[time] = PriceSplit(time, split.ratio)
    return tuple(found.values())


def is_raw_at(candles: Candles, split: PriceSplit) -> bool:
    """Whether the candles cross a split and adjusting for it brings their prices closer together there."""
    bar = int(np.searchsorted(candles.time, split.time))
    if not 0 < bar < len(candles):
        return False
    gap = float(np.log(candles.close[bar - 1] / candles.open[bar]))
    return abs(gap - float(np.log(split.ratio))) < abs(gap)


def refuse_mixed_units(
    candles: Candles, applied: Sequence[PriceSplit], stored: Candles, recorded: Sequence[PriceSplit]
) -> None:
    """Refuses candles beside which stored ones would be in other shares.

    `applied` are the splits that the new candles are adjusted for, `recorded` those of the stored series.

    Raises:
        InvalidCandles: the new ones cross a recorded split unadjusted, or stored ones that they do not
            replace lie before a split that only they are adjusted for.
    """
    times = {split.time for split in applied}
    raw = [split for split in recorded if split.time not in times and is_raw_at(candles, split)]
    if raw:
        raise InvalidCandles(
            f"{candles.name}: found unadjusted prices across the split of {iso_utc(raw[0].time)}, "
            f"expected them adjusted for {split_words(raw[0].ratio)}, as the stored ones are. Import with "
            f"{' '.join(f'--split {_named(split)}' for split in raw)}, or delete the stored candles first."
        )
    for split in set(applied) - set(recorded):
        before = stored.between(None, split.time - 1).time
        if left := int(np.isin(before, candles.time, assume_unique=True, invert=True).sum()):
            raise InvalidCandles(
                f"{candles.name}: found {left:,} stored candles before the split of {iso_utc(split.time)} "
                "that the file does not hold, expected all of them, so that they can be adjusted too. "
                "Import a file that reaches back as far, or delete the stored candles first."
            )


def adjustment_words(split: PriceSplit) -> str:
    """What adjusting for a split did, as a sentence.

    >>> adjustment_words(PriceSplit(1109548800, 2.0))
    'Adjusted for the split of 2005-02-28, 2 to 1: before it prices by 1/2, volume by 2.'
    """
    prices, volume = share_words(1 / split.ratio), share_words(split.ratio)
    return (
        f"Adjusted for the split of {iso_utc(split.time)[:10]}, {split_words(split.ratio)}: "
        f"before it prices by {prices}, volume by {volume}."
    )


def split_words(ratio: float) -> str:
    """A split as people call it.

    >>> split_words(2.0), split_words(1.5), split_words(0.1)
    ('2 to 1', '3 to 2', '1 to 10')
    """
    new, old = _fraction(ratio)
    return f"{new} to {old}"


def share_words(ratio: float) -> str:
    """A split's ratio as `parse_split` reads it.

    >>> share_words(2.0), share_words(1.5), share_words(0.1)
    ('2', '3/2', '1/10')
    """
    new, old = _fraction(ratio)
    return f"{new}" if old == 1 else f"{new}/{old}"


def _named(split: PriceSplit) -> str:
    return f"{iso_utc(split.time)[:10]}={share_words(split.ratio)}"


def _fraction(ratio: float) -> tuple[int, int]:
    return Fraction(ratio).limit_denominator(1_000).as_integer_ratio()


def _off(jump: float) -> float:
    return float(np.abs(abs(jump) - np.log(_RATIOS)).min())


def _suspected(candles: Candles, bar: int, jump: float, near: Sequence[int]) -> SuspectedSplit:
    ratio = float(_RATIOS[np.abs(abs(jump) - np.log(_RATIOS)).argmin()])
    ratio = ratio if jump > 0 else 1 / ratio
    doubts = []
    if (off := _off(jump)) > _FITS:
        doubts.append(f"it is {np.expm1(off):.1%} off the ratio")
    span = float(np.log(candles.high[bar] / candles.low[bar]))
    if span > _MOST_RANGE * abs(jump):
        doubts.append(f"its own candle ranges over {np.expm1(span):.0%}")
    if any(other != bar and abs(other - bar) <= _BARS_APART for other in near):
        doubts.append("there is another such gap beside it")
    doubts += _volume_doubts(candles, bar, ratio)
    return SuspectedSplit(int(candles.time[bar]), ratio, float(np.exp(jump)), tuple(doubts))


def _volume_doubts(candles: Candles, bar: int, ratio: float) -> list[str]:
    """What the day's volume says against a split, in the new shares beside that of the days before."""
    bars = _bars_a_day(candles)
    first = max(bar - _DAYS_BEFORE * bars, 0)
    before = None if candles.volume is None else _sums(candles.volume[first:bar], bars)
    if candles.volume is None or before is None or not (usual := float(np.median(before)) * ratio):
        return ["there is no volume that would tell a split from a fall or rise"]
    day = candles.volume[bar : bar + bars]
    traded = float(day.mean()) * bars / usual
    return [f"{traded:.1f} times the usual volume was traded"] if traded > _MOST_VOLUME else []


def _bars_a_day(candles: Candles) -> int:
    """How many candles a day of trading has; 1 for candles of a day or longer."""
    day = SECONDS["1d"]
    if SECONDS[candles.timeframe] >= day:
        return 1
    return max(1, round(len(candles) / len(np.unique(candles.time // day))))


def _sums(volume: NDArray[np.float64], bars: int) -> NDArray[np.float64] | None:
    """The sums of consecutive runs of so many bars, counted back from the end; None where there is no run."""
    runs = len(volume) // bars
    if not runs:
        return None
    sums: NDArray[np.float64] = volume[len(volume) - runs * bars :].reshape(runs, bars).sum(axis=1)
    return sums
