"""Use case: would the review queue pay? A stored series with labels is labelled again, place by place."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from mllib.acquisition import AcquisitionConfig
from mllib.cluster import IN_PROCESS, Engine
from mllib.config import Config
from mllib.encoders import reviewed_bars
from mllib.errors import InvalidAnnotations, InvalidConfig, TrainingFailed
from mllib.pipeline.annotations import labelled_series
from mllib.pipeline.workspace import Workspace
from mllib.progress import Progress
from mllib.simulating import (
    STRATEGIES,
    Comparison,
    Divided,
    Recipe,
    Round,
    compare,
    divide,
    draw,
    of_all_labels,
    rounds_of,
)
from mllib.training import LabelledSeries

PURGE_BARS = 160
"""So many bars before and after the moment between pool and test count for nobody."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is spent: places a round, rounds, and seeds; each strategy by its name."""

    strategies: tuple[str, ...] = ("random", "queue")
    rounds: int = 12
    per_round: int = 20
    seeds: int = 5

    @property
    def runs(self) -> int:
        """How often the series is labelled, all labels at once included."""
        return self.seeds * (len(self.strategies) + 1)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of it: the comparison, what it stands on, and its picture as SVG text."""

    pair: str
    timeframe: str
    encoder: str
    model: str
    pool_candles: int
    pool_spans: int
    test_candles: int
    test_spans: int
    comparison: Comparison
    picture: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values, without the picture."""
        facts = {
            name: getattr(self, name) for name in self.__slots__ if name not in ("comparison", "picture")
        }
        return facts | self.comparison.to_dict()


def simulate(
    ws: Workspace,
    *,
    pair: str,
    timeframe: str,
    config: Config,
    plan: Plan,
    progress: Progress,
    engine: Engine = IN_PROCESS,
) -> Simulation:
    """Labels a stored series anew as a patient annotator would, strategy by strategy.

    The truth is what the configured `layers` say. The last `test_split` of the candles is the test; random
    places are `acquisition.audit_bars` long.

    Raises:
        NotFound: the series is not stored.
        InvalidConfig: an unknown strategy, model or encoder.
        InvalidAnnotations: a label was not looked for everywhere.
        TrainingFailed: there is no span before or after the moment between pool and test, or no place to ask
            about.
    """
    _check(plan)
    stages = config.stages
    ingestion = stages.annotation_ingestion
    series = labelled_series(ws, pair=pair, timeframe=timeframe, layers=ingestion.layers, ingestion=ingestion)
    require_reviewed(series)
    world = divide(series, test_share=stages.training.test_split, purge_bars=PURGE_BARS)
    _require_place(world, stages.acquisition)
    recipe = _recipe(config)
    comparison = replay(world, recipe, plan, acquisition=stages.acquisition, progress=progress, engine=engine)
    return Simulation(
        pair=series.candles.pair,
        timeframe=series.candles.timeframe,
        encoder=recipe.encoder_name,
        model=recipe.model_type,
        pool_candles=len(world.pool),
        pool_spans=len(world.truth),
        test_candles=int(world.exam.counts.sum()),
        test_spans=world.exam.spans,
        comparison=comparison,
        picture=draw(comparison, f"{series.candles.name}: does asking pay?"),
    )


def replay(
    world: Divided,
    recipe: Recipe,
    plan: Plan,
    *,
    acquisition: AcquisitionConfig,
    first_seed: int = 0,
    progress: Progress,
    engine: Engine = IN_PROCESS,
) -> Comparison:
    """Every strategy with every seed, and all labels at once; an engine has a piece for each."""
    if engine is not IN_PROCESS:
        shared = _Shared(world, recipe, plan, acquisition)
        return _spread(shared, first_seed=first_seed, progress=progress, engine=engine)
    steps = _Steps(plan.runs * plan.rounds, progress)
    seeds = [(first_seed + n, f"seed {n + 1} of {plan.seeds}") for n in range(plan.seeds)]
    everything = []
    for seed, said in seeds:
        steps.begin(f"all labels, {said}", plan.rounds)
        everything.append(of_all_labels(world, recipe, seed=seed))
    runs: dict[str, list[list[Round]]] = {name: [] for name in plan.strategies}
    for seed, said in seeds:
        for name, found in runs.items():
            rounds = rounds_of(
                world, STRATEGIES[name], recipe, config=acquisition, per_round=plan.per_round, seed=seed
            )
            found.append([])
            for n in range(plan.rounds):
                steps.begin(f"{name}, {said}, round {n + 1}")
                found[-1].extend(islice(rounds, 1))
    return compare(runs, everything)


