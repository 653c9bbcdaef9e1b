"""The gate: the one place where candles are judged. What has passed is trusted everywhere else.

Candles are counted from 1 in messages, as the rows of a file below its header are.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mllib.amounts import count
from mllib.candles import PRICE_COLUMNS, Candles
from mllib.errors import InvalidCandles
from mllib.price_adjustment import SuspectedSplit, share_words, split_words, suspected_splits
from mllib.timeframes import CLOSEST_S, GRID_S, SECONDS, iso_utc, likely_timeframe, parse_timeframe

if TYPE_CHECKING:
    import pandas as pd

EARLIEST_TIME = -2_208_988_800
"""1900-01-01 UTC."""
LATEST_TIME = 7_258_118_400
"""2200-01-01 UTC; the same number of milliseconds lies in March 1970."""
LONGEST_PAIR = 64
LEAST_PRICE = 1e-15
MOST_PRICE = 1e15
MOST_VOLUME = 1e30
"""What is computed of such prices and volumes stays far from the bounds of floats."""

_PRICE_NOISE = 1e-9
_ENOUGH_SPACINGS = 5
_FINER_UNITS = {"milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}


class Gap(NamedTuple):
    """Candles missing between two neighbours (Unix s, bar opens); a closed market is one too."""

    after_time: int
    before_time: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """What was found in candles that passed: allowed, but worth knowing."""

    pair: str
    timeframe: str
    rows: int
    first_time: int
    last_time: int
    gaps: tuple[Gap, ...] = ()
    splits: tuple[SuspectedSplit, ...] = ()
    volume_is_zero: bool = False

    @property
    def longest_gap(self) -> Gap | None:
        """The gap with the most missing candles, the first of equals; None without gaps."""
        return max(self.gaps, key=lambda gap: gap.missing, default=None)

    def lines(self) -> list[str]:
        """The report as sentences for a person."""
        span = f"{iso_utc(self.first_time)} to {iso_utc(self.last_time)}"
        sentences = [f"{self.pair} {self.timeframe}: {count(self.rows, 'candle')} from {span}."]
        if longest := self.longest_gap:
            sentences.append(
                f"{count(len(self.gaps), 'gap')} (weekends and closed sessions count); the longest, "
                f"after {iso_utc(longest.after_time)}, lacks {count(longest.missing, 'candle')}."
            )
        sentences += [_sentence(split) for split in self.splits]
        return [*sentences, "The volume is 0 throughout."] if self.volume_is_zero else sentences

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values, with `gap_count` and `longest_gap` spelled out."""
        longest = self.longest_gap
        counts = {"gap_count": len(self.gaps), "longest_gap": longest and longest._asdict()}
        return {**asdict(self), "gaps": [gap._asdict() for gap in self.gaps], **counts}


def _sentence(split: SuspectedSplit) -> str:
    at, to = iso_utc(split.time), split_words(split.ratio)
    if split.is_clear:
        return (
            f"The open of {at} looks like an unadjusted split, {to}. Import with --adjust split, or expect "
            "false patterns there."
        )
    return (
        f"The open of {at} is {1 / split.gap:.3g} times the close before. That may be a split, {to}, but "
        f"{' and '.join(split.doubts)}. If it is one, import with "
        f"--split {at[:10]}={share_words(split.ratio)}."
    )


def check_pair(pair: str) -> str:
    """The symbol itself when it can name a series, such as `EURUSD`, `BTC/USDT` or `BRK.B`.

    Raises:
        InvalidCandles: if empty, longer than 64 characters, unprintable or with blanks around it.

    >>> check_pair("BTC/USDT")
    'BTC/USDT'
    """
    if pair and len(pair) <= LONGEST_PAIR and pair.isprintable() and pair == pair.strip():
        return pair
    shown = f"{pair[:LONGEST_PAIR]!r} ({len(pair)} characters)"
    expected = f"1 to {LONGEST_PAIR} printable characters without blanks around them"
    raise InvalidCandles(f"pair: found {shown}, expected {expected}. Give the symbol, such as EURUSD.")


