"""Timeframes of the contract: names, lengths in seconds, and the grid on which candles open."""

import math
import re
from datetime import UTC, datetime

from mllib.errors import InvalidCandles

SECONDS: dict[str, int] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
    "4h": 14_400,
    "1d": 86_400,
    "1w": 604_800,
    "1mo": 2_592_000,
}
"""Length of one candle in seconds; `1mo` is nominal (30 days)."""

GRID_S: dict[str, int] = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
    "4h": 3_600,
    "1d": 1,
    "1w": 1,
    "1mo": 1,
}
"""The distance between two opens is a multiple of this many seconds.

Any session offset (opens at 09:30) is fine, as only distances count. A change of the clock moves
4h opens by an hour, and opens of a day and longer are bound by `CLOSEST_S` alone."""

CLOSEST_S: dict[str, int] = {
    **{name: GRID_S[name] for name in ("1m", "5m", "15m", "30m", "1h", "4h")},
    "1d": 20 * 3_600,
    "1w": 6 * 86_400,
    "1mo": 27 * 86_400,
}
"""Two candles never open closer together than this many seconds."""

_UPPER_CASE = {"1H", "4H", "1D", "1W"}


def parse_timeframe(name: str) -> str:
    """The canonical timeframe for a name as the annotation tool may write it.

    Raises:
        InvalidCandles: for any other name; `1M` is refused because it could mean a minute or a month.

    >>> parse_timeframe("1H")
    '1h'
    """
    if name in SECONDS:
        return name
    if name in _UPPER_CASE:
        return name.lower()
    hint = "Write 1m for one minute or 1mo for one month." if name == "1M" else "Use one of these names."
    raise InvalidCandles(f"timeframe: found {name!r}, expected one of {' '.join(SECONDS)}. {hint}")


def likely_timeframe(spacing_s: float) -> str:
    """The timeframe whose length is nearest, as a ratio, to a typical distance between opens.

    >>> likely_timeframe(3_600)
    '1h'
    >>> likely_timeframe(31 * 86_400)
    '1mo'
    """
    return min(SECONDS, key=lambda name: abs(math.log(SECONDS[name] / spacing_s)))


def iso_utc(time: int) -> str:
    """A Unix time in seconds as ISO 8601 in UTC, for messages.

    >>> iso_utc(1_483_308_000)
    '2017-01-01T22:00:00Z'
    """
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str | int, *, last: bool = False) -> int:
    """Unix seconds of Unix seconds or an ISO 8601 date or time; UTC where no zone is given.

    A date alone is its first second, or with `last` its last one, so that ranges of days are inclusive.
    Text of eight digits is a date; as Unix seconds it has 9 to 11 of them, or a minus.

    Raises:
        InvalidCandles: for anything else, years and weeks included.

    >>> parse_time("2020-01-01"), parse_time("2020-01-01", last=True), parse_time("1577836800")
    (1577836800, 1577923199, 1577836800)
    >>> parse_time("20200101"), parse_time(20_200_101)
    (1577836800, 20200101)
    """
    if isinstance(text, int):
        return text
    written = text.strip()
    if re.fullmatch(r"-[0-9]{1,11}|[0-9]{9,11}", written):
        return int(written)
    is_day = re.fullmatch(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", written) is not None
    try:
        if not is_day and re.match(r"[0-9]+$|[0-9]{4}-?W", written):
            raise ValueError("a number, a year or a week")
        moment = datetime.fromisoformat(written)
        seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError) as exc:
        raise InvalidCandles(
            f"time: found {text!r}, expected Unix seconds or an ISO 8601 date. "
            "Write 2020-01-31 or 2020-01-31T10:00:00Z."
        ) from exc
    return seconds + SECONDS["1d"] - 1 if last and is_day else seconds
