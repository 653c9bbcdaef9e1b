"""Colours that stay apart on a dark and on a light chart, and the shortcut keys."""

from collections.abc import Iterable, Sequence

KEYS = tuple("123456789")

_BULLISH = ("#2e9e5b", "#1b9e9e", "#7cb518", "#17b890", "#4c956c", "#9bc53d")
_BEARISH = ("#d1495b", "#e4572e", "#b5179e", "#c1121f", "#ef6f6c", "#9d4edd")
_OTHER = (
    "#4477aa",
    "#ee8866",
    "#aa3377",
    "#66ccee",
    "#ccbb44",
    "#8c6bb1",
    "#b07aa1",
    "#9c755f",
    "#5b8ff9",
    "#bab0ac",
)
_FAMILIES = ((("bullish_", "bull_"), _BULLISH), (("bearish_", "bear_"), _BEARISH))


def next_color(name: str, taken: Sequence[str]) -> str:
    """The least used colour of the label's family: greens for bullish, reds for bearish.

    >>> next_color("bull_flag", ["#2e9e5b"])
    '#1b9e9e'
    """
    family = next((colors for prefixes, colors in _FAMILIES if name.startswith(prefixes)), _OTHER)
    return min(family, key=taken.count)


def free_key(taken: Iterable[str | None]) -> str | None:
    """The first digit from 1 to 9 that no label has, or None when all are taken.

    >>> free_key(["1", None, "3"])
    '2'
    """
    used = set(taken)
    return next((key for key in KEYS if key not in used), None)