def check_candles(frame: "pd.DataFrame", *, pair: str, timeframe: str) -> tuple[Candles, GateReport]:
    """The candles of a DataFrame and what is worth knowing of them.

    Columns: `time` whole Unix seconds UTC of the open, `open high low close` and optionally
    `volume`, all numbers. A volume that is wholly NaN counts as missing. Other columns are ignored.

    Raises:
        InvalidCandles: if a column is missing or holds something else, or as `check_arrays` says.
    """
    candles = unchecked_candles(frame, pair=pair, timeframe=timeframe)
    return candles, check_arrays(candles)


def unchecked_candles(frame: "pd.DataFrame", *, pair: str, timeframe: str) -> Candles:
    """A DataFrame's candles before `check_arrays` has seen them; raises for what is no number or time."""
    name = f"{check_pair(pair)} {(canonical := parse_timeframe(timeframe))}"
    missing = [column for column in ("time", *PRICE_COLUMNS) if column not in frame]
    if missing:
        found = f"columns {', '.join(map(str, frame.columns)) or '(none)'}"
        raise InvalidCandles(
            f"{name}: found {found}, expected {', '.join(missing)} as well. Add what is missing."
        )
    columns = {column: _numbers(frame[column], name) for column in PRICE_COLUMNS}
    volume = _numbers(frame["volume"], name) if "volume" in frame else None
    if volume is not None and np.isnan(volume).all():
        volume = None
    return Candles(pair, canonical, _whole_times(frame["time"], name), **columns, volume=volume)


def check_arrays(candles: Candles) -> GateReport:
    """What is worth knowing of candles that are in order; the fast way in, without pandas.

    The arrays must be of one length and of the dtypes that `Candles` names.

    Raises:
        InvalidCandles: naming the first offending candle and how many there are, if there are no
            candles; if times lie outside 1900 to 2200, do not strictly rise, or do not fit the
            timeframe; if a price is not from 1e-15 to 1e15, or high and low do not enclose open and
            close; if a volume is not from 0 to 1e30.
    """
    check_pair(candles.pair)
    timeframe = parse_timeframe(candles.timeframe)
    for check in _CHECKS:
        check(candles)
    spacing = np.diff(candles.time)
    return GateReport(
        pair=candles.pair,
        timeframe=timeframe,
        rows=len(candles),
        first_time=int(candles.time[0]),
        last_time=int(candles.time[-1]),
        gaps=_gaps(candles.time, spacing, timeframe),
        splits=suspected_splits(candles),
        volume_is_zero=candles.volume is not None and not candles.volume.any(),
    )


def refusals(candles: Candles) -> list[InvalidCandles]:
    """All that `check_arrays` would refuse, one refusal a kind; nothing for candles that would pass.

    Distances are only judged where times rise, and nothing is where the times cannot be told.
    """
    found: list[InvalidCandles] = []
    for check in _CHECKS:
        if found and check in _OF_DISTANCES:
            continue
        try:
            check(candles)
        except InvalidCandles as exc:
            found.append(exc)
            if check in (_check_any, _check_range):
                break
    return found


def _numbers(column: "pd.Series[Any]", name: str) -> NDArray[np.float64]:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(np.float64, na_value=np.nan)
    numbers = pd.to_numeric(column, errors="coerce")
    strange = np.flatnonzero((numbers.isna() & column.notna()).to_numpy())
    if len(strange):
        found = f"found {column.iloc[strange[0]]!r}, expected a number"
        raise InvalidCandles(
            f"{name}: candle {strange[0] + 1}, {column.name}: {found}{_total(strange)}. Correct it.",
            row=int(strange[0]) + 1,
        )
    return numbers.to_numpy(np.float64, na_value=np.nan)


