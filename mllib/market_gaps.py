"""Missing candles beyond those of a market that is closed: nights, weekends and single days off are usual.

When a market is open is read off the series itself. Its week is divided into slots of one candle. A slot in
which nearly as many weeks have a candle as in the busiest slot is open; so nothing has to be known of
exchanges, and clock changes, which move the first and the last hour, make no gap.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mllib.candle_gate import Gap
from mllib.candles import Candles
from mllib.timeframes import SECONDS

_MAY_LACK = 0.2
"""In so many of the weeks, as a share of the busiest slot's weeks, an open slot may lack its candle."""
_MAY_LACK_WEEKS = 2
"""And in so many where that is more, as a short history begins and ends within a week."""
_ENOUGH_WEEKS = 4
"""In fewer weeks nothing can be told of a market's hours: only whole weekends are taken for closed."""
_WEEK, _DAY = SECONDS["1w"], SECONDS["1d"]


class MarketGap(NamedTuple):
    """Candles missing between two neighbours (Unix s, bar opens) at times when the market is usually open.

    `missing` counts those. A day off is a session that is missing as a whole, or joined to a closed time.
    """

    after_time: int
    before_time: int
    missing: int
    is_day_off: bool


def market_gaps(candles: Candles, gaps: Sequence[Gap]) -> list[MarketGap]:
    """Those of the gate's gaps in which an open market's candles are missing, by time."""
    if not gaps:
        return []
    length = SECONDS[candles.timeframe]
    if length > _DAY:
        return [MarketGap(*gap, is_day_off=False) for gap in gaps]
    is_open = _open_slots(candles.time, length)
    session = int(is_open.reshape(7, -1).sum(axis=1).max())
    bounds = np.array([(gap.after_time, gap.before_time) for gap in gaps], np.int64)
    lacking = _open_before(is_open, bounds[:, 1] // length) - _open_before(
        is_open, bounds[:, 0] // length + 1
    )
    found = []
    for gap, missing in zip(gaps, lacking.tolist(), strict=True):
        if missing > 0:
            whole = missing == session or gap.missing > missing
            found.append(MarketGap(gap.after_time, gap.before_time, missing, whole and missing <= session))
    return found


def _open_slots(time: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """Which slots of the week, counted from Thursday as Unix time is, are open: `bool (slots,)`."""
    slots = _WEEK // length
    week, slot = np.divmod(time // length, slots)
    weeks = len(np.unique(week))
    if weeks < _ENOUGH_WEEKS:
        day = np.arange(slots) * length // _DAY
        has_weekend = np.isin((2, 3), np.unique(slot * length // _DAY)).any()
        return np.ones(slots, bool) if has_weekend else ~np.isin(day, (2, 3))
    counts = np.bincount(slot, minlength=slots)
    most = counts.max()
    return np.asarray(counts >= most - max(_MAY_LACK * most, _MAY_LACK_WEEKS))


def _open_before(is_open: NDArray[np.bool_], slot: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many open slots lie between the epoch and a slot, which is counted from there too."""
    before = np.concatenate([[0], np.cumsum(is_open)])
    weeks, rest = np.divmod(slot, len(is_open))
    return np.asarray(weeks * before[-1] + before[rest])
