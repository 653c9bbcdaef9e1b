"""The networks of the sequence models, in PyTorch: rows of columns to the log-odds of targets.

Every row brings its own steps, so that what is said of it depends on the bars that its columns read and on
nothing else: no state goes from row to row. What a column does not know (NaN) counts as its mean, and a step
that is not there is marked as such to recurrent networks and masked from attention.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mllib.models.step_columns import Steps

_FURTHEST = 5.0
"""Standardised inputs are cut here: one odd bar does not drive the network."""

_TOGETHER = 2
"""So many steps make a token of attention."""

Floats = NDArray[np.float32]


class Network(nn.Module):
    """Steps read by a recurrent network or by attention, and the columns beside them, to `k` log-odds."""

    mean: Tensor
    scale: Tensor
    prior: Tensor
    order: Tensor
    beside: Tensor

    def __init__(self, kind: str, steps: Steps, *, targets: int, hyperparameters: Any) -> None:
        super().__init__()
        h = hyperparameters
        width, channels = len(steps.beside), len(steps.order[0])
        features = width + len({at for step in steps.order for at in step})
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("prior", torch.zeros(targets))
        self.register_buffer("order", torch.tensor(steps.order), persistent=False)
        self.register_buffer("beside", torch.tensor(steps.beside, dtype=torch.int64), persistent=False)
        self.reader: nn.Module
        if kind == "transformer":
            self.reader = _Attention(channels, len(steps.order), h)
        else:
            self.reader = _Recurrent(kind, channels, steps.judged, h)
        self.others = nn.Linear(width, h.hidden) if width else None
        read = self.reader.outputs + (h.hidden if width else 0)
        self.hidden = nn.Sequential(nn.Dropout(h.dropout), nn.Linear(read, h.hidden), nn.GELU())
        self.head = nn.Linear(h.hidden, targets)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, X: Tensor) -> Tensor:
        """Log-odds `(n, k)` of rows `X (n, f)`."""
        return self.judged(*self.standardised(X))

    def standardised(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs in units of their spread `(n, f)`, and which steps are there: `bool (n, T)`."""
        z = torch.nan_to_num((X - self.mean) / self.scale, nan=0.0)
        there = ~torch.isnan(X[:, self.order[:, 0]])
        return z.clamp(-_FURTHEST, _FURTHEST), there

    def judged(self, z: Tensor, there: Tensor) -> Tensor:
        """Log-odds `(n, k)` of standardised inputs."""
        read = self.reader(z[:, self.order], there)
        if self.others is not None:
            read = torch.cat([read, nn.functional.gelu(self.others(z[:, self.beside]))], dim=1)
        said: Tensor = self.head(self.hidden(read)) + self.prior
        return said

    def arrays(self) -> dict[str, Floats]:
        """All weights by name."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.state_dict().items()}

    def take(self, arrays: dict[str, Floats]) -> None:
        """Takes over weights that `arrays` gave; raises ValueError where they are another network's."""
        try:
            self.load_state_dict({name: torch.from_numpy(value.copy()) for name, value in arrays.items()})
        except RuntimeError as exc:
            raise ValueError(f"weights of another network: {exc}") from exc


class _Recurrent(nn.Module):
    """The steps up to the judged one read forwards, and from the last one back to it, to both last states."""

    def __init__(self, kind: str, channels: int, judged: int | None, h: Any) -> None:
        super().__init__()
        cell = {"gru": nn.GRU, "lstm": nn.LSTM}[kind]
        inner = h.dropout if h.layers > 1 else 0.0
        self.before, self.after = (
            cell(channels + 1, h.hidden, h.layers, batch_first=True, dropout=inner) for _ in range(2)
        )
        self.judged, self.outputs = judged, 2 * h.hidden

    def forward(self, steps: Tensor, there: Tensor) -> Tensor:
        shown = _flagged(steps, there)
        before = shown if self.judged is None else shown[:, : self.judged + 1]
        after = shown if self.judged is None else shown[:, self.judged :]
        ends = self.before(before)[0][:, -1], self.after(after.flip(1))[0][:, -1]
        return torch.cat(ends, dim=1)


class _Attention(nn.Module):
    """A token of its own that attends, layer by layer, to the steps that are there and to their places.

    Steps are embedded two by two, which halves the tokens and more than halves the time.
    """

    def __init__(self, channels: int, steps: int, h: Any) -> None:
        super().__init__()
        pairs = -(-steps // _TOGETHER)
        self.filled = pairs * _TOGETHER - steps
        self.embedded = nn.Linear(_TOGETHER * (channels + 1), h.hidden)
        self.places = nn.Parameter(0.02 * torch.randn(pairs, h.hidden))
        self.asking = nn.Parameter(0.02 * torch.randn(1, 1, h.hidden))
        layer = nn.TransformerEncoderLayer(
            h.hidden,
            h.heads,
            2 * h.hidden,
            h.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        layer.self_attn.dropout = 0.0  # with it attention takes twice as long on a processor
        self.layers = nn.TransformerEncoder(
            layer, h.layers, nn.LayerNorm(h.hidden), enable_nested_tensor=False
        )
        self.outputs = h.hidden

    def forward(self, steps: Tensor, there: Tensor) -> Tensor:
        shown = nn.functional.pad(_flagged(steps, there), (0, 0, self.filled, 0))
        some = nn.functional.pad(there, (self.filled, 0)).unflatten(1, (-1, _TOGETHER)).any(dim=2)
        tokens = self.embedded(shown.unflatten(1, (-1, _TOGETHER)).flatten(2)) + self.places
        tokens = torch.cat([self.asking.expand(len(steps), 1, -1), tokens], dim=1)
        absent = torch.cat([torch.zeros_like(some[:, :1]), ~some], dim=1)
        read: Tensor = self.layers(tokens, src_key_padding_mask=absent)[:, 0]
        return read


def _flagged(steps: Tensor, there: Tensor) -> Tensor:
    """The steps with one channel more, which says that they are there."""
    return torch.cat([steps, there[:, :, None].to(steps.dtype)], dim=2)
