"""Windows seen upwards from their highest close and, turned upside down, from their lowest.

Both views are computed at once: the chart and, after it, the same chart upside down are one series, and each
window is in it twice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mllib.features.ranges import Bars, Highest, RangeMaxima, running
from mllib.features.swings import Swings
from mllib.features.windows import Floats

SMALLEST = 1e-9
_NEAR_BARS = 2
"""Two swings so close to each other are one."""

Named = Iterator[tuple[str, NDArray[np.float64] | NDArray[np.int64] | NDArray[np.int16]]]


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Windows `first..last` of the doubled series `(2n,)`, and the series itself `(2m,)`.

    A close is at the level `offset + (close - base) / height`: 0 is a window's lowest and 1 its highest.
    """

    close: Floats
    before: NDArray[np.int16]
    after: NDArray[np.int16]
    """For how long the close of a bar was and will be the highest, in bars."""
    highest: Highest
    first: Bars
    last: Bars
    tip: Bars
    base: Floats
    height: Floats
    offset: Floats

    @classmethod
    def of(cls, close: Floats, swings: Swings, first: Bars, last: Bars) -> "Views":
        """Both views of the windows `first..last (n,)` of a series `(m,)`."""
        doubled = np.concatenate([close, -close])
        highest = Highest.of(doubled, longest=int((last - first).max()) + 1)
        begin, end = (np.concatenate([bar, bar + len(close)]) for bar in (first, last))
        tip, n = highest.within(begin, end), len(first)
        top, bottom = doubled[tip[:n]], -doubled[tip[n:]]
        return cls(
            close=doubled,
            before=np.concatenate([swings.high_before, swings.low_before]),
            after=np.concatenate([swings.high_after, swings.low_after]),
            highest=highest,
            first=begin,
            last=end,
            tip=tip,
            base=np.concatenate([bottom, -bottom]),
            height=np.tile(np.maximum(top - bottom, SMALLEST), 2),
            offset=np.repeat([0.0, 1.0], n),
        )

    @property
    def bars(self) -> Bars:
        return self.last - self.first + 1

    def upside_down(self, bar: Bars) -> Bars:
        """Where the same bars are in the other half."""
        half = len(self.close) // 2
        return np.where(bar < half, bar + half, bar - half)

    def lowest(self, first: Bars, last: Bars) -> Bars:
        """The bar of the lowest close of each range, the first one of equals."""
        return self.upside_down(self.highest.within(self.upside_down(first), self.upside_down(last)))

    def levels(self, close: Floats) -> Floats:
        """Closes `(2n,)` on the scale of their windows."""
        return self.offset + (close - self.base) / self.height


def view_columns(views: Views) -> Named:
    """The way to the highest close, the way from there, and the strongest swings on both."""
    bars, tip = views.bars, views.tip
    lowest_after, lowest_before = views.lowest(tip, views.last), views.lowest(views.first, tip)
    pullback, pullback_bar = running(lambda at: _deepest_fall(views.close[at]), views.first, tip)
    yield "tip_bar", tip - views.first
    yield "tip_position", (tip - views.first) / bars
    yield "bars_after_tip", views.last - tip
    yield "tip_before", views.before[tip]
    yield "tip_after", np.minimum(views.after[tip], views.last - tip + 1)
    yield "fall_after_tip", 1.0 - views.levels(views.close[lowest_after])
    yield "lowest_after_tip_position", (lowest_after - tip) / bars
    yield "lowest_before_tip", views.levels(views.close[lowest_before])
    yield "pullback_before_tip", pullback / views.height
    yield "pullback_before_tip_position", pullback_bar / bars
    yield from _after_tip(views)
    yield from _swings(views)


def _deepest_fall(close: Floats) -> tuple[Floats, Bars]:
    """The deepest fall so far from a close to a later one, and how far along the row it ended first."""
    fall = np.maximum.accumulate(close, axis=1) - close
    deepest = np.maximum.accumulate(fall, axis=1)
    deeper = np.zeros(close.shape, np.int64)
    deeper[:, 1:] = np.where(fall[:, 1:] > deepest[:, :-1], np.arange(1, close.shape[1]), 0)
    return deepest, np.maximum.accumulate(deeper, axis=1)