def _whole_times(column: "pd.Series[Any]", name: str) -> NDArray[np.int64]:
    import pandas as pd

    if pd.api.types.is_integer_dtype(column.dtype) and not column.hasnans:
        return column.to_numpy(np.int64)
    if not pd.api.types.is_float_dtype(column.dtype):
        raise InvalidCandles(
            f"{name}: time: found values of type {column.dtype}, expected whole Unix seconds. Convert them."
        )
    times = column.to_numpy(np.float64)
    broken = np.flatnonzero(~(np.isfinite(times) & (np.trunc(times) == times)))
    if len(broken):
        raise InvalidCandles(
            f"{name}: candle {broken[0] + 1}, time: found {times[broken[0]]}, expected whole Unix seconds"
            f"{_total(broken)}. Convert them.",
            row=int(broken[0]) + 1,
        )
    return times.astype(np.int64)


def _total(offenders: NDArray[np.int64]) -> str:
    return f" ({len(offenders):,} such candles)" if len(offenders) > 1 else ""


def _median(values: NDArray[Any]) -> float:
    """The upper median; `np.median` costs a small request several times as much."""
    middle = len(values) // 2
    return float(np.partition(values, middle)[middle])


def _refuse(candles: Candles, wrong: NDArray[np.bool_], judge: Callable[[int], tuple[str, str, str]]) -> None:
    """Raise for the first candle marked wrong; `judge(bar)` gives found, expected and what to do."""
    if not wrong.any():
        return
    offenders = np.flatnonzero(wrong)
    found, expected, action = judge(bar := int(offenders[0]))
    opened = iso_utc(int(candles.time[bar]))
    raise InvalidCandles(
        f"{candles.name}: candle {bar + 1} ({opened}): found {found}, expected {expected}"
        f"{_total(offenders)}. {action}",
        row=bar + 1,
    )


def _check_any(candles: Candles) -> None:
    if len(candles) == 0:
        raise InvalidCandles(f"{candles.name}: found no candles, expected at least 1. Check the source.")