class _Shared(NamedTuple):
    world: Divided
    recipe: Recipe
    plan: Plan
    acquisition: AcquisitionConfig


def _spread(shared: _Shared, *, first_seed: int, progress: Progress, engine: Engine) -> Comparison:
    seeds = range(first_seed, first_seed + shared.plan.seeds)
    every = [(None, seed) for seed in seeds]
    pieces = [*every, *((name, seed) for name in shared.plan.strategies for seed in seeds)]
    found = [*engine.map(_replayed, pieces, shared=shared, progress=progress)]
    everything = [part for part in found if isinstance(part, float)]
    rounds = iter(part for part in found if not isinstance(part, float))
    return compare({name: [*islice(rounds, len(seeds))] for name in shared.plan.strategies}, everything)


def _replayed(shared: _Shared, piece: tuple[str | None, int]) -> list[Round] | float:
    """All rounds of a strategy with a seed; without a strategy the span F1 of all labels."""
    strategy, seed = piece
    if strategy is None:
        return of_all_labels(shared.world, shared.recipe, seed=seed)
    rounds = rounds_of(
        shared.world,
        STRATEGIES[strategy],
        shared.recipe,
        config=shared.acquisition,
        per_round=shared.plan.per_round,
        seed=seed,
    )
    return [*islice(rounds, shared.plan.rounds)]


@dataclass(slots=True)
class _Steps:
    """Tells what begins, and how much was begun before it."""

    total: int
    progress: Progress
    begun: int = 0

    def begin(self, what: str, steps: int = 1) -> None:
        self.progress(self.begun / self.total, what)
        self.begun += steps


def _recipe(config: Config) -> Recipe:
    stages = config.stages
    return Recipe(
        encoder_name=stages.annotation_ingestion.label_encoding,
        model_type=stages.training.model_type,
        context=stages.model_inputs,
        encoding=stages.annotation_ingestion.encoding,
        hyperparameters=stages.training.hyperparameters,
    )


def require_reviewed(series: LabelledSeries) -> None:
    """Refuses a series with a bar of which nobody knows whether it is in a pattern.

    Raises:
        InvalidAnnotations: with the label, and how much was looked at.
    """
    candles = series.candles
    labels = sorted({span.label for span in series.spans})
    if not labels:
        raise InvalidAnnotations(
            f"{candles.name}: found no span, expected a series that is labelled throughout. Import "
            "annotations with --reviewed all, or choose other layers with --labels."
        )
    for label in labels:
        looked = int(reviewed_bars(label, candles, series.reviewed).sum())
        if looked < len(candles):
            raise InvalidAnnotations(
                f"{candles.name}: found {looked} of {len(candles)} candles reviewed for {label}, "
                "expected all, since what is asked must have an answer. Import its annotations with "
                "--reviewed all, or choose another series."
            )


def write_picture(simulation: Simulation, path: Path) -> None:
    """Writes the picture, and the folder that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(simulation.picture, encoding="utf-8")


def _require_place(world: Divided, acquisition: AcquisitionConfig) -> None:
    if world.usable_bars < acquisition.audit_bars:
        raise TrainingFailed(
            f"{world.pool.name}: found {world.usable_bars} candles to ask about before the test, expected "
            f"at least {acquisition.audit_bars}, the length of a place (acquisition.audit_bars). Choose a "
            "longer series, or shorter places."
        )


def _check(plan: Plan) -> None:
    unknown = [name for name in plan.strategies if name not in STRATEGIES]
    if unknown or not plan.strategies:
        raise InvalidConfig(
            f"strategy: found {unknown[0] if unknown else 'none'!r}, expected some of "
            f"{', '.join(STRATEGIES)}. Choose one of these."
        )
