"""What a model says of a target column before it has seen any feature."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mllib.rows import Targets

_MOST_LOG_ODDS = 6.0

Floats = NDArray[np.float32]


def cell_weights(targets: Targets) -> Floats:
    """The weight `(n, k)` of each cell, 0 where it is not known."""
    weights: Floats = targets.weights * targets.mask
    return weights


def prior_log_odds(targets: Targets) -> Floats:
    """The log-odds `(k,)` of the weighted cells of each column; least where nothing is known."""
    weights = cell_weights(targets)
    positive = (weights * targets.Y).sum(axis=0)
    negative = (weights * (1 - targets.Y)).sum(axis=0)
    return log_odds_of(positive, negative)


def log_odds_of(positive: NDArray[Any], negative: NDArray[Any]) -> Floats:
    """The log-odds `(k,)` of summed weights of either side; least where nothing is known."""
    log_odds = np.log((positive + 0.5) / (negative + 0.5))
    log_odds[positive + negative == 0] = -_MOST_LOG_ODDS  # nothing is known: say nothing
    clipped: Floats = np.clip(log_odds, -_MOST_LOG_ODDS, _MOST_LOG_ODDS).astype(np.float32)
    return clipped
