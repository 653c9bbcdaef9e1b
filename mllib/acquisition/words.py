"""Why a place is in the queue, in words."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NO_PATTERN = "no pattern"
REVIEWED_BEFORE = "People have looked here and drawn nothing."
AUDIT = "Drawn at random among candles that nobody has looked at; no model had a say in it."
_TORN_FROM = 0.5
_MODEL_TYPES = {
    "xgboost": "XGBoost",
    "random_forest": "the random forest",
    "gru": "the GRU",
    "lstm": "the LSTM",
    "transformer": "the transformer",
}


def plain(label: str) -> str:
    """A label's name as it is said.

    >>> plain("head_and_shoulders")
    'head and shoulders'
    """
    return label.replace("_", " ")


def why_unsure(labels: Sequence[str], row: NDArray[np.float64], *, near_miss: bool) -> str:
    """Between which two outcomes a model hesitates; `row (k + 1,)` begins with no pattern.

    Said are the confidences that `distribution` made the row of: those of two labels may both be high.

    >>> why_unsure(["bull_flag"], np.array([0.52, 0.48]), near_miss=False)
    'The model is torn between no pattern (0.52) and bull flag (0.48).'
    >>> why_unsure(["bull_flag", "wedge"], np.array([0.02, 0.49, 0.49]), near_miss=False)
    'The model is torn between bull flag (0.96) and wedge (0.96).'
    """
    names = (NO_PATTERN, *labels)
    first, second = np.argsort(-row, kind="stable")[:2].tolist()
    whole = row[0] + row[1:].max()
    said = [f"{plain(names[i])} ({row[i] / whole:.2f})" for i in (first, second)]
    if 1 - (row[first] - row[second]) >= _TORN_FROM:
        found = f"The model is torn between {said[0]} and {said[1]}."
    else:
        found = f"The model leans towards {said[0]} rather than {said[1]}."
    return found + (" It stays below what makes a prediction." if near_miss else "")


def why_committee(
    labels: Sequence[str], label: int, members: Sequence[tuple[str, str, NDArray[np.float64]]]
) -> str:
    """What each member, with its model type and version, holds most probable.

    Where that is the same for all, how probable each holds the label (by its position) that is asked about.

    >>> mine, other = np.array([0.2, 0.8]), np.array([0.7, 0.3])
    >>> why_committee(["bull_flag"], 0, [("xgboost", "2", mine), ("random_forest", "4", other)])
    'XGBoost (version 2) says bull flag (0.80), the random forest (version 4) no pattern (0.70).'
    >>> why_committee(["bull_flag"], 0, [("xgboost", "2", other), ("random_forest", "4", other / 2)])
    'XGBoost (version 2) gives bull flag 0.30, the random forest (version 4) 0.15.'
    """
    names = (NO_PATTERN, *labels)
    who = [f"{_MODEL_TYPES.get(kind, kind)} (version {version})" for kind, version, _ in members]
    rows = [row for _, _, row in members]
    best = [int(row.argmax()) for row in rows]
    if len(set(best)) == 1:
        what = [f"{row[label + 1]:.2f}" for row in rows]
        what[0] = f"gives {plain(labels[label])} {what[0]}"
    else:
        what = [f"{plain(names[i])} ({row[i]:.2f})" for i, row in zip(best, rows, strict=True)]
        what[0] = f"says {what[0]}"
    sentence = ", ".join(f"{one} {said}" for one, said in zip(who, what, strict=True)) + "."
    return sentence[0].upper() + sentence[1:]


def why_different(human: str | None, predicted: str | None, *, confidence: float) -> str:
    """What a person drew and what the model sees; `confidence` is the model's, in what it says.

    >>> why_different("bull_flag", None, confidence=0.93)
    'A person drew bull flag here; the model sees no pattern (0.93).'
    """
    if human is None:
        seen = plain(predicted or NO_PATTERN)
        return f"The model sees {seen} ({confidence:.2f}) where people looked and drew nothing."
    seen = NO_PATTERN if predicted is None else plain(predicted)
    return f"A person drew {plain(human)} here; the model sees {seen} ({confidence:.2f})."


def why_label_error(labels: Sequence[str], given: int, row: NDArray[np.float64]) -> str:
    """What a held-out model says of a label that a person gave; `given` is a column of `row (k + 1,)`.

    >>> why_label_error(["bull_flag"], 1, np.array([0.95, 0.05]))
    'A model that had not seen this place gives bull flag, which a person drew, 0.05 and no pattern 0.95.'
    >>> why_label_error(["bull_flag"], 0, np.array([0.1, 0.9]))
    'A model that had not seen this place is sure of bull flag (0.90), which nobody drew.'
    """
    names = (NO_PATTERN, *labels)
    best = int(row.argmax())
    held_out = "A model that had not seen this place"
    if given == 0:
        return f"{held_out} is sure of {plain(names[best])} ({row[best]:.2f}), which nobody drew."
    beside = "" if best == given else f" and {plain(names[best])} {row[best]:.2f}"
    return f"{held_out} gives {plain(names[given])}, which a person drew, {row[given]:.2f}{beside}."
