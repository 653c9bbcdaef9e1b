"""Verdicts on differences: one, many at once, and back again."""

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.errors import Conflict, NotFound
from mllib.pipeline.disagreements import (
    Disagreement,
    Wanted,
    layer_disagreements,
    newest_first,
    version_changes,
)
from mllib.pipeline.resolving import KEPT, Batch, bring_back, decide, judged_span, remove, take_back
from mllib.pipeline.sweeps import SweptSeries
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, PredictedSpan, ReviewedRange

OPEN = Wanted(judged=False)


def span(candles: Candles, label: str, first: int, last: int) -> PredictedSpan:
    bounds = int(candles.time[first]), int(candles.time[last])
    return PredictedSpan(label, *bounds, avg_confidence=0.8, candle_count=last - first + 1)


def batch(name: str = "b", annotator: str | None = "ada") -> Batch:
    return Batch(id=name, pair="EURUSD", timeframe="1h", model_version="3", annotator=annotator)


@pytest.fixture
def model(ws: Workspace, candles: Candles) -> list[PredictedSpan]:
    """Predictions of which one is people's too, one has other bounds, one another label, one is new."""
    drawn = [span(candles, "flag", at, at + 9) for at in (10, 40, 70, 130)]
    annotations = [Annotation(s.label, s.start_time, s.end_time, id=str(s.start_time)) for s in drawn]
    looked = ReviewedRange(int(candles.time[0]), int(candles.time[200]), frozenset({"flag", "wedge"}))
    ws.store.annotations.add("EURUSD", "1h", annotations, reviewed=[looked])
    return [
        span(candles, "flag", 10, 19),
        span(candles, "flag", 41, 49),
        span(candles, "wedge", 70, 79),
        span(candles, "flag", 100, 109),
    ]


def found(ws: Workspace, candles: Candles, model: list[PredictedSpan]) -> list[Disagreement]:
    return layer_disagreements(ws, candles, ("human", "model"), predicted=model, labels=("flag", "wedge"))


def test_a_dismissed_difference_is_settled(ws: Workspace, candles: Candles, model) -> None:
    new = [one for one in found(ws, candles, model) if one.kind == "missed_by_human"]
    (verdict,) = decide(ws, new, "dismiss", batch=batch())
    assert (verdict.action, verdict.annotator) == ("dismiss", "ada")
    assert (verdict.prediction.model_version, verdict.prediction.confidence) == ("3", 0.8)
    assert "missed_by_human" not in {one.kind for one in found(ws, candles, model)}
    take_back(ws, [verdict.id], annotator="ada")
    assert "missed_by_human" in {one.kind for one in found(ws, candles, model)}


def test_a_confirmed_difference_becomes_agreement(ws: Workspace, candles: Candles, model) -> None:
    new = [one for one in found(ws, candles, model) if one.kind == "missed_by_human"]
    decide(ws, new, "confirm", batch=batch())
    there = [one for one in found(ws, candles, model) if one.span == model[3]]
    assert [(one.kind, one.verdict) for one in there] == [("agreement", "confirm")]


def test_dismissing_other_bounds_says_that_peoples_are_right(ws: Workspace, candles: Candles, model) -> None:
    moved = [one for one in found(ws, candles, model) if one.kind == "boundary_mismatch"]
    (verdict,) = decide(ws, moved, "dismiss", batch=batch())
    assert verdict.action == "correct"
    assert (verdict.start_time, verdict.end_time) == (int(candles.time[40]), int(candles.time[49]))
    still = {one.kind for one in newest_first(found(ws, candles, model), OPEN)}
    assert "boundary_mismatch" not in still


def test_a_batch_judges_what_has_a_prediction_once_and_is_taken_back_as_a_whole(
    ws: Workspace, candles: Candles, model
) -> None:
    before = newest_first(found(ws, candles, model), OPEN)
    assert {one.kind for one in before if judged_span(one) is None} == {"missed_by_model"}
    reported: list[float] = []
    verdicts = decide(ws, before, "dismiss", batch=batch(), progress=lambda share, _: reported.append(share))
    again = decide(ws, before, "dismiss", batch=batch())
    assert [one.id for one in again] == [one.id for one in verdicts]
    assert (len(verdicts), reported) == (4, [0.25, 0.5, 0.75, 1.0])
    assert len(ws.store.verdicts.list("EURUSD", "1h")) == 4
    take_back(ws, [one.id for one in verdicts], annotator="ada")
    assert newest_first(found(ws, candles, model), OPEN) == before


def test_a_batch_that_says_something_else_is_refused(ws: Workspace, candles: Candles, model) -> None:
    new = [one for one in found(ws, candles, model) if one.kind == "missed_by_human"]
    decide(ws, new, "dismiss", batch=batch())
    with pytest.raises(Conflict, match="other content"):
        decide(ws, new, "confirm", batch=batch())


def test_a_verdict_on_a_change_is_about_the_version_that_says_it(ws: Workspace, candles: Candles) -> None:
    old, new = span(candles, "flag", 10, 19), span(candles, "flag", 60, 69)
    coverage = np.zeros((len(candles), 1), np.float32)
    before, after = (
        SweptSeries(candles, f"run {version}", version, ("flag",), [one], coverage)
        for version, one in (("7", old), ("8", new))
    )
    changes = version_changes(ws, before, after)
    verdicts = decide(ws, changes, "confirm", batch=batch())
    said = {one.prediction.start_time: one.prediction.model_version for one in verdicts}
    assert said == {old.start_time: "7", new.start_time: "8"}


def test_what_only_people_say_can_be_kept_or_skipped_and_not_judged(
    ws: Workspace, candles: Candles, model
) -> None:
    missed = [one for one in found(ws, candles, model) if one.kind == "missed_by_model"]
    assert decide(ws, missed, "confirm", batch=batch()) == []
    (skipped,) = decide(ws, missed, "skip", batch=batch())
    assert (skipped.prediction, skipped.place, skipped.origin) == (None, skipped.span, "disagreement")
    there = [one for one in found(ws, candles, model) if one.kind == "missed_by_model"]
    assert [one.verdict for one in there] == ["skip"]
    take_back(ws, [skipped.id], annotator=None)
    (kept,) = decide(ws, missed, "keep", batch=batch("kept"))
    assert (kept.action, kept.note, kept.place) == ("skip", KEPT, skipped.place)
    take_back(ws, [kept.id], annotator=None)
    assert {one.verdict for one in found(ws, candles, model)} == {None}


def test_what_only_people_say_can_be_removed_and_comes_back_with_an_undo(
    ws: Workspace, candles: Candles, model
) -> None:
    series = {"pair": "EURUSD", "timeframe": "1h", "annotator": "ada"}
    (missed,) = [one for one in found(ws, candles, model) if one.kind == "missed_by_model"]
    removed = remove(ws, missed, **series)
    assert "missed_by_model" not in {one.kind for one in found(ws, candles, model)}
    with pytest.raises(NotFound, match="no such span"):
        remove(ws, missed, **series)
    bring_back(ws, removed)
    again = [one.span for one in found(ws, candles, model) if one.kind == "missed_by_model"]
    assert [(one.label, one.start_time, one.end_time) for one in again] == [
        (missed.span.label, missed.span.start_time, missed.span.end_time)
    ]


def test_a_span_of_peoples_that_a_prediction_meets_is_not_removed(
    ws: Workspace, candles: Candles, model
) -> None:
    (moved,) = [one for one in found(ws, candles, model) if one.kind == "boundary_mismatch"]
    with pytest.raises(NotFound, match="no such span"):
        remove(ws, moved, pair="EURUSD", timeframe="1h", annotator="ada")
