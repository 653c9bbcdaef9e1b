"""How the next places are chosen: at random, or by what the model says of candidates."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mllib.encoders.suppression import unsuppressed
from mllib.matching import Positions
from mllib.simulating.annotator import Known, covered
from mllib.simulating.learner import Learned

MOST_LOOKED = 0.5
"""A place is new while no more of its bars were looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Places that may be shown `(n, 2)`, `P (n, k)` of each label there, and rows they come from."""

    places: Positions
    P: NDArray[np.float32]
    X: NDArray[np.float32]
    labels: tuple[str, ...]


class Strategy(Protocol):
    def choose(
        self, learned: Learned, known: Known, *, size: int, rng: np.random.Generator
    ) -> Positions: ...


def unlooked(places: Positions, known: Known) -> NDArray[np.bool_]:
    total = np.concatenate([[0], np.cumsum(known.looked)])
    share = (total[places[:, 1]] - total[places[:, 0]]) / (places[:, 1] - places[:, 0])
    return np.asarray(share <= MOST_LOOKED)


def random_places(
    known: Known, *, size: int, bars: int, usable: int, rng: np.random.Generator
) -> Positions:
    """Places of so many bars, drawn uniformly among those of which at most half was looked at."""
    looked = known.looked.copy()
    chosen: list[tuple[int, int]] = []
    starts = np.arange(0, max(usable - bars + 1, 0))
    while len(chosen) < size:
        total = np.concatenate([[0], np.cumsum(looked)])
        free = starts[total[starts + bars] - total[starts] <= MOST_LOOKED * bars]
        if not len(free):
            break
        start = int(rng.choice(free))
        chosen.append((start, start + bars))
        looked[start : start + bars] = True
    return np.array(chosen, np.int64).reshape(-1, 2)


def candidates_of(learned: Learned, known: Known, usable: int) -> Candidates:
    rows, encoder = learned.rows, learned.encoder
    places = np.stack([rows.start, rows.end], axis=1)
    label_of = np.array([encoder.labels.index(l) for l in encoder.column_labels])
    P = np.zeros((len(rows), len(encoder.labels)), np.float32)
    for j, i in enumerate(label_of):
        P[:, i] = np.maximum(P[:, i], learned.P[:, j])
    long = (places[:, 1] - places[:, 0] > 1) & (places[:, 1] <= usable)
    places, P, X = places[long], P[long], learned.X[long]
    kept = unsuppressed(places, P.max(axis=1))
    places, P, X = places[kept], P[kept], X[kept]
    free = unlooked(places, known)
    return Candidates(places[free], P[free], X[free], encoder.labels)


def spread(places: Positions, order: NDArray[np.intp], known: Known, size: int) -> Positions:
    """The first places in order of which, beside those before them, at most half was looked at."""
    looked = known.looked.copy()
    chosen = []
    for i in order:
        start, end = places[i]
        if looked[start:end].mean() <= MOST_LOOKED:
            chosen.append(i)
            looked[start:end] = True
            if len(chosen) == size:
                break
    return places[chosen]
