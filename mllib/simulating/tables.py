"""A comparison as tables for people: heads, and rows of text."""

from itertools import zip_longest

import numpy as np

from mllib.simulating.comparing import Comparison, Needed

Table = tuple[list[str], list[list[str]]]
"""Heads and rows."""


def curve_table(found: Comparison) -> Table:
    """A row a round: labels spent, then span F1 with its interval and the spans told, by strategy.

    Cells are empty where a strategy has no place left.
    """
    names = list(found.curves)
    heads = ["labels spent", *(f"{name}: span F1" for name in names), *(f"{name}: spans" for name in names)]
    rows = []
    for points in zip_longest(*found.curves.values()):
        spent = max(point["spent"] for point in points if point is not None)
        f1 = ["" if p is None else f"{p['span_f1']:.3f} ({p['low']:.2f}–{p['high']:.2f})" for p in points]
        told = ["" if p is None else f"{p['spans_told']:.0f}" for p in points]
        rows.append([f"{spent:.0f}", *f1, *told])
    return heads, rows


def cost_table(found: Comparison) -> Table:
    """A row a strategy: labels needed, the share of what random places needed, each with its interval, and
    the candles that were looked at by then.
    """
    heads = ["strategy", "labels needed", "share of random's", "candles looked at then"]
    rows = []
    for name, needed in found.needed.items():
        looked = "–" if needed.labels is None else f"{_bars_at(found, name, needed.labels):.0f}"
        rows.append([name, words(needed, 0), words(found.against_random[name], 2), looked])
    return heads, rows


def words(needed: Needed, digits: int) -> str:
    """The figure and its interval; `more` than were spent.

    >>> words(Needed(24.0, 20.0, None), 0), words(Needed(None, None, None), 0)
    ('24 (20 to more)', 'more')
    """
    figure, low, high = (
        "more" if value is None else f"{value:.{digits}f}"
        for value in (needed.labels, needed.low, needed.high)
    )
    return figure if figure == low == high == "more" else f"{figure} ({low} to {high})"


def _bars_at(found: Comparison, name: str, labels: float) -> float:
    """The candles that were looked at when so many labels were spent."""
    spent, looked = zip(*((p["spent"], p["bars_looked"]) for p in found.curves[name]), strict=True)
    return float(np.interp(labels, (0, *spent), (0, *looked)))
