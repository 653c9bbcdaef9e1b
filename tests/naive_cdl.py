"""The 61 candlestick functions by other people: pandas-ta-classic's own code, TA-Lib out of its reach."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mllib.candles import Candles
from mllib.patterns import CANDLE_COUNT, label_of
from mllib.spans import PredictedSpan

_APART = """
import sys
sys.modules["talib"] = None
import numpy as np
import pandas as pd
import pandas_ta_classic
from pandas_ta_classic.candles.cdl_pattern import ALL_PATTERNS, cdl_pattern
assert not pandas_ta_classic.Imports["talib"]
given, found = np.load(sys.argv[1]), {}
for i in range(len(given.files) // 4):
    prices = [pd.Series(given[f"{i}.{name}"]) for name in ("open", "high", "low", "close")]
    table = cdl_pattern(*prices, name=[name for name in ALL_PATTERNS if name != "inside"])
    for column in table:
        found[f"{i}.{column.removeprefix('CDL_').split('_')[0]}"] = table[column].to_numpy()
np.savez(sys.argv[2], **found)
"""


def independent_cdl(series: Sequence[Candles], folder: Path) -> list[dict[str, np.ndarray]]:
    """The output of every function over each series, computed in a process of its own."""
    names = ("open", "high", "low", "close")
    np.savez(folder / "in.npz", **{f"{i}.{n}": getattr(c, n) for i, c in enumerate(series) for n in names})
    command = [sys.executable, "-c", _APART, str(folder / "in.npz"), str(folder / "out.npz")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, np.ndarray]] = [{} for _ in series]
    with np.load(folder / "out.npz") as results:
        for key in results.files:
            i, _, name = key.partition(".")
            found[int(i)][f"CDL{name}"] = results[key].astype(int)
    return found


def cdl_spans(function: str, values: np.ndarray, candles: Candles) -> list[PredictedSpan]:
    """The spans of a function's output, bar by bar."""
    spans = []
    for end in range(len(values)):
        value = int(values[end])
        if value == 0:
            continue
        start = end - CANDLE_COUNT[function] + 1
        if abs(value) == 200:
            fired = [t for t in range(max(end - 3, 0), end) if values[t] == value // 2]
            start -= end - fired[-1] if fired else 3
        first = max(start, 0)
        spans.append(
            PredictedSpan(
                label_of(function, bullish=value > 0),
                int(candles.time[first]),
                int(candles.time[end]),
                min(abs(value) / 100, 1.0),
                end - first + 1,
            )
        )
    return spans
