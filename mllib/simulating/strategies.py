"""How the next places are chosen: at random, or by the scores and the queue of `mllib.acquisition`.

A candidate is what the model predicts on the pool, or nearly predicts. Where there are too few of them the
rest is drawn at random, so that every strategy spends the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mllib.acquisition import (
    AcquisitionConfig,
    Candidates,
    Quotas,
    committee,
    confidences,
    distribution,
    near_misses,
    regimes,
    spread,
    uncertainty,
)
from mllib.matching import Positions
from mllib.simulating.annotator import Known
from mllib.simulating.learner import Learned, Learner
from mllib.spans import positions

MOST_LOOKED = 0.5
"""A place is new while no more of its bars were looked at."""

Floats = NDArray[np.float64]


@dataclass(eq=False)
class Situation:
    """What a strategy may know: what was told, what was learned from it, and how a queue is made up."""

    known: Known
    learned: Learned | None
    learner: Learner
    usable_bars: int
    seed: int
    config: AcquisitionConfig

    @cached_property
    def coverage(self) -> Floats:
        """The probability that each bar of the pool lies in a span of each label: `(n_bars, n_labels)`."""
        one = self._learned
        return one.encoder.coverage(self.known.candles, one.rows, one.P)

    @cached_property
    def offered(self) -> tuple[Candidates, Floats]:
        """What is predicted or nearly predicted where at most half was looked at, and the model's confidence
        in each label there: `(n, n_labels)`.
        """
        one, candles = self._learned, self.known.candles
        spans = one.encoder.decode(candles, one.rows, one.P)
        numbers = {label: i for i, label in enumerate(one.encoder.labels)}
        own, places = np.array([numbers[s.label] for s in spans], np.int64), positions(spans, candles.time)
        missed, of_missed = near_misses(
            self.coverage, [places[own == i] for i in numbers.values()], least=self.config.near_miss_from
        )
        at, label = np.concatenate([places, missed]), np.concatenate([own, of_missed])
        held = confidences(self.coverage, at)
        held[np.arange(len(spans)), own] = [span.avg_confidence for span in spans]
        new = (at[:, 1] <= self.usable_bars) & (share_looked(at, self.known) <= MOST_LOOKED)
        regime = regimes(candles)[at[new, 1] - 1]
        return Candidates(np.zeros_like(regime), at[new], label[new], regime), held[new]

    @property
    def candidates(self) -> Candidates:
        """The places that are offered."""
        return self.offered[0]

    @property
    def confidence(self) -> Floats:
        """The model's confidence in each label at each candidate."""
        return self.offered[1]

    @cached_property
    def rival_confidence(self) -> Floats:
        """That of the other model of the committee, learned from the same."""
        rival = self.learner.second_opinion(self.known, seed=self.seed)
        assert rival is not None, "what one model can learn another can"
        covered = rival.encoder.coverage(self.known.candles, rival.rows, rival.P)
        return confidences(covered, self.candidates.at)

    @property
    def _learned(self) -> Learned:
        assert self.learned is not None, "the first places are random"
        return self.learned


class Strategy(Protocol):
    """Chooses the next places `(n, 2)`, at most `size`; fewer only where no more are left."""

    def __call__(self, at: Situation, *, size: int, rng: np.random.Generator) -> Positions: ...


def random_places(at: Situation, *, size: int, rng: np.random.Generator) -> Positions:
    """Places of the usual length, uniformly among those of which at most half was looked at."""
    looked, bars = at.known.looked.copy(), min(at.config.audit_bars, at.usable_bars)
    starts = np.arange(at.usable_bars - bars + 1)
    chosen: list[tuple[int, int]] = []
    while len(chosen) < size:
        total = np.concatenate([[0], np.cumsum(looked)])
        free = starts[total[starts + bars] - total[starts] <= MOST_LOOKED * bars]
        if not len(free):
            break
        start = int(rng.choice(free))
        chosen.append((start, start + bars))
        looked[start : start + bars] = True
    return np.array(chosen, np.int64).reshape(-1, 2)


def _scored(score: Callable[[Situation], Floats]) -> Strategy:
    """The strategy that shows the candidates with the highest scores, spread out."""

    def choose(at: Situation, *, size: int, rng: np.random.Generator) -> Positions:
        everything = Quotas(pair=1, label=1, regime=1)
        best = spread(at.candidates, score(at), size=size, quotas=everything)
        return filled(at, at.candidates.at[best], size=size, rng=rng)

    return choose


def _queue(at: Situation, *, size: int, rng: np.random.Generator) -> Positions:
    """The review queue's mixture: an audit at random, and its shares of uncertainty and committee.

    Its other origins compare a model with what people have said already, and this annotator makes no
    mistakes.
    """
    shares = at.config.origin_shares()
    audit = random_places(at, size=round(size * shares["audit"]), rng=rng)
    own = at.candidates
    scores = [uncertainty(distribution(at.confidence), method=at.config.uncertainty), _differing(at)]
    origin = np.repeat([0, 1, 2], [len(own), len(own), len(audit)])
    drawn = Candidates.on_one_series(audit, np.full(len(audit), -1, np.int64))
    best = spread(
        Candidates.joined([own, own, drawn]),
        np.concatenate([*scores, np.zeros(len(audit))]),
        size=size,
        quotas=at.config.quotas,
        origin=origin,
        shares=[shares["uncertainty"], shares["committee"], shares["audit"]],
        reserved=range(2 * len(own), 2 * len(own) + len(audit)),
    )
    places = np.concatenate([own.at, own.at, audit])[best]
    return filled(at, places, size=size, rng=rng)


def filled(at: Situation, places: Positions, *, size: int, rng: np.random.Generator) -> Positions:
    """The places, and random ones for those that lack to `size`."""
    if len(places) >= size:
        return places[:size]
    beside = Situation(at.known.told(places, ()), None, at.learner, at.usable_bars, at.seed, at.config)
    return np.concatenate([places, random_places(beside, size=size - len(places), rng=rng)])


def _differing(at: Situation) -> Floats:
    members = [distribution(at.confidence), distribution(at.rival_confidence)]
    return committee(members, method=at.config.committee)


def share_looked(places: Positions, known: Known) -> Floats:
    """The share of the bars of each place that were looked at: `float64 (n,)`."""
    total = np.concatenate([[0], np.cumsum(known.looked)])
    share: Floats = (total[places[:, 1]] - total[places[:, 0]]) / np.maximum(places[:, 1] - places[:, 0], 1)
    return share


STRATEGIES: Mapping[str, Strategy] = {
    "random": random_places,
    "margin": _scored(lambda at: uncertainty(distribution(at.confidence))),
    "entropy": _scored(lambda at: uncertainty(distribution(at.confidence), method="entropy")),
    "committee": _scored(_differing),
    "probable": _scored(lambda at: at.confidence.max(axis=1, initial=0.0)),
    "queue": _queue,
}
"""By name; `random` is what the others are compared with."""