def _check_range(candles: Candles) -> None:
    outside = (candles.time < EARLIEST_TIME) | (candles.time > LATEST_TIME)
    if not outside.any():
        return
    offenders = np.flatnonzero(outside)
    time = int(candles.time[offenders[0]])
    units = [unit for unit, factor in _FINER_UNITS.items() if 0 < time // factor <= LATEST_TIME]
    hint = f"This looks like {units[0]}: convert to seconds." if units else "Correct the times."
    raise InvalidCandles(
        f"{candles.name}: candle {offenders[0] + 1}: found time {time}, expected Unix seconds of the years "
        f"1900 to 2200{_total(offenders)}. {hint}",
        row=int(offenders[0]) + 1,
    )


def _check_order(candles: Candles) -> None:
    wrong = np.diff(candles.time) <= 0
    if not wrong.any():
        return
    offenders = np.flatnonzero(wrong)
    bar = int(offenders[0]) + 1
    opened, before = (iso_utc(int(candles.time[at])) for at in (bar, bar - 1))
    twice = opened == before
    relation = "at the same time as" if twice else "before"
    action = "Remove one of the two" if twice else "Sort the file by time"
    raise InvalidCandles(
        f"{candles.name}: candle {bar + 1} opens at {opened}, {relation} candle {bar} ({before}), expected "
        f"rising times{_total(offenders)}. {action} and import it again.",
        row=bar + 1,
    )


def _check_timeframe(candles: Candles) -> None:
    """Refuse a series that is evidently of another timeframe.

    4h candles of a stock are half of the time 20 h apart, so a wide median alone proves nothing as
    long as a quarter of the candles follow at the distance of the timeframe.
    """
    spacing = np.diff(candles.time)
    if len(spacing) < _ENOUGH_SPACINGS:
        return
    length, median = SECONDS[parse_timeframe(candles.timeframe)], _median(spacing)
    seldom = np.count_nonzero(spacing < 1.5 * length) < len(spacing) / 4
    too_wide = seldom and (median >= 3 * length or int(spacing.min()) >= 2 * length)
    if median >= 0.75 * length and not too_wide:
        return
    found = f"found candles that open {_duration(median)} apart (median)"
    action = f"It looks like {likely_timeframe(median)}: import it under that timeframe."
    raise InvalidCandles(f"{candles.name}: {found}, expected {_duration(length)}. {action}")


def _check_grid(candles: Candles) -> None:
    spacing, timeframe = np.diff(candles.time), parse_timeframe(candles.timeframe)
    step, closest = GRID_S[timeframe], CLOSEST_S[timeframe]
    wrong = spacing < closest
    if step > 1:
        wrong |= spacing % step != 0

    def judge(bar: int) -> tuple[str, str, str]:
        distance = int(spacing[bar - 1])
        found = f"an open {_duration(distance)} after candle {bar}"
        expected = f"a multiple of {_duration(step)}" if step > 1 else f"at least {_duration(closest)}"
        hint = f"This distance looks like {likely_timeframe(distance)}" if distance < closest else ""
        return found, expected, f"{hint or 'It is off the grid'}: correct the time or choose the timeframe."

    _refuse(candles, np.concatenate([[False], wrong]), judge)


def _duration(seconds: float) -> str:
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    unit, length = next(((u, s) for u, s in units if seconds >= s), units[-1])
    return f"{seconds / length:.4g} {unit}"


def _check_prices(candles: Candles) -> None:
    prices = np.stack([candles.open, candles.high, candles.low, candles.close])
    usable = (prices >= LEAST_PRICE) & (prices <= MOST_PRICE)

    def judge_number(bar: int) -> tuple[str, str, str]:
        column = int(np.flatnonzero(~usable[:, bar])[0])
        found = f"{PRICE_COLUMNS[column]} {prices[column, bar]}"
        is_price = 0 < prices[column, bar] < np.inf
        expected = f"one from {LEAST_PRICE:g} to {MOST_PRICE:g}" if is_price else "a finite price above 0"
        return found, expected, "Correct or remove the candle."

    def judge_order(bar: int) -> tuple[str, str, str]:
        values = ", ".join(f"{n} {v}" for n, v in zip(PRICE_COLUMNS, prices[:, bar], strict=True))
        return values, "open and close from low to high", "Correct the candle, or check the columns' order."

    if not usable.all():
        _refuse(candles, np.logical_not(usable.min(axis=0)), judge_number)
    above = np.maximum(candles.open, candles.close) > candles.high * (1 + _PRICE_NOISE)
    below = np.minimum(candles.open, candles.close) < candles.low * (1 - _PRICE_NOISE)
    crossed = candles.low > candles.high * (1 + _PRICE_NOISE)
    wrong: NDArray[np.bool_] = above | below | crossed
    _refuse(candles, wrong, judge_order)


def _check_volume(candles: Candles) -> None:
    volume = candles.volume
    if volume is None:
        return

    def judge(bar: int) -> tuple[str, str, str]:
        expected = f"a finite volume from 0 to {MOST_VOLUME:g} in every candle, or none at all"
        return f"volume {volume[bar]}", expected, "Correct the volume, or leave the column out."

    _refuse(candles, ~((volume >= 0) & (volume <= MOST_VOLUME)), judge)


_CHECKS: tuple[Callable[[Candles], None], ...] = (
    *(_check_any, _check_range, _check_order, _check_timeframe, _check_grid, _check_prices, _check_volume),
)
_OF_DISTANCES = (_check_timeframe, _check_grid)


def _gaps(time: NDArray[np.int64], spacing: NDArray[np.int64], timeframe: str) -> tuple[Gap, ...]:
    missing = np.rint(spacing / SECONDS[timeframe]).astype(np.int64) - 1
    before = np.flatnonzero(missing > 0)
    rows = zip(time[before].tolist(), time[before + 1].tolist(), missing[before].tolist(), strict=True)
    return tuple(Gap(*row) for row in rows)
