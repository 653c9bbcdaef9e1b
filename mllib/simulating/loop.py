"""Rounds of places, answers and learning, as an annotator and a console would go through them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mllib.acquisition import AcquisitionConfig
from mllib.matching import Positions
from mllib.simulating.annotator import Annotator, Known
from mllib.simulating.exam import Divided
from mllib.simulating.learner import Learned, Learner, Recipe
from mllib.simulating.strategies import Situation, Strategy, random_places


@dataclass(frozen=True, slots=True)
class Round:
    """After a round: places shown so far (labels spent), bars looked at, spans told, and span F1 of the test.

    Span F1 is 0 while nothing can be learned.
    """

    spent: int
    bars_looked: int
    spans_told: int
    span_f1: float


def rounds_of(
    world: Divided,
    strategy: Strategy,
    recipe: Recipe,
    *,
    config: AcquisitionConfig,
    per_round: int,
    seed: int,
) -> Iterator[Round]:
    """Round after round until no place is left; the first places are random, the same for every strategy."""
    annotator = Annotator(world.pool, world.truth)
    learner = Learner(world.pool, recipe)
    known = Known.nothing(world.pool, frozenset(world.labels))
    learned: Learned | None = None
    first, later = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    while True:
        at = Situation(known, learned, learner, world.usable_bars, seed, config)
        if learned is None:
            places = random_places(at, size=per_round, rng=first)
        else:
            places = strategy(at, size=per_round, rng=later)
        if not len(places):
            return
        known = known.told(places, annotator.look(places))
        learned = learner.fit(known, seed=seed)
        f1 = 0.0 if learned is None else world.exam.score(learned).f1
        yield Round(annotator.spent, int(known.looked.sum()), len(known.spans), f1)


def of_all_labels(world: Divided, recipe: Recipe, *, seed: int) -> float:
    """Span F1 of the test where every bar of the pool was looked at; 0 where nothing can be learned."""
    annotator = Annotator(world.pool, world.truth)
    whole: Positions = np.array([[0, len(world.pool)]], np.int64)
    known = Known.nothing(world.pool, frozenset(world.labels)).told(whole, annotator.look(whole))
    learned = Learner(world.pool, recipe).fit(known, seed=seed)
    return 0.0 if learned is None else world.exam.score(learned).f1
