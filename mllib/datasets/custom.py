"""Custom features: columns of a function that the configuration names, checked before they are used.

A function takes the candles as a DataFrame (`time open high low close`, and `volume` where there is one) and
gives a number a candle. It may read bars up to its own: a value that changes when later candles are cut off
has seen the future, and is refused.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mllib.candles import Candles
from mllib.errors import InvalidConfig

if TYPE_CHECKING:
    import pandas as pd

CustomFeature = Callable[["pd.DataFrame"], object]
_CUTS = 12
_KEY = "stages.feature_engineering.custom_features"


def custom_columns(candles: Candles, names: Sequence[str]) -> "pd.DataFrame":
    """A float64 column for each function, named like it; row t reads bars ≤ t.

    Raises:
        InvalidConfig: a function is not there, fails, gives something else, or sees the future.
    """
    import pandas as pd

    columns = {}
    for name in names:
        function = _found(name)
        values = _values(name, function, candles)
        _require_causal(name, function, candles, values)
        columns[name.rpartition(".")[2]] = values
    return pd.DataFrame(columns, index=range(len(candles)))


def _found(name: str) -> CustomFeature:
    module, _, attribute = name.rpartition(".")
    try:
        function = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as exc:
        raise InvalidConfig(
            f"{_KEY}: found {name!r}, which cannot be imported ({exc}), expected module.function. "
            "Install the module, or correct the name."
        ) from exc
    if not callable(function):
        raise InvalidConfig(f"{_KEY}: found {name!r}, no function, expected module.function. Correct it.")
    found: CustomFeature = function
    return found


def _values(name: str, function: CustomFeature, candles: Candles) -> NDArray[np.float64]:
    try:
        values = np.asarray(function(candles.to_frame()), dtype=np.float64)
    except Exception as exc:  # someone else's code may raise anything; all of it is told
        raise InvalidConfig(
            f"{_KEY}: {name} failed on {len(candles)} candles of {candles.name}: "
            f"{type(exc).__name__}: {exc}. Correct the function, or remove it."
        ) from exc
    if values.shape != (len(candles),):
        raise InvalidConfig(
            f"{_KEY}: {name}: found values of shape {values.shape}, expected ({len(candles)},), a number a "
            "candle. Correct the function."
        )
    return values


def _require_causal(name: str, function: CustomFeature, candles: Candles, whole: NDArray[np.float64]) -> None:
    """Raises InvalidConfig where values change when the candles after them are cut off."""
    for bars in _cuts(len(candles)):
        cut = _values(name, function, candles[:bars])
        changed = np.flatnonzero(~np.isclose(cut, whole[:bars], rtol=1e-9, atol=1e-12, equal_nan=True))
        if len(changed):
            raise InvalidConfig(
                f"{_KEY}: {name}: found row {changed[-1]} of {candles.name} changed when the candles from "
                f"{bars} on were cut off, expected it to read bars up to its own. Take the future out of it."
            )


def _cuts(n: int) -> list[int]:
    """Where to cut: short and long histories, and more of them near the end."""
    if n < 2:
        return []
    spread = np.linspace(1, n - 1, _CUTS).astype(int)
    return sorted({*spread.tolist(), n - 1, max(n - 2, 1), max(n - 7, 1)})
