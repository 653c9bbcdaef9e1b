"""What the name of a file and the distances of its candles say of pair and timeframe."""

import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from mllib.timeframes import SECONDS, likely_timeframe

_METATRADER = {
    **{f"M{minutes}": f"{minutes}m" for minutes in (1, 5, 15, 30)},
    **{name.upper()[::-1]: name for name in ("1h", "4h", "1d", "1w")},
    **dict.fromkeys(("MN", "MN1"), "1mo"),
}
_MINUTES = {f"{minutes}min": f"{minutes}m" for minutes in (1, 5, 15, 30)}
_CAPITALS = {name.upper(): name for name in ("1h", "4h", "1d", "1w")}
_WRITTEN = {**_METATRADER, **_MINUTES, **_CAPITALS, **{name: name for name in SECONDS}}
_APART = r"(?<![A-Za-z0-9])(?:{})(?![A-Za-z0-9])"
_TIMEFRAME = re.compile(_APART.format("|".join(sorted(_WRITTEN, key=len, reverse=True))))
_DATE = re.compile(_APART.format(r"\d{4}(?:[-.]?\d{2}){0,2}"))
_SYMBOL = re.compile(r"[A-Z][A-Z0-9./^=-]+")


def guess_pair(file_name: str) -> str | None:
    """The symbol in a file's name: its first word in capitals beside timeframe and dates, if there is one.

    >>> [guess_pair(name) for name in ("BTCUSDT_1h.csv", "Binance_BTC-USD_2024-01_d.csv.gz", "EURUSDM15.csv")]
    ['BTCUSDT', 'BTC-USD', 'EURUSD']
    >>> guess_pair("candles.csv") is None
    True
    """
    stem = unquote(Path(file_name).name)
    stem = re.sub(r"(\.(csv|txt|gz|parquet|pq|json))+$", "", stem, flags=re.IGNORECASE)
    glued = re.sub(rf"(?<=[A-Z])({'|'.join(_METATRADER)})$", "", stem)
    left = _DATE.sub(" ", _TIMEFRAME.sub(" ", glued))
    words = [word.strip("-.=^") for word in re.split(r"[_\s,;()\[\]]+", left)]
    return next((word for word in words if _SYMBOL.fullmatch(word)), None)


def guess_timeframe(time: NDArray[np.int64], file_name: str = "") -> str | None:
    """The timeframe nearest to the most frequent distance of candles, else the one that the name says.

    >>> guess_timeframe(np.array([0, 3_600, 7_200, 176_400])), guess_timeframe(np.array([0]), "EUR_M15.csv")
    ('1h', '15m')
    """
    spacing = np.diff(time)
    rising = spacing[spacing > 0]
    if len(rising):
        distances, counts = np.unique(rising, return_counts=True)
        return likely_timeframe(float(distances[counts.argmax()]))
    return named_timeframe(file_name)


def named_timeframe(file_name: str) -> str | None:
    """The timeframe that a file's name says, if it says one.

    >>> named_timeframe("EURUSD_1d.csv"), named_timeframe("EUR_M15.csv"), named_timeframe("candles.csv")
    ('1d', '15m', None)
    """
    found = _TIMEFRAME.search(file_name)
    return _WRITTEN[found[0]] if found else None
