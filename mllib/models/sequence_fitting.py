"""How a network of the sequence models is fitted: AdamW on the known cells, stopped by rows held out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mllib.models.prior import cell_weights, prior_log_odds
from mllib.models.sequence_network import Network
from mllib.progress import Progress
from mllib.rows import Rows, Targets

_SCORED_ROWS = 1_024
_MOST_GRADIENT = 1.0
_SMALLEST_SPREAD = 1e-6
_SPREAD_ROWS = 50_000
"""Means and spreads of inputs are those of so many rows."""

Floats = NDArray[np.float32]


@contextmanager
def threads(n: int) -> Iterator[None]:
    """PyTorch on so many threads, as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """PyTorch's random numbers drawn from this seed, and those of everything else left as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def fit_network(
    network: Network,
    learned: tuple[Rows, Targets],
    held_out: tuple[Rows, Targets] | None,
    hyperparameters: Any,
    *,
    device: str,
    seed: int,
    progress: Progress,
) -> int:
    """Fits the network in place; how many epochs it took, those after the best one not counted.

    An epoch shows so many rows as `epoch_rows`, drawn anew each time, so that it takes as long on many
    candles as on few.
    """
    h, (rows, targets) = hyperparameters, learned
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(targets.mask.any(axis=1))
    _standardise(network, rows.X, known, rng)
    network.prior.copy_(torch.from_numpy(prior_log_odds(targets)))
    network.to(device)
    step = torch.optim.AdamW(network.parameters(), lr=h.learning_rate, weight_decay=h.weight_decay)
    best, best_loss, kept = 0, np.inf, network.arrays()
    for epoch in range(h.epochs):
        _show(network, step, rows.X, targets, rng.permutation(known)[: h.epoch_rows], h.batch_rows, device)
        progress((epoch + 1) / h.epochs, f"epoch {epoch + 1} of at most {h.epochs}")
        loss = _loss(network, *held_out, device) if held_out else -float(epoch)
        if loss < best_loss:
            best, best_loss, kept = epoch + 1, loss, network.arrays()
        elif epoch + 1 - best >= h.early_stopping_rounds:
            break
    network.to("cpu").take(kept)
    network.eval()
    return best


def _standardise(network: Network, X: Floats, known: NDArray[np.intp], rng: np.random.Generator) -> None:
    """Gives the network each input's mean and spread over rows that it learns from."""
    drawn = np.sort(rng.permutation(known)[:_SPREAD_ROWS])
    some = np.asarray(X[drawn], np.float64)
    there = ~np.isnan(some)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, some, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(there, some - mean, 0) ** 2).sum(axis=0) / count)
    network.mean.copy_(torch.from_numpy(mean))
    network.scale.copy_(torch.from_numpy(np.where(spread > _SMALLEST_SPREAD, spread, 1.0)))


def _show(
    network: Network,
    step: torch.optim.Optimizer,
    X: Floats,
    targets: Targets,
    shown: NDArray[np.intp],
    batch_rows: int,
    device: str,
) -> None:
    network.train()
    for at in np.array_split(shown, max(round(len(shown) / batch_rows), 1)):
        step.zero_grad()
        losses, weights = _cells(network, X[at], targets.take(at), device)
        (losses.sum() / weights.sum().clamp_min(1.0)).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), _MOST_GRADIENT)
        step.step()


def _loss(network: Network, rows: Rows, targets: Targets, device: str) -> float:
    """The mean weighted log loss over the known cells."""
    network.eval()
    total = weight = 0.0
    with torch.no_grad():
        for first in range(0, len(rows), _SCORED_ROWS):
            at = np.arange(first, min(first + _SCORED_ROWS, len(rows)))
            losses, weights = _cells(network, rows.X[at], targets.take(at), device)
            total, weight = total + float(losses.sum()), weight + float(weights.sum())
    return total / max(weight, 1.0)


def _cells(network: Network, X: Floats, targets: Targets, device: str) -> tuple[Any, Any]:
    """The weighted log loss of each cell and the weights; both are 0 where nothing is known."""
    Y, weights = (torch.from_numpy(array).to(device) for array in (targets.Y, cell_weights(targets)))
    said = network(torch.from_numpy(X).to(device))
    losses = torch.nn.functional.binary_cross_entropy_with_logits(said, Y, reduction="none")
    return losses * weights, weights
