"""How what is not installed by default gets installed: from a checkout with make, elsewhere with pip."""

from pathlib import Path
from typing import Literal

Extra = Literal["servers", "cluster", "deep"]
_IN_A_CHECKOUT: dict[Extra, str] = {"servers": "make extras", "cluster": "make extras", "deep": "make torch"}


def to_install(extra: Extra) -> str:
    """The command, for the end of a message: *Run `…`*."""
    if (Path(__file__).parents[1] / "Makefile").is_file():
        return _IN_A_CHECKOUT[extra]
    return f"pip install 'candleloop[{extra}]'"
