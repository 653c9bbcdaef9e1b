"""Use case: would the review queue pay? A stored series with labels is labelled again, place by place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mllib.acquisition import AcquisitionConfig
from mllib.config import Config
from mllib.encoders import reviewed_bars
from mllib.errors import InvalidAnnotations, InvalidConfig
from mllib.pipeline.annotations import Layer, labelled_series
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
    layers: Sequence[Layer] = ("human",),
    progress: Progress,
) -> Simulation:
    """Labels a stored series anew as a patient annotator would, strategy by strategy.

    The last `test_split` of the candles is the test; places are `acquisition.audit_bars` long where they are
    random.

    Raises:
        NotFound: the series is not stored.
        InvalidConfig: an unknown strategy, model or encoder.
        InvalidAnnotations: a label was not looked for everywhere.
        TrainingFailed: there is no span before or after the moment between pool and test.
    """
    _check(plan)
    ingestion = config.stages.annotation_ingestion
    series = labelled_series(ws, pair=pair, timeframe=timeframe, layers=layers, ingestion=ingestion)
    require_reviewed(series)
    training = config.stages.training
    world = divide(series, test_share=training.test_split, purge_bars=PURGE_BARS)
    recipe = Recipe(
        encoder_name=ingestion.label_encoding,
        model_type=training.model_type,
        context=config.stages.feature_engineering.model_inputs,
        encoding=ingestion.encoding,
        hyperparameters=training.hyperparameters,
    )
    comparison = replay(world, recipe, plan, acquisition=config.stages.acquisition, progress=progress)
    candles = series.candles
    title = f"{candles.name}: does asking pay?"
    return Simulation(
        pair=candles.pair,
        timeframe=candles.timeframe,
        encoder=recipe.encoder_name,
        model=recipe.model_type,
        pool_candles=len(world.pool),
        pool_spans=len(world.truth),
        test_candles=int(world.exam.counts.sum()),
        test_spans=world.exam.spans,
        comparison=comparison,
        picture=draw(comparison, title),
    )


def replay(
    world: Divided,
    recipe: Recipe,
    plan: Plan,
    *,
    acquisition: AcquisitionConfig,
    first_seed: int = 0,
    progress: Progress,
) -> Comparison:
    """Every strategy with every seed, and all labels at once."""
    done, steps = 0, plan.runs * plan.rounds

    def tell(what: str) -> None:
        progress(done / steps, what)

    everything = []
    for seed in range(plan.seeds):
        tell(f"all labels, seed {seed + 1} of {plan.seeds}")
        everything.append(of_all_labels(world, recipe, seed=first_seed + seed))
        done += plan.rounds
    runs: dict[str, list[list[Round]]] = {name: [] for name in plan.strategies}
    for seed in range(plan.seeds):
        for name, found in runs.items():
            rounds = rounds_of(
                world,
                STRATEGIES[name],
                recipe,
                config=acquisition,
                per_round=plan.per_round,
                seed=first_seed + seed,
            )
            found.append([])
            for i in range(plan.rounds):
                tell(f"{name}, seed {seed + 1} of {plan.seeds}, round {i + 1}")
                one = next(rounds, None)
                done += 1
                if one is not None:
                    found[-1].append(one)
    return compare(runs, everything)


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


def _check(plan: Plan) -> None:
    unknown = [name for name in plan.strategies if name not in STRATEGIES]
    if unknown or not plan.strategies:
        raise InvalidConfig(
            f"strategy: found {unknown[0] if unknown else 'none'!r}, expected some of "
            f"{', '.join(STRATEGIES)}. Choose one of these."
        )