def _after_tip(views: Views) -> Named:
    """The highest rise from a close after the tip, and the least-squares line through the closes from the
    tip on: slope, scatter, and the last close beyond it.
    """
    rise, total, moment, squares = running(
        lambda at: _sums_from_first(views.close[at]), views.tip, views.last
    )
    count = views.last - views.tip + 1
    middle, mean = (count - 1) / 2, total / count
    covariance = moment - middle * total
    variance = np.maximum(count * (count * count - 1) / 12, SMALLEST)
    slope = covariance / variance
    off = np.maximum(squares - mean * total - slope * covariance, 0.0)
    last = views.close[views.last]
    beyond = (last - views.close[views.tip] - mean - slope * middle) / views.height
    of_two = _line_through_two(views.levels(last))
    yield "recovery_after_tip", rise / views.height
    yield "slope_after_tip", slope / views.height * views.bars
    yield (
        "scatter_after_tip",
        np.where(count > 2, np.sqrt(off / count) / views.height, np.sqrt(np.square(of_two).mean(axis=0))),
    )
    yield "last_beyond_line", np.where(count > 2, beyond, of_two[1])


def _line_through_two(level: Floats) -> Floats:
    """How far a level of 1 and the next one are off the line through both `(2, n)`: what rounding leaves.

    Trees have learned to tell this apart from 0, so that it must not change.
    """
    mean = (1.0 + level) / 2
    first, last = 1.0 - mean, level - mean
    half = (last - first) / 2
    return np.stack([first + half, last - half])


def _sums_from_first(close: Floats) -> Sequence[Floats]:
    """The highest rise so far, and sums of the closes less the first one: plain, by distance, and squared."""
    y = close - close[:, :1]
    rise = np.maximum.accumulate(y - np.minimum.accumulate(y, axis=1), axis=1)
    return rise, *(np.cumsum(x, axis=1) for x in (y, y * np.arange(y.shape[1]), y * y))


def _swings(views: Views) -> Named:
    """The strongest swings before and after the tip: of the highs, and of the lows."""
    strengths = _Strengths.of(views)
    for kind, turned in (("high", False), ("low", True)):
        for where, first, last in (
            ("before", views.first + 1, views.tip - 1),
            ("after", views.tip + 1, views.last - 1),
        ):
            strongest, bar = strengths.strongest(first, last, turned=turned)
            left = strengths.strongest(first, np.minimum(bar - _NEAR_BARS - 1, last), turned=turned)[0]
            right = strengths.strongest(np.maximum(bar + _NEAR_BARS + 1, first), last, turned=turned)[0]
            found = strongest > 0
            name = f"{kind}_{where}_tip"
            yield f"{name}_strength", strongest
            yield f"{name}_position", np.where(found, (bar - views.tip) / views.bars, np.nan)
            yield f"{name}_close", np.where(found, views.levels(views.close[bar]), np.nan)
            yield f"{name}_second_strength", np.maximum(left, right)


@dataclass(frozen=True, slots=True, eq=False)
class _Strengths:
    """Swings as a window's last bar knows them: bars without a higher close on both sides, inside it.

    For every last bar there is a stretch of codes, the bars before it by their distance: a bar's strength in
    the high bits, its distance in the low ones, so that of equals the earlier bar is the larger code.
    """

    codes: RangeMaxima
    bits: int
    last: Bars
    home: Bars
    turned: Bars

    @classmethod
    def of(cls, views: Views) -> "_Strengths":
        longest = int(views.bars.max())
        bits = longest.bit_length()
        known = np.zeros(len(views.close), bool)
        known[views.last] = True
        lasts = np.flatnonzero(known)
        number = np.cumsum(known) - 1
        distance = np.arange(longest)
        strength = np.minimum(views.before, views.after)
        narrow = np.min_scalar_type(int(strength.max() + 1) << bits)
        codes = np.minimum(strength[np.maximum(lasts[:, None] - distance, 0)], distance + 1).astype(narrow)
        codes = (codes << narrow.type(bits)) | distance.astype(narrow)
        home = number[views.last] * longest
        turned = number[views.upside_down(views.last)] * longest
        return cls(RangeMaxima.of(codes.ravel(), longest=longest), bits, views.last, home, turned)

    def strongest(self, first: Bars, last: Bars, *, turned: bool) -> tuple[Bars, Bars]:
        """The strength and the bar of the strongest swing of each range, 0 where it is empty.

        Of highs, or of lows where `turned`; among equals it is the first one.
        """
        home = self.turned if turned else self.home
        code = self.codes.over(home + (self.last - last), home + (self.last - first)).astype(np.int64)
        return code >> self.bits, self.last - (code & ((1 << self.bits) - 1))
