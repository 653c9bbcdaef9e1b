"""What a column of `features.window_shape` says, in the words of someone who reads charts.

`it` is the window. A height is its range of closes: its lowest close lies at 0 % of it, its highest at 100 %.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, isnan

from mllib.amounts import count

_LAST_POINT = 15
_PARTS = 8


@dataclass(frozen=True, slots=True)
class _View:
    """How a window is looked at: from its highest close, or upside down from its lowest.

    Upside down levels count from the top, highs are lows, and what falls has risen.
    """

    tip: str
    other: str
    high: str
    low: str
    beyond: str
    falls: str
    rises: str
    upside_down: bool

    def level(self, value: float) -> str:
        return f"lies at {1 - value if self.upside_down else value:.0%} of its height"

    def signed(self, value: float) -> float:
        return -value if self.upside_down else value


_VIEWS = {
    "up": _View("highest", "lowest", "high", "low", "higher", "falls", "rises", upside_down=False),
    "down": _View("lowest", "highest", "low", "high", "lower", "rises", "falls", upside_down=True),
}
Say = Callable[[re.Match[str], float], str]
_PLACES = {"start": "its first candle", "end": "its last candle"}


def _free(bars: float, side: str, where: str, beyond: str) -> str:
    """How far a close is not exceeded; `bars` counts up to the close that exceeds it."""
    free = round(bars) - 1
    return f"for {free} {'bar' if free == 1 else 'bars'} {side} {where} no close is {beyond}"


def _edge(found: re.Match[str], value: float) -> str:
    beyond = "higher" if found["kind"] == "high" else "lower"
    return _free(value, found["side"], _PLACES[found["place"]], beyond)


def _path(found: re.Match[str], value: float) -> str:
    when = f"after {int(found['at']) / _LAST_POINT:.0%} of its length"
    return f"{when} its close lies at {value:.0%} of its height"


def _part(found: re.Match[str], value: float) -> str:
    return f"the {found['line']} of part {int(found['at']) + 1} of {_PARTS} lies at {value:.0%} of its height"


def _move(_found: re.Match[str], value: float) -> str:
    side = "rises" if value >= 0 else "falls"
    return f"from its first to its last close it {side} by {abs(value):.0%} of its height"


def _tip(found: re.Match[str], value: float) -> str:
    view = _VIEWS[found["view"]]
    tip = f"its {view.tip} close"
    return {
        "tip_bar": lambda: f"{tip} is on its candle {round(value) + 1}",
        "tip_position": lambda: f"{tip} comes after {value:.0%} of its length",
        "bars_after_tip": lambda: f"it goes on for {round(value)} bars after {tip}",
        "tip_before": lambda: _free(value, "before", tip, view.beyond),
        "tip_after": lambda: _free(value, "after", tip, view.beyond),
    }[found["what"]]()


def _leg(found: re.Match[str], value: float) -> str:
    view = _VIEWS[found["view"]]
    tip = f"its {view.tip} close"
    return {
        "fall_after_tip": lambda: f"after {tip} it {view.falls} by {value:.0%} of its height",
        "lowest_after_tip_position": lambda: (
            f"the {view.other} close after {tip} comes {value:.0%} of its length later"
        ),
        "recovery_after_tip": lambda: f"after {tip} it {view.rises} again by {value:.0%} of its height",
        "lowest_before_tip": lambda: f"the {view.other} close up to {tip} {view.level(value)}",
        "pullback_before_tip": lambda: f"on the way to {tip} it pulls back by {value:.0%} of its height",
        "pullback_before_tip_position": lambda: (
            f"the deepest pullback before {tip} ends after {value:.0%} of its length"
        ),
    }[found["what"]]()


def _line(found: re.Match[str], value: float) -> str:
    view = _VIEWS[found["view"]]
    line, signed = f"the line through the closes from its {view.tip} one on", view.signed(value)
    if found["what"] == "slope":
        side = "rises" if signed >= 0 else "falls"
        return f"{line} {side} by {abs(value):.0%} of its height in its length"
    if found["what"] == "scatter":
        return f"the closes scatter by {value:.0%} of its height around {line}"
    return f"its last close lies {abs(value):.0%} of its height {'above' if signed >= 0 else 'below'} {line}"


def _swing(found: re.Match[str], value: float) -> str:
    view = _VIEWS[found["view"]]
    kind = view.high if found["kind"] == "high" else view.low
    where = f"{found['side']} its {view.tip} close"
    rank = "second strongest" if found["what"] == "second_strength" else "strongest"
    if isnan(value) or (found["what"].endswith("strength") and not value):
        return f"there is no {'second ' if rank != 'strongest' else ''}{kind} {where}"
    swing = f"the {rank} {kind} {where}"
    if found["what"] == "position":
        return f"{swing} is {abs(value):.0%} of its length away from it"
    if found["what"] == "close":
        return f"{swing} {view.level(value)}"
    return f"{swing} is not exceeded for {round(value) - 1} bars on either side"


def _beside(found: re.Match[str], value: float) -> str:
    bars = count(int(found["bars"]), "bar")
    return f"the close {bars} {found['side']} it lies at {value:.0%} of its height"


def _custom(found: re.Match[str], value: float) -> str:
    name = found["name"].replace("_", " ").replace(".", " ")
    return f"{name} of {_PLACES[found['place']]} is {value:.3g}"


_VIEW = r"(?P<view>up|down)_"
_SIDE = r"(?P<side>before|after)"
_LEGS = "fall|recovery|pullback|lowest"
_PHRASES: tuple[tuple[str, str, Say], ...] = (
    ("length", "size", lambda _, v: f"it is {exp(v):.0f} candles long"),
    (
        "height_to_range_before",
        "size",
        lambda _, v: f"its height is {exp(v):.1f} times the usual range before it",
    ),
    (
        "height_to_range_inside",
        "size",
        lambda _, v: f"its height is {exp(v):.1f} times what a random walk of its length moves",
    ),
    (
        r"(?P<which>first|last)_close",
        "direction",
        lambda found, v: f"its {found['which']} close lies at {v:.0%} of its height",
    ),
    ("move", "direction", _move),
    ("efficiency", "direction", lambda _, v: f"{v:.0%} of the way of its closes is net move"),
    (r"path_close_(?P<at>\d\d)", "path of the window", _path),
    (r"path_(?P<line>high|low)_(?P<at>\d)", "path of the window", _part),
    (rf"(?P<place>start|end)_(?P<kind>high|low)_{_SIDE}", "{place} of the window", _edge),
    (rf"{_VIEW}(?P<what>tip_bar|tip_position|bars_after_tip|tip_before|tip_after)", "{view} tip", _tip),
    (rf"{_VIEW}(?P<what>slope|scatter|last_beyond)_(?:after_tip|line)", "{view} line", _line),
    (
        rf"{_VIEW}(?P<kind>high|low)_{_SIDE}_tip_(?P<what>strength|second_strength|position|close)",
        "{view} {kind} {side}",
        _swing,
    ),
    (
        rf"{_VIEW}(?P<what>(?:{_LEGS})_{_SIDE}_tip(?:_position)?)",
        "{view} leg {side}",
        _leg,
    ),
    (rf"close_{_SIDE}_(?P<bars>\d+)", "closes {side}", _beside),
    (r"(?P<name>.+)@(?P<place>start|end)", "{name}", _custom),
)
_COMPILED = [(re.compile(pattern), group, say) for pattern, group, say in _PHRASES]


def window_group(name: str) -> str | None:
    """What a column of a window is about, None where it is none.

    >>> window_group("up_low_after_tip_close"), window_group("rsi_14")
    ('up low after', None)
    """
    for pattern, group, _ in _COMPILED:
        if found := pattern.fullmatch(name):
            return group.format(**found.groupdict())
    return None


def window_words(name: str, value: float) -> str | None:
    """What a column of a window says, None where it is none; NaN is a swing that is not there.

    >>> window_words("down_fall_after_tip", 0.9)
    'after its lowest close it rises by 90% of its height'
    >>> window_words("up_low_before_tip_close", float("nan"))
    'there is no low before its highest close'
    """
    for pattern, _, say in _COMPILED:
        if found := pattern.fullmatch(name):
            unknown = isnan(value) and say is not _swing
            return None if unknown else say(found, value)
    return None
