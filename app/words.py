"""Numbers, times and names as people read them."""

import time
from datetime import UTC, datetime

from mllib import amounts
from mllib.patterns import DISPLAY_NAME
from mllib.store import Run

DAY_S = 86_400
count = amounts.count


def label_words(label: str) -> str:
    """A label without underscores.

    >>> label_words("inverse_head_and_shoulders")
    'inverse head and shoulders'
    """
    return label.replace("_", " ")


def candle_time(at: int, timeframe: str) -> str:
    """The open of a candle, to the minute below one day.

    >>> candle_time(1_483_308_000, "1h"), candle_time(1_483_308_000, "1d")
    ('1 Jan 2017 22:00', '1 Jan 2017')
    """
    moment = datetime.fromtimestamp(at, UTC)
    day = f"{moment.day} {moment:%b %Y}"
    return f"{day} {moment:%H:%M}" if timeframe.endswith(("m", "h")) else day


def day(at: int) -> str:
    """The day of a time, in UTC.

    >>> day(1_483_308_000)
    '1 Jan 2017'
    """
    return candle_time(at, "1d")


def ago(at: float, *, now: float | None = None) -> str:
    """How long ago something was.

    >>> ago(0, now=30), ago(0, now=7_200), ago(0, now=200_000)
    ('just now', '2 h ago', '2 days ago')
    """
    passed = (time.time() if now is None else now) - at
    if passed < 90:
        return "just now"
    if passed < 5_400:
        return f"{passed / 60:.0f} min ago"
    if passed < 1.5 * DAY_S:
        return f"{passed / 3_600:.0f} h ago"
    return f"{passed / DAY_S:.0f} days ago"


def duration(seconds: float) -> str:
    """A time span in minutes and seconds.

    >>> duration(8.4), duration(125), duration(7_260)
    ('8 s', '2 min 05 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60:02d} min"


def model_words(name: str) -> str:
    """A model type by the name that people know.

    >>> model_words("random_forest"), model_words("xgboost")
    ('random forest', 'XGBoost')
    """
    return {"xgboost": "XGBoost", "gru": "GRU", "lstm": "LSTM"}.get(name, name.replace("_", " "))


def choice_words(name: str) -> str:
    """A choice of the configuration as people say it; TA-Lib's functions by their display names.

    >>> choice_words("xgboost"), choice_words("human"), choice_words("CDL3INSIDE"), choice_words("bio")
    ('XGBoost', "people's spans", '3 Inside', 'bio')
    """
    own = {"human": "people's spans", "talib": "TA-Lib's spans"}
    return own.get(name) or DISPLAY_NAME.get(name) or model_words(name)


def asked_words(run: Run) -> str:
    """Who asked for a run."""
    return {
        "person": "asked for by a person",
        "schedule": "asked for by the schedule",
        "verdicts": "asked for by new verdicts",
    }[run.asked_by]


def file_size(size_bytes: float) -> str:
    """A size on the disk, in units of 1000.

    >>> file_size(812), file_size(1_332_613), file_size(61_000_000_000)
    ('812 B', '1.3 MB', '61 GB')
    """
    size, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            break
        size /= 1_000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 9.95 else f"{size:.1f} {unit}"
