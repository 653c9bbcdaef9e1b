"""What each origin has to offer, on sweeps that are made by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mllib.acquisition import AcquisitionConfig
from mllib.acquisition.words import AUDIT
from mllib.candles import Candles
from mllib.pipeline.queue_ground import Ground
from mllib.pipeline.queue_origins import (
    Considered,
    Found,
    disputed,
    drawn_at_random,
    split_committee,
    suspicious,
    uncertain,
)
from mllib.pipeline.sweeps import SweptSeries
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction, PredictedSpan, ReviewedRange, Span
from mllib.store import Feedback

LABELS = ("bull_flag", "wedge")
SETTINGS = AcquisitionConfig()
Sweeping = Callable[..., SweptSeries]


def times(candles: Candles, first: int, end: int) -> tuple[int, int]:
    return int(candles.time[first]), int(candles.time[end - 1])


@pytest.fixture
def sweeping(candles: Candles) -> Sweeping:
    """Makes a sweep of predicted spans (label, first bar, end bar, confidence) and other coverage."""

    def make(
        *spans: tuple[str, int, int, float], beside: tuple[tuple[str, int, int, float], ...] = ()
    ) -> SweptSeries:
        coverage = np.zeros((len(candles), 2), np.float32)
        for label, first, end, value in (*beside, *spans):
            coverage[first:end, LABELS.index(label)] = value
        found = [
            PredictedSpan(label, *times(candles, first, end), avg_confidence=value, candle_count=end - first)
            for label, first, end, value in spans
        ]
        return SweptSeries(candles, "r", "7", LABELS, found, coverage)

    return make


def drawn(candles: Candles, label: str, first: int, end: int) -> Annotation:
    return Annotation(label, *times(candles, first, end), id=f"{label}-{first}")


def reviewed(candles: Candles, first: int, end: int, *labels: str) -> ReviewedRange:
    return ReviewedRange(*times(candles, first, end), frozenset(labels or LABELS))


def say(ws: Workspace, action: str, span: Span, **more: Any) -> None:
    judged = JudgedPrediction(label=span.label, start_time=span.start_time, end_time=span.end_time)
    said: dict[str, Any] = {"client_id": f"{action}-{span.start_time}", "pair": "EURUSD", "timeframe": "1h"}
    ws.store.verdicts.record(Feedback(**said, action=action, prediction=judged, **more))


def told(found: Found) -> list[tuple[int, str]]:
    """First bar and reason of each, the highest ranks first."""
    order = np.argsort(-found.rank, kind="stable").tolist()
    return [(int(found.at[i, 0]), found.explain(i).why) for i in order]


def unsure(ws: Workspace, swept: SweptSeries) -> list[tuple[int, str]]:
    ground = Ground.of(ws, swept, LABELS)
    return told(uncertain(ground, Considered.on(ground, near_miss_from=0.15), SETTINGS))


def test_the_least_sure_predictions_come_first_and_say_so(ws: Workspace, sweeping: Sweeping) -> None:
    swept = sweeping(("bull_flag", 10, 20, 0.9), ("bull_flag", 50, 60, 0.48), ("wedge", 90, 99, 0.7))
    assert unsure(ws, swept) == [
        (50, "The model is torn between no pattern (0.52) and bull flag (0.48)."),
        (90, "The model is torn between wedge (0.70) and no pattern (0.30)."),
        (10, "The model leans towards bull flag (0.90) rather than no pattern (0.10)."),
    ]


def test_what_is_nearly_predicted_is_asked_about(ws: Workspace, sweeping: Sweeping) -> None:
    swept = sweeping(("bull_flag", 10, 20, 0.95), beside=(("bull_flag", 50, 62, 0.4),))
    ((first, why), _) = unsure(ws, swept)
    assert first in (50, 51, 52)
    assert why == (
        "The model is torn between no pattern (0.60) and bull flag (0.40). "
        "It stays below what makes a prediction."
    )


def test_two_labels_on_the_same_candles_are_told_apart(ws: Workspace, sweeping: Sweeping) -> None:
    ((_, why), *_) = unsure(ws, sweeping(("bull_flag", 10, 20, 0.8), beside=(("wedge", 10, 20, 0.75),)))
    assert why.startswith("The model is torn between bull flag (0.80) and wedge (0.75).")


def test_what_anybody_said_something_of_is_not_asked_about(
    ws: Workspace, candles: Candles, sweeping: Sweeping
) -> None:
    places = [("bull_flag", first, first + 10, 0.5) for first in (10, 50, 90, 130, 170)]
    swept = sweeping(*places)
    ws.store.annotations.add("EURUSD", "1h", [drawn(candles, "wedge", 15, 25)])
    say(ws, "dismiss", swept.spans[1])
    say(ws, "skip", swept.spans[2])
    say(ws, "confirm", swept.spans[3])
    assert [first for first, _ in unsure(ws, swept)] == [170]


def test_places_that_nobody_has_looked_at_come_first(
    ws: Workspace, candles: Candles, sweeping: Sweeping
) -> None:
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[reviewed(candles, 0, 100)])
    found = unsure(ws, sweeping(("bull_flag", 10, 20, 0.5), ("bull_flag", 150, 160, 0.9)))
    assert [first for first, _ in found] == [150, 10]
    assert found[1][1].endswith("People have looked here and drawn nothing.")
    assert "People" not in found[0][1]


def test_a_committee_points_at_what_its_members_see_differently(ws: Workspace, sweeping: Sweeping) -> None:
    own = sweeping(("bull_flag", 10, 20, 0.9), ("wedge", 50, 60, 0.9))
    rival = replace(sweeping(("bull_flag", 10, 20, 0.9), ("wedge", 50, 60, 0.1)), model_version="4")
    ground = Ground.of(ws, own, LABELS)
    considered = Considered.on(ground, near_miss_from=0.15)
    types = ("xgboost", "random_forest")
    (first, why), (_, agreed) = told(split_committee(ground, considered, rival, SETTINGS, model_types=types))
    assert first == 50
    assert why == "XGBoost (version 7) says wedge (0.90), the random forest (version 4) no pattern (0.90)."
    assert agreed == "XGBoost (version 7) gives bull flag 0.90, the random forest (version 4) 0.90."


@pytest.fixture
def contradicted(ws: Workspace, candles: Candles, sweeping: Sweeping) -> SweptSeries:
    people = [drawn(candles, "bull_flag", 10, 20), drawn(candles, "bull_flag", 50, 60)]
    ws.store.annotations.add("EURUSD", "1h", people, reviewed=[reviewed(candles, 0, 200)])
    return sweeping(("wedge", 50, 60, 0.8), ("bull_flag", 90, 100, 0.9), ("wedge", 250, 260, 0.9))


def test_what_people_and_the_model_contradict_is_told_the_surest_first(
    ws: Workspace, contradicted: SweptSeries
) -> None:
    found = disputed(ws, Ground.of(ws, contradicted, LABELS))
    assert told(found) == [
        (10, "A person drew bull flag here; the model sees no pattern (1.00)."),
        (90, "The model sees bull flag (0.90) where people looked and drew nothing."),
        (50, "A person drew bull flag here; the model sees wedge (0.80)."),
    ]
    by_place = {int(at[0]): found.explain(i) for i, at in enumerate(found.at)}
    assert by_place[10].human is not None
    assert (by_place[10].human.id, by_place[10].span.avg_confidence) == ("bull_flag-10", 0.0)
    assert by_place[90].human is None
    assert by_place[90].span == contradicted.spans[1]


@pytest.mark.parametrize("action", ["skip", "dismiss", "confirm"])
def test_a_contradiction_that_a_verdict_settled_is_not_told_again(
    ws: Workspace, contradicted: SweptSeries, action: str
) -> None:
    say(ws, action, contradicted.spans[1])
    assert [first for first, _ in told(disputed(ws, Ground.of(ws, contradicted, LABELS)))] == [10, 50]


@pytest.fixture
def doubtful(ws: Workspace, candles: Candles, sweeping: Sweeping) -> tuple[SweptSeries, np.ndarray]:
    """People drew ten bull flags, one where held-out models see nothing, and left one out that they see."""
    starts = range(10, 200, 20)
    people = [drawn(candles, "bull_flag", first, first + 10) for first in starts]
    ws.store.annotations.add("EURUSD", "1h", people, reviewed=[reviewed(candles, 0, 300)])
    held_out = np.full((300, 2), 0.02, np.float32)
    for first in starts:
        held_out[first : first + 10, 0] = 0.9
    held_out[50:60, 0] = 0.03
    held_out[220:230, 0] = 0.95
    held_out[250:300, 0] = 0.3
    return sweeping(("bull_flag", 10, 20, 0.9)), held_out


def test_labels_that_held_out_models_deny_or_miss_are_suspicious(
    ws: Workspace, doubtful: tuple[SweptSeries, np.ndarray]
) -> None:
    swept, held_out = doubtful
    found = suspicious(Ground.of(ws, swept, LABELS), held_out, SETTINGS)
    (denied, why), (missing, reason) = told(found)
    assert (denied, missing) == (50, 220)
    assert why == (
        "A model that had not seen this place gives bull flag, which a person drew, 0.03 and no pattern 0.95."
    )
    assert reason == "A model that had not seen this place is sure of bull flag (0.93), which nobody drew."
    humans = {int(at[0]): found.explain(i).human for i, at in enumerate(found.at)}
    assert humans[220] is None
    assert humans[50] is not None


def test_where_nothing_was_held_out_no_label_is_suspicious(
    ws: Workspace, doubtful: tuple[SweptSeries, np.ndarray]
) -> None:
    swept, held_out = doubtful
    held_out[55, 0] = np.nan
    found = suspicious(Ground.of(ws, swept, LABELS), held_out, SETTINGS)
    assert [first for first, _ in told(found)] == [220]


def test_a_suspicion_that_a_verdict_settled_is_not_told_again(
    ws: Workspace, candles: Candles, doubtful: tuple[SweptSeries, np.ndarray]
) -> None:
    swept, held_out = doubtful
    say(ws, "confirm", Span("bull_flag", *times(candles, 50, 60)))
    found = suspicious(Ground.of(ws, swept, LABELS), held_out, SETTINGS)
    assert [first for first, _ in told(found)] == [220]


def draw(ws: Workspace, swept: SweptSeries, *, most: int = 12, seed: int = 0) -> Found:
    ground = Ground.of(ws, swept, LABELS)
    settings = SETTINGS.model_copy(update={"seed": seed})
    return drawn_at_random(ground, settings, np.zeros(len(swept.candles), bool), most=most)


def test_a_draw_takes_bars_that_nobody_has_looked_at(
    ws: Workspace, candles: Candles, sweeping: Sweeping
) -> None:
    swept = sweeping(("bull_flag", 150, 160, 0.5), ("bull_flag", 200, 210, 0.5))
    ws.store.annotations.add(
        "EURUSD", "1h", [drawn(candles, "wedge", 100, 140)], reviewed=[reviewed(candles, 0, 100, "wedge")]
    )
    say(ws, "skip", swept.spans[1])
    found = draw(ws, swept)
    assert len(found.at)
    for i, (first, end) in enumerate(found.at.tolist()):
        bars = set(range(first, end))
        assert not bars & {*range(140), *range(200, 210)}
        assert found.explain(i).why == AUDIT
    windows = [set(range(*at)) for at in found.at.tolist() if at != [150, 160]]
    assert sum(map(len, windows)) > 0


def test_what_a_model_says_has_no_part_in_a_draw(ws: Workspace, sweeping: Sweeping) -> None:
    silent = draw(ws, sweeping(), most=5)
    certain = draw(ws, sweeping(("bull_flag", 0, 150, 0.99), ("wedge", 150, 300, 0.5)), most=5)
    assert silent.rank.tolist() == certain.rank.tolist()
    assert {silent.explain(i).span.label for i in range(5)} == {"O"}
    assert {certain.explain(i).span.label for i in range(5)} <= set(LABELS)
    assert draw(ws, sweeping(), most=5, seed=1).rank.tolist() != silent.rank.tolist()
    assert draw(ws, sweeping(), most=2).at.tolist() == silent.at[:2].tolist()
