"""From what a model says to probabilities: class weights undone, then one temperature a label.

A weight w on the positives multiplies the odds that a model learns by w, so log w is taken off its
log-odds. What is left is divided by a temperature, the one that explains held-out rows best. Source: Guo
et al. (2017), On Calibration of Modern Neural Networks, section 4.2, with each label's own sigmoid in place
of one softmax.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.rows import Targets

LEAST_POSITIVES = 10
"""A label with fewer known positive or negative cells keeps its temperature of 1."""
BINS = 10

_SMALLEST = 1e-6
_TEMPERATURES = (0.1, 10.0)
_PRIOR = 0.5
"""Standard deviation of the log temperature before anything is seen: held-out rows that happen to be told
apart perfectly would otherwise ask for a temperature of 0."""

Floats = NDArray[np.float64]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is done to each target column's log-odds: `(log_odds - undone) / temperature`."""

    undone: tuple[float, ...]
    temperatures: tuple[float, ...]

    @classmethod
    def none(cls, columns: int) -> "Calibration":
        """Nothing undone, every temperature 1."""
        return cls((0.0,) * columns, (1.0,) * columns)

    def apply(self, P: Probabilities) -> Probabilities:
        """Calibrated probabilities of `P float32 (n, k)`; each cell depends on itself alone."""
        if not any(self.undone) and all(t == 1 for t in self.temperatures):
            return P
        z = _log_odds(P)
        z -= np.array(self.undone)
        z /= -np.array(self.temperatures)
        odds_against = np.exp(z, out=z)
        calibrated: Probabilities = (1 / (1 + odds_against)).astype(np.float32)
        return calibrated

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {"undone": list(self.undone), "temperatures": list(self.temperatures)}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Calibration":
        """The calibration that `to_dict` wrote down."""
        return cls(tuple(map(float, saved["undone"])), tuple(map(float, saved["temperatures"])))


def undo_weights(targets: Targets) -> Calibration:
    """What takes the weights of the training rows back.

    For each column it is the log of the mean weight of its positives over that of its negatives, both over
    known cells, and 0 where it has none of either.
    """
    positive = targets.mask & (targets.Y > 0)
    negative = targets.mask & ~positive
    ratio = _mean_weight(targets, positive) / _mean_weight(targets, negative)
    undone = np.where(positive.any(axis=0) & negative.any(axis=0), np.log(ratio), 0.0)
    return Calibration(tuple(undone.tolist()), (1.0,) * len(undone))


def _mean_weight(targets: Targets, cells: NDArray[np.bool_]) -> Floats:
    total = np.where(cells, targets.weights, 0).sum(axis=0, dtype=np.float64)
    mean: Floats = np.where(total > 0, total, 1.0) / np.maximum(cells.sum(axis=0), 1)
    return mean


def with_temperatures(
    undone: Calibration, P: Probabilities, targets: Targets, labels: Sequence[str]
) -> tuple[Calibration, dict[str, str]]:
    """The calibration with one temperature a label, fitted on held-out rows; and why some labels have none.

    `P float32 (n, k)` is what the model says of the rows, `labels` the label of each column. The temperature
    minimises the log loss, without weights, over the known cells of all columns of its label, and a prior
    that draws it to 1 where there are few of them.
    """
    z = _log_odds(P) - np.array(undone.undone)
    chosen, left = dict.fromkeys(labels, 1.0), {}
    for label in dict.fromkeys(labels):
        columns = [i for i, of in enumerate(labels) if of == label]
        known = targets.mask[:, columns]
        true = targets.Y[:, columns][known] > 0
        positives = int(true.sum())
        if min(positives, len(true) - positives) < LEAST_POSITIVES:
            left[label] = (
                f"{label}: {positives} positive and {len(true) - positives} negative cells held out for "
                f"calibration, fewer than {LEAST_POSITIVES}"
            )
        else:
            chosen[label] = _best_temperature(z[:, columns][known], true)
    return Calibration(undone.undone, tuple(chosen[label] for label in labels)), left


def _best_temperature(z: Floats, true: NDArray[np.bool_]) -> float:
    from scipy.optimize import minimize_scalar

    signed = np.where(true, -z, z)
    lowest, highest = (float(np.log(t)) for t in _TEMPERATURES)
    best = minimize_scalar(
        lambda log_t: float(np.logaddexp(0, signed / np.exp(log_t)).sum() + (log_t / _PRIOR) ** 2 / 2),
        bounds=(lowest, highest),
        method="bounded",
    )
    return float(np.exp(best.x))


def reliability(P: NDArray[np.floating], targets: Targets, labels: Sequence[str]) -> dict[str, Any]:
    """How far probabilities `P (n, k)` are from what was seen: `pooled` and `per_label`.

    None stands where nothing is known.

    Each has `ece` (expected calibration error over bins of equal mass), `log_loss`, `cells`, `positives` and
    `bins`, a list of `[count, confidence, observed]` by rising confidence, rounded to six digits.
    """
    per_label = {}
    for label in dict.fromkeys(labels):
        columns = [i for i, of in enumerate(labels) if of == label]
        per_label[label] = _reliability(P[:, columns], targets.Y[:, columns], targets.mask[:, columns])
    return {"pooled": _reliability(P, targets.Y, targets.mask), "per_label": per_label}


def _reliability(
    P: NDArray[np.floating], Y: NDArray[np.float32], mask: NDArray[np.bool_]
) -> dict[str, Any] | None:
    p, true = P[mask].astype(np.float64), Y[mask] > 0
    if not len(p):
        return None
    order = np.argsort(p, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    table = [(len(part), float(p[part].mean()), float(true[part].mean())) for part in bins]
    error = sum(count * abs(confidence - observed) for count, confidence, observed in table) / len(p)
    loss = np.where(true, -np.log(np.maximum(p, _SMALLEST)), -np.log(np.maximum(1 - p, _SMALLEST)))
    return {
        "ece": float(error),
        "log_loss": float(loss.mean()),
        "cells": len(p),
        "positives": int(true.sum()),
        "bins": [[count, round(confidence, 6), round(observed, 6)] for count, confidence, observed in table],
    }


def _log_odds(P: Probabilities) -> Floats:
    p = np.clip(P, _SMALLEST, 1 - _SMALLEST, dtype=np.float64)
    p /= 1 - p
    log_odds: Floats = np.log(p, out=p)
    return log_odds
