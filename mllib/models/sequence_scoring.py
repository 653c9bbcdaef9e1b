"""What a fitted network says of rows, and what each input adds to it; on one processor thread."""

import numpy as np
import torch
from numpy.typing import NDArray

from mllib.models.sequence_fitting import threads
from mllib.models.sequence_network import Network

_PATH_POINTS = 32
"""So many points of the way from the mean inputs to a row's own are asked for gradients."""

Floats = NDArray[np.float32]


def scored(network: Network, X: Floats, *, batch_rows: int) -> Floats:
    """Probabilities `float32 (n, k)`, always so many rows at a time, the last batch filled up.

    Products of matrices of another shape may differ in the last digit, and a row has to be scored alike alone
    and among others.
    """
    P = np.empty((len(X), len(network.prior)), np.float32)
    with threads(1), torch.inference_mode():
        for first in range(0, len(X), batch_rows):
            part = X[first : first + batch_rows]
            batch = np.zeros((batch_rows, X.shape[1]), np.float32)
            batch[: len(part)] = part
            P[first : first + len(part)] = torch.sigmoid(network(torch.from_numpy(batch)))[: len(part)]
    return P


def integrated_gradients(network: Network, X: Floats, column: int) -> Floats:
    """What each feature adds to the log-odds of a column: `float32 (n, f + 1)`, those of the mean last.

    What is left over by the finite number of points is shared out as the features' own. Source: Sundararajan
    et al. (2017), Axiomatic Attribution for Deep Networks, equation 3.
    """
    added = np.zeros((len(X), X.shape[1] + 1), np.float32)
    with threads(1):
        for i, row in enumerate(X):
            z, there = network.standardised(torch.from_numpy(row[None].copy()))
            shares = (torch.arange(_PATH_POINTS) + 0.5)[:, None] / _PATH_POINTS
            way = (shares * z).requires_grad_()
            said = network.judged(way, there.expand(_PATH_POINTS, -1))[:, column]
            (gradients,) = torch.autograd.grad(said.sum(), way)
            with torch.no_grad():
                ends = network.judged(torch.cat([z, 0 * z]), there.expand(2, -1))[:, column]
            own, mean = (gradients.mean(dim=0) * z[0]).numpy(), float(ends[1])
            left, size = float(ends[0]) - mean - float(own.sum()), float(np.abs(own).sum())
            added[i, :-1] = own + (left / size * np.abs(own) if size else 0)
            added[i, -1] = mean
    return added
