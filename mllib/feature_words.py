"""Model inputs in the words of someone who reads charts: what a value says, and which inputs belong together.

`ranges` are mean true ranges of the last 14 bars, the scale of the features. A name that no phrase knows is
shown as it is, with its value.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mllib.amounts import count
from mllib.window_words import window_group, window_words

Place = Callable[[int], str]
"""Names the candle so many bars after the one that a row judges."""

_RANGES = "of the usual range"


@dataclass(frozen=True, slots=True)
class _Phrase:
    """`pattern` matches a column's name whole; `group` may use its groups as `str.format` fields."""

    pattern: str
    group: str
    say: Callable[[re.Match[str], float, Place], str]


def _signed(value: float, up: str, down: str) -> str:
    return up if value >= 0 else down


def _shape(what: str, unit: str) -> Callable[[re.Match[str], float, Place], str]:
    def say(found: re.Match[str], value: float, place: Place) -> str:
        return f"the {what} of {place(int(found['lag']))} is {abs(value):.2f} {unit}"

    return say


def _body(unit: str) -> Callable[[re.Match[str], float, Place], str]:
    def say(found: re.Match[str], value: float, place: Place) -> str:
        where = place(int(found["lag"]))
        return f"{where} {_signed(value, 'rises', 'falls')} by {abs(value):.2f} {unit} from open to close"

    return say


def _against(mine: str, other: str, unit: str = _RANGES) -> Callable[[re.Match[str], float, Place], str]:
    def say(found: re.Match[str], value: float, place: Place) -> str:
        side = _signed(value, "above", "below")
        where = place(int(found["lag"]))
        return f"{where} {mine} {abs(value):.2f} {unit} {side} the {other} of the candle before"

    return say


def _path(found: re.Match[str], value: float, place: Place) -> str:
    bars, line, here = int(found["bars"]), found["line"], place(0)
    if found["side"] == "-":
        if line == "close":
            said = _signed(-value, "rises", "falls")
            return f"the close {said} {abs(value):.1f} ranges in the {count(bars, 'bar')} up to {here}"
        where = f"{count(bars, 'bar')} before {here}"
        return f"the {line} about {where} lies {abs(value):.1f} ranges {_side(value)} its close"
    if line == "close":
        said = _signed(value, "rises", "falls")
        return f"the close {said} {abs(value):.1f} ranges in the {count(bars, 'bar')} after {here}"
    where = f"{count(bars, 'bar')} after {here}"
    return f"the {line} about {where} lies {abs(value):.1f} ranges {_side(value)} its close"


def _side(value: float) -> str:
    return _signed(value, "above", "below")


def _candle(found: re.Match[str], value: float, place: Place) -> str:
    where, here = place(int(found["side"] + found["bars"])), place(0)
    return f"the {found['price']} of {where} lies {abs(value):.1f} ranges {_side(value)} the close of {here}"


def _window(found: re.Match[str], value: float, place: Place) -> str:
    when = f"the {found['bars']} bars {'up to' if found['side'] == 'past' else 'after'} {place(0)}"
    usual = "what a random walk moves"
    return {
        "move": f"the price {_signed(value, 'rises', 'falls')} {abs(value):.1f} times {usual} in {when}",
        "height": f"{when} span {value:.1f} times {usual}",
        "position": f"the close of {place(0)} lies at {value:.0%} of the height of {when}",
        "efficiency": f"{abs(value):.0%} of the way in {when} is net {_signed(value, 'rise', 'fall')}",
        "activity": f"the candles in {when} are {value:.1f} times as long as usual",
    }[found["kind"]]


def _relative(what: str, form: str) -> Callable[[re.Match[str], float, Place], str]:
    def say(found: re.Match[str], value: float, place: Place) -> str:
        return f"{what} over {found['bars']} bars at {place(0)} is {value:{form}}"

    return say


def _average(found: re.Match[str], value: float, place: Place) -> str:
    where = f"{abs(value):.1f} ranges {_side(value)} the average of {found['bars']} bars"
    return f"the close of {place(0)} lies {where}"


