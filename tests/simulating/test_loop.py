"""On a toy series the loop learns, spends what it says, and sees neither what was not asked nor the test."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from mllib.acquisition import AcquisitionConfig
from mllib.errors import TrainingFailed
from mllib.simulating import STRATEGIES, Recipe, Round, divide, loop, of_all_labels, rounds_of
from mllib.simulating.annotator import Annotator, Known
from mllib.simulating.exam import Divided
from mllib.simulating.learner import Learned, Learner
from mllib.simulating.strategies import Situation, random_places, share_looked
from mllib.spans import Span, positions
from tests.hills import hills_of
from tests.naive import changed

RECIPE = Recipe(hyperparameters={"n_estimators": 20, "n_jobs": 1})
CONFIG = AcquisitionConfig(audit_bars=16)


@cache
def hills() -> Divided:
    return divide(hills_of(1_600), test_share=0.3, purge_bars=60)


def replayed(name: str, rounds: int, *, world: Divided | None = None, seed: int = 0) -> list[Round]:
    found = rounds_of(world or hills(), STRATEGIES[name], RECIPE, config=CONFIG, per_round=8, seed=seed)
    return [one for _, one in zip(range(rounds), found, strict=False)]


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_loop_learns_and_spends_exactly_what_it_says(name: str) -> None:
    rounds = replayed(name, 5)
    assert [one.spent for one in rounds] == [8, 16, 24, 32, 40]
    assert rounds[-1].span_f1 > 0.7
    assert rounds[-1].spans_told <= len(hills().truth)
    assert of_all_labels(hills(), RECIPE, seed=0) > 0.8


def test_a_seed_gives_the_same_rounds_and_another_seed_others() -> None:
    assert replayed("queue", 3) == replayed("queue", 3)
    assert replayed("random", 3) != replayed("random", 3, seed=1)


def test_every_strategy_begins_at_the_same_places() -> None:
    first = {name: replayed(name, 1)[0] for name in ("random", "margin", "queue")}
    assert len(set(first.values())) == 1


def test_it_ends_when_no_place_is_left() -> None:
    rounds = replayed("random", 1_000)
    usable = hills().usable_bars
    assert rounds[-1].bars_looked > 0.7 * usable
    assert rounds[-1].spent < usable / CONFIG.audit_bars * 2


class Spy(Annotator):
    """Remembers what was asked and told."""

    asked: list[np.ndarray]
    said: list[Span]

    def look(self, places: np.ndarray) -> list[Span]:
        self.asked.append(places)
        found = super().look(places)
        self.said += found
        return found


def test_only_what_the_annotator_told_is_ever_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    Spy.asked, Spy.said = [], []
    taught: list[Known] = []
    original = Learner.fit

    def fit(self: Learner, known: Known, **how: Any) -> Learned | None:
        taught.append(known)
        assert set(known.spans) <= set(Spy.said)
        assert known.looked.sum() <= sum(int((p[:, 1] - p[:, 0]).sum()) for p in Spy.asked)
        return original(self, known, **how)

    monkeypatch.setattr(Learner, "fit", fit)
    monkeypatch.setattr(loop, "Annotator", Spy)
    rounds = replayed("queue", 4)
    assert sum(len(places) for places in Spy.asked) == rounds[-1].spent == 32
    assert len(taught) == 4
    assert 0 < len(taught[-1].spans) < len(hills().truth)


def test_what_was_not_asked_changes_nothing() -> None:
    """Labels of bars that were never looked at may be anything: the choices stay the same."""
    world, asked = hills(), []

    class Asked(Annotator):
        def look(self, places: np.ndarray) -> list[Span]:
            asked.append(places)
            return super().look(places)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "Annotator", Asked)
        before = replayed("queue", 4)
        seen = np.concatenate(asked)
        found = positions(world.truth, world.pool.time)
        touched = [bool(((seen[:, 0] < end) & (seen[:, 1] > start)).any()) for start, end in found]
        told = tuple(span for span, known in zip(world.truth, touched, strict=True) if known)
        assert len(told) < len(world.truth)
        assert replayed("queue", 4, world=replace(world, truth=told)) == before


def test_the_test_block_is_neither_asked_about_nor_learned_from() -> None:
    world, edge = hills(), len(hills().pool)
    later = world.exam.candles.time[world.exam.counts]
    assert later[0] > world.pool.time[-1]
    assert all(span.end_time <= world.pool.time[-1] for span in world.truth)
    series = hills_of(1_600)
    time = series.candles.time
    other = replace(
        series,
        candles=changed(series.candles, np.arange(len(time)) >= edge, seed=5),
        spans=[span for span in series.spans if span.end_time < time[edge + 250]],
    )
    told = divide(other, test_share=0.3, purge_bars=60)
    kept = [(one.spent, one.bars_looked, one.spans_told) for one in replayed("margin", 4)]
    assert kept == [(one.spent, one.bars_looked, one.spans_told) for one in replayed("margin", 4, world=told)]


def test_bars_that_count_read_nothing_of_the_pool() -> None:
    world = hills()
    first = int(np.flatnonzero(world.exam.counts)[0])
    after_edge = int(np.searchsorted(world.exam.candles.time, world.pool.time[-1], "right"))
    assert first - after_edge == 60


def test_a_series_without_spans_in_the_test_is_refused() -> None:
    series = hills_of(1_600)
    early = replace(series, spans=series.spans[:10])
    with pytest.raises(
        TrainingFailed, match="found no span in the test, expected some before and after 1120"
    ):
        divide(early, test_share=0.3, purge_bars=60)
    with pytest.raises(TrainingFailed, match="found no span in the pool"):
        divide(replace(series, spans=series.spans[-5:]), test_share=0.3, purge_bars=60)


def test_random_places_are_of_the_usual_length_and_new() -> None:
    world = hills()
    known = Known.nothing(world.pool, frozenset(world.labels)).told(np.array([[0, 600]]), [])
    at = Situation(known, None, Learner(world.pool, RECIPE), world.usable_bars, 0, CONFIG)
    places = random_places(at, size=20, rng=np.random.default_rng(0))
    assert set(places[:, 1] - places[:, 0]) == {16}
    assert places[:, 1].max() <= world.usable_bars
    assert share_looked(places, known).max() <= 0.5
