"""Timeframes of the contract: names, lengths in seconds, and the grid on which candles open."""

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