_LAG = r"@(?P<lag>[+-]\d+)"
_SHAPES = {
    "range_vs_usual": ("range", "times the usual range", "range"),
    "upper_wick_vs_usual_range": ("upper wick", _RANGES, "upper wick"),
    "lower_wick_vs_usual_range": ("lower wick", _RANGES, "lower wick"),
    "upper_wick_vs_usual_wick": ("upper wick", "times the usual wick", "upper wick"),
    "lower_wick_vs_usual_wick": ("lower wick", "times the usual wick", "lower wick"),
    "upper_wick_vs_body": ("upper wick", "times its body", "upper wick"),
    "lower_wick_vs_body": ("lower wick", "times its body", "lower wick"),
}
_BODIES = {
    "body_vs_usual_body": "times the usual body",
    "body_vs_usual_range": _RANGES,
    "body_vs_range": "of its own range",
}
_NEIGHBOURS = {
    "close_to_close": ("closes", "close"),
    "open_to_close": ("opens", "close"),
    "open_to_open": ("opens", "open"),
    "close_to_open": ("closes", "open"),
    "close_to_middle": ("closes", "body's middle"),
    "high_to_high": ("has its high", "high"),
    "low_to_low": ("has its low", "low"),
    "body_high_to_high": ("has the top of its body", "body's top"),
    "body_low_to_low": ("has the bottom of its body", "body's bottom"),
    "body_gap_up": ("has the bottom of its body", "body's top"),
    "body_gap_down": ("has the top of its body", "body's bottom"),
    "body_low_near_low": ("has the bottom of its body", "low"),
    "body_low_near_high": ("has the bottom of its body", "high"),
}
_PHRASES = (
    *(_Phrase(f"{n}{_LAG}", f"{g} of candle {{lag}}", _shape(w, u)) for n, (w, u, g) in _SHAPES.items()),
    *(_Phrase(f"{name}{_LAG}", "body of candle {lag}", _body(unit)) for name, unit in _BODIES.items()),
    *(
        _Phrase(f"{n}{_LAG}", "candle {lag} against the one before", _against(*w))
        for n, w in _NEIGHBOURS.items()
    ),
    _Phrase(r"path_(?P<line>close|high|low)@(?P<side>[+-])(?P<bars>\d+)", "path {side}", _path),
    _Phrase(r"candle_(?P<price>open|high|low|close)@(?P<side>[+-])(?P<bars>\d+)", "candles {side}", _candle),
    _Phrase(
        r"(?P<kind>move|height|position|efficiency|activity)_(?P<side>past|future)_(?P<bars>\d+)",
        "{kind} {side}",
        _window,
    ),
    _Phrase(r"rsi_(?P<bars>\d+)", "rsi", _relative("RSI (from -1 to 1)", ".2f")),
    _Phrase(r"stochastic_(?P<bars>\d+)", "stochastic", _relative("the stochastic's position", ".0%")),
    _Phrase(r"average_distance_(?P<bars>\d+)", "averages", _average),
    _Phrase(r"relative_volume_(?P<bars>\d+)", "volume", _relative("volume against its mean", ".1f")),
)
_COMPILED = [(re.compile(phrase.pattern), phrase) for phrase in _PHRASES]


def feature_group(name: str) -> str:
    """What a column is about: columns of one group are told as one reason.

    >>> feature_group("lower_wick_vs_body@+1"), feature_group("path_low@-20"), feature_group("legs")
    ('lower wick of candle +1', 'path -', 'legs')
    """
    for pattern, phrase in _COMPILED:
        if found := pattern.fullmatch(name):
            return phrase.group.format(**found.groupdict())
    return window_group(name) or re.sub(r"_\d+$", "", name)


def feature_words(name: str, value: float, place: Place) -> str:
    """What a column's value says.

    >>> feature_words("path_close@-20", -3.14, lambda lag: "candle 1")
    'the close rises 3.1 ranges in the 20 bars up to candle 1'
    >>> feature_words("path_close_15", 0.5, lambda lag: "candle 1")
    'after 100% of its length its close lies at 50% of its height'
    >>> feature_words("legs_07", 0.5, lambda lag: "candle 1")
    'legs 07 is 0.5'
    """
    if said := window_words(name, value):
        return said
    if value != value:  # NaN: the series does not reach so far
        return f"{_readable(name)} is not known yet"
    for pattern, phrase in _COMPILED:
        if found := pattern.fullmatch(name):
            return phrase.say(found, value, place)
    return f"{_readable(name)} is {value:.3g}"


def _readable(name: str) -> str:
    return name.replace("_", " ").replace("@", " ")
