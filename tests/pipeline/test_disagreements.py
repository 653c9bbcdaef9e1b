"""Where people and the model differ: matched by hand, and against a slow, obvious way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.inference import Predictor
from mllib.pipeline.disagreements import Disagreement, compared, find_disagreements, find_undecided
from mllib.pipeline.predicting import Sweep
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction, PredictedSpan, ReviewedRange, Span
from mllib.store import Feedback


@dataclass
class Model:
    """Stands for a predictor of which only the labels matter."""

    labels: tuple[str, ...] = ("flag", "wedge")


@pytest.fixture
def sweep(ws: Workspace) -> Sweep:
    history = ws.candles.read("EURUSD", "1h")
    return Sweep(cast(Predictor, Model()), history, 0, len(history))


def predicted(candles: Candles, label: str, first: int, last: int, confidence: float = 0.8) -> PredictedSpan:
    bounds = int(candles.time[first]), int(candles.time[last])
    return PredictedSpan(label, *bounds, avg_confidence=confidence, candle_count=last - first + 1)


def drawn(candles: Candles, label: str, first: int, last: int, **more: Any) -> Annotation:
    bounds = int(candles.time[first]), int(candles.time[last])
    return Annotation(label, *bounds, id=f"{label}-{first}", **more)


def looked(candles: Candles, first: int, last: int, *labels: str) -> ReviewedRange:
    return ReviewedRange(int(candles.time[first]), int(candles.time[last]), frozenset(labels))


def told(found: Sequence[Disagreement], candles: Candles) -> list[tuple[str, str, int]]:
    """Kind, label and first bar of each."""
    return [
        (one.kind, one.span.label, int(np.searchsorted(candles.time, one.span.start_time))) for one in found
    ]


def test_each_kind_is_told_newest_first(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    human = [drawn(candles, "flag", 10, 19), drawn(candles, "flag", 50, 59), drawn(candles, "flag", 90, 99)]
    reviewed = [looked(candles, 0, 200, "flag", "wedge")]
    ws.store.annotations.add("EURUSD", "1h", human, reviewed=reviewed)
    model = [
        predicted(candles, "flag", 12, 21),
        predicted(candles, "wedge", 51, 60),
        predicted(candles, "wedge", 130, 139),
    ]
    found = find_disagreements(ws, sweep, model, limit=10)
    assert told(found, candles) == [
        ("missed_by_human", "wedge", 130),
        ("missed_by_model", "flag", 90),
        ("label_mismatch", "wedge", 51),
    ]
    mismatch = found[-1]
    assert mismatch.human is not None
    assert mismatch.human.label == "flag"
    assert mismatch.predicted == model[1]
    assert find_disagreements(ws, sweep, model, limit=1) == found[:1]


def test_only_reviewed_candles_count_and_only_for_the_labels_looked_for(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ranges = [looked(candles, 0, 100, "flag")]
    ws.store.annotations.add("EURUSD", "1h", [drawn(candles, "flag", 150, 160)], reviewed=ranges)
    model = [
        predicted(candles, "wedge", 20, 30),
        predicted(candles, "flag", 95, 105),
        predicted(candles, "flag", 120, 130),
    ]
    assert find_disagreements(ws, sweep, model, limit=10) == []
    assert told(find_disagreements(ws, sweep, [predicted(candles, "flag", 20, 30)], limit=10), candles) == [
        ("missed_by_human", "flag", 20)
    ]


def test_a_match_across_the_edge_of_what_was_reviewed_is_no_miss(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ranges = [looked(candles, 0, 100, "flag")]
    ws.store.annotations.add("EURUSD", "1h", [drawn(candles, "flag", 92, 104)], reviewed=ranges)
    assert find_disagreements(ws, sweep, [predicted(candles, "flag", 91, 100)], limit=10) == []


def test_what_lies_beyond_the_sweep_is_left_out(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    human = [drawn(candles, "flag", 10, 19), drawn(candles, "flag", 90, 99)]
    ws.store.annotations.add("EURUSD", "1h", human, reviewed=[looked(candles, 0, 200, "flag")])
    part = Sweep(sweep.predictor, sweep.history, 50, 95)
    assert find_disagreements(ws, part, [], limit=10) == []
    assert told(find_disagreements(ws, sweep, [], limit=10), candles) == [
        ("missed_by_model", "flag", 90),
        ("missed_by_model", "flag", 10),
    ]


def test_labels_that_the_model_does_not_know_are_no_miss(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ranges = [looked(candles, 0, 200, "flag", "cup")]
    ws.store.annotations.add("EURUSD", "1h", [drawn(candles, "cup", 10, 19)], reviewed=ranges)
    assert find_disagreements(ws, sweep, [], limit=10) == []
    assert told(find_disagreements(ws, sweep, [predicted(candles, "flag", 10, 19)], limit=10), candles) == [
        ("label_mismatch", "flag", 10)
    ]


def _judge(ws: Workspace, span: Span, action: str) -> None:
    prediction = JudgedPrediction(label=span.label, start_time=span.start_time, end_time=span.end_time)
    said = {"client_id": f"{span.start_time}", "pair": "EURUSD", "timeframe": "1h", "action": action}
    ws.store.verdicts.record(Feedback(**said, prediction=prediction))  # type: ignore[arg-type]


def test_a_dismissed_prediction_is_not_told_again(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[looked(candles, 0, 200, "flag", "wedge")])
    _judge(ws, predicted(candles, "flag", 20, 29), "dismiss")
    again = predicted(candles, "flag", 21, 29)
    other = predicted(candles, "wedge", 20, 29)
    assert told(find_disagreements(ws, sweep, [again, other], limit=10), candles) == [
        ("missed_by_human", "wedge", 20)
    ]


def test_a_skipped_place_is_not_asked_about_again_and_changes_nothing_else(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[looked(candles, 0, 200, "flag", "wedge")])
    found = [predicted(candles, "flag", 20, 29), predicted(candles, "flag", 60, 69)]
    before = find_disagreements(ws, sweep, found, limit=10)
    _judge(ws, found[0], "skip")
    assert find_undecided(ws, sweep, found, limit=10) == found[1:]
    assert find_disagreements(ws, sweep, found, limit=10) == before


def test_spans_that_agree_are_matched_as_the_slow_way_does() -> None:
    rng = np.random.default_rng(3)
    time = np.arange(400, dtype=np.int64) * 60
    for _ in range(40):
        human = [Span(label, *_bounds(rng)) for label in rng.choice(["a", "b"], 12)]
        model = [
            PredictedSpan(label, *_bounds(rng), avg_confidence=0.5, candle_count=1)
            for label in rng.choice(["a", "b"], 12)
        ]
        left = compared(human, model, time)
        assert {(one.kind, one.human, one.predicted) for one in left} == _slowly(human, model)


def _bounds(rng: np.random.Generator) -> tuple[int, int]:
    start = int(rng.integers(0, 390))
    return start * 60, (start + int(rng.integers(1, 10))) * 60


def _iou(a: Span, b: Span) -> float:
    mine, theirs = (set(range(one.start_time, one.end_time + 60, 60)) for one in (a, b))
    return len(mine & theirs) / len(mine | theirs)


def _slowly(human: Sequence[Span], model: Sequence[PredictedSpan]) -> set[tuple[Any, ...]]:
    """The best pair of one label again and again, then the best of what is left."""
    mine, theirs, found = dict(enumerate(human)), dict(enumerate(model)), set()
    for one_label in (True, False):
        while True:
            pairs = [
                (-_iou(a, b), i, j)
                for i, a in mine.items()
                for j, b in theirs.items()
                if _iou(a, b) >= 0.5 and (a.label == b.label or not one_label)
            ]
            if not pairs:
                break
            _, i, j = min(pairs)
            if not one_label:
                found.add(("label_mismatch", mine[i], theirs[j]))
            del mine[i], theirs[j]
    found |= {("missed_by_model", one, None) for one in mine.values()}
    return found | {("missed_by_human", None, one) for one in theirs.values()}


def test_the_most_uncertain_predictions_come_first(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    sure = predicted(candles, "flag", 10, 19, 0.95)
    unsure = predicted(candles, "wedge", 30, 39, 0.48)
    newer = predicted(candles, "flag", 50, 59, 0.48)
    overlapping = predicted(candles, "flag", 35, 45, 0.6)
    found = find_undecided(ws, sweep, [sure, unsure, overlapping, newer], limit=10)
    assert found == [newer, unsure, sure]
    assert find_undecided(ws, sweep, [sure, unsure, newer], limit=2) == [newer, unsure]


def test_what_people_have_said_is_not_asked_again(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    ws.store.annotations.add("EURUSD", "1h", [drawn(candles, "wedge", 15, 25)])
    _judge(ws, predicted(candles, "flag", 50, 59), "confirm")
    _judge(ws, predicted(candles, "flag", 70, 79), "dismiss")
    model = [predicted(candles, "flag", at, at + 9) for at in (10, 50, 70, 90)]
    assert find_undecided(ws, sweep, model, limit=10) == model[-1:]
