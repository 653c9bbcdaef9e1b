"""What tuning chooses from on validation, and how labels with few spans lean on the others."""

import numpy as np

from mllib.features.windows import Floats

CUTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FINE_CUTS = (
    *(0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.22),
    *(0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9),
)
MATCH_IOU = 0.5
_LEAN = 5.0


def leaning_f1(counts: Floats) -> Floats:
    """Span F1 `(n_lanes, n_options)` from `(n_lanes, n_options, 3)` matched, predicted and true spans.

    To a lane's own counts come those of `_LEAN` true spans as all lanes together find them.
    """
    together = counts.sum(axis=0)
    leaning = counts + _LEAN * together / np.maximum(together[:, 2:], 1)
    f1: Floats = 2 * leaning[..., 0] / np.maximum(leaning[..., 1] + leaning[..., 2], 1)
    return f1
