from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.pipeline import verdict_history
from mllib.pipeline.agreeing import adjudicate
from mllib.pipeline.review import record_verdict
from mllib.pipeline.verdict_history import WeekScore, outcome
from mllib.pipeline.workspace import Workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback, Verdict, verdicts

MONDAY = 1_793_577_600  # 2026-11-02
VERDICT = Verdict(
    id="v",
    client_id="c",
    pair="EURUSD",
    timeframe="1h",
    action="correct",
    prediction=JudgedPrediction(label="flag", start_time=0, end_time=9 * 3_600),
    label="flag",
    start_time=0,
    end_time=9 * 3_600,
    annotator=None,
    note=None,
    annotation_id="a",
    created_at=MONDAY,
)


def _say(ws: Workspace, candles: Candles, action: Any, first: int, at: int = MONDAY, **more: Any) -> Verdict:
    bounds = {"start_time": int(candles.time[first]), "end_time": int(candles.time[first + 9])}
    judged = JudgedPrediction(
        label="flag",
        confidence=more.pop("confidence", 0.8),
        model_version=more.pop("model_version", "3"),
        **bounds,
    )
    feedback = Feedback(
        client_id=f"{action} {first} {at} {more.get('annotator')}",
        pair="EURUSD",
        timeframe="1h",
        action=action,
        prediction=judged,
        **more,
    )
    if action == "add":
        feedback = replace(feedback, prediction=None, label="flag", model_version="3", **bounds)
    if action == "nothing":
        feedback = replace(feedback, prediction=None, labels=("flag",), model_version="3", **bounds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdicts, "now_s", lambda: at)
        return record_verdict(ws, feedback)[0]


def _history(ws: Workspace, **asked: Any) -> list[WeekScore]:
    return verdict_history.verdict_history(ws, **asked)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"action": "confirm"}, "hit"),
        ({"action": "dismiss", "label": "O"}, "false_alarm"),
        ({"action": "add", "prediction": None}, "miss"),
        ({"action": "nothing", "prediction": None, "label": "O"}, "nothing"),
        ({"label": "wedge"}, "both"),
        ({"end_time": 4 * 3_600}, "hit"),
        ({"end_time": 3 * 3_600}, "both"),
    ],
)
def test_each_verdict_says_what_the_prediction_was(changes: dict[str, Any], expected: str) -> None:
    judged = replace(VERDICT, **changes)
    assert outcome(judged, None) == expected
    assert outcome(judged, np.arange(0, 100 * 3_600, 3_600, dtype=np.int64)) == expected


def test_bounds_are_compared_in_stored_candles() -> None:
    """Over a gap of a weekend, five of six candles are left; in hours it would be three of fifty."""
    time = np.array([0, 3_600, 7_200, 10_800, 14_400, 180_000], np.int64)
    judged = JudgedPrediction(label="flag", start_time=0, end_time=180_000)
    shorter = replace(VERDICT, prediction=judged, end_time=14_400)
    assert (outcome(shorter, time), outcome(shorter, None)) == ("hit", "both")


def test_a_week_counts_hits_false_alarms_and_misses(ws: Workspace, candles: Candles) -> None:
    for n, action in enumerate(["confirm"] * 6 + ["dismiss"] * 2 + ["add"]):
        _say(ws, candles, action, 20 * n)
    _say(ws, candles, "correct", 200, label="wedge")
    _say(ws, candles, "skip", 220)
    (week,) = _history(ws)
    assert (week.week, week.model_version, week.slice, week.verdicts) == (MONDAY, "3", "queue", 10)
    assert (week.hits, week.false_alarms, week.misses) == (6, 3, 2)
    assert week.span_f1 == pytest.approx(12 / 17)
    assert week.actions == {"confirm": 6, "dismiss": 2, "add": 1, "correct": 1}
    assert week.span_f1_interval is not None
    assert 0 < week.span_f1_interval[0] < 12 / 17 < week.span_f1_interval[1] < 1
    assert (week.predictions, week.confirmed, week.mean_confidence) == (9, 6 / 9, pytest.approx(0.8))
    assert week.ece == pytest.approx(0.8 - 6 / 9)


def test_a_place_where_nothing_is_missing_is_counted_and_moves_no_score(
    ws: Workspace, candles: Candles
) -> None:
    _say(ws, candles, "nothing", 200, origin="audit")
    (week,) = _history(ws)
    assert (week.slice, week.verdicts, week.actions) == ("audit", 1, {"nothing": 1})
    assert (week.hits, week.false_alarms, week.misses, week.predictions) == (0, 0, 0, 0)
    assert (week.span_f1, week.span_f1_interval, week.confirmed) == (None, None, None)
    for n, action in enumerate(["confirm", "confirm", "add", "dismiss"]):
        _say(ws, candles, action, 20 * n, origin="audit")
    (week,) = _history(ws)
    _say(ws, candles, "nothing", 180, origin="audit")
    (after,) = _history(ws)
    assert after == replace(week, verdicts=6, actions={**week.actions, "nothing": 2})


def test_calibration_compares_confidence_with_the_share_that_was_right(
    ws: Workspace, candles: Candles
) -> None:
    for n in range(10):
        _say(ws, candles, "confirm" if n < 4 else "dismiss", 12 * n, confidence=0.9)
    (week,) = _history(ws)
    assert (week.mean_confidence, week.ece) == (pytest.approx(0.9), pytest.approx(0.5))
    # Wilson's interval of 4 in 10, from Brown, Cai and DasGupta (2001).
    assert week.confirmed_interval == pytest.approx((0.168, 0.687), abs=1e-3)
    for n in range(10):
        _say(ws, candles, "confirm", 140 + 12 * n, confidence=0.6)
    (week,) = _history(ws)
    assert week.ece == pytest.approx((0.5 + 0.4) / 2)


def test_weeks_versions_and_the_audit_slice_stand_apart(ws: Workspace, candles: Candles) -> None:
    _say(ws, candles, "confirm", 0, MONDAY - 1)
    _say(ws, candles, "confirm", 20, MONDAY)
    _say(ws, candles, "dismiss", 40, MONDAY + 7 * 86_400 - 1)
    _say(ws, candles, "confirm", 60, MONDAY, model_version="10")
    _say(ws, candles, "dismiss", 80, MONDAY, origin="audit")
    assert [(one.week, one.model_version, one.slice, one.verdicts) for one in _history(ws)] == [
        (MONDAY - 7 * 86_400, "3", "queue", 1),
        (MONDAY, "3", "audit", 1),
        (MONDAY, "3", "queue", 2),
        (MONDAY, "10", "queue", 1),
    ]


def test_the_newest_word_of_an_annotator_and_what_settled_others_count(
    ws: Workspace, candles: Candles
) -> None:
    _say(ws, candles, "dismiss", 0, annotator="ann")
    ann = _say(ws, candles, "confirm", 0, annotator="ann")
    assert [(one.hits, one.false_alarms) for one in _history(ws)] == [(1, 0)]
    ben = _say(ws, candles, "dismiss", 0, annotator="ben")
    assert [(one.hits, one.false_alarms) for one in _history(ws)] == [(1, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdicts, "now_s", lambda: MONDAY)
        adjudicate(ws, ann.id, [ben.id], client_id="third", annotator="cleo")
    weeks = _history(ws)
    assert [(one.hits, one.false_alarms) for one in weeks] == [(1, 0)]
    assert _history(ws, pair="GBPUSD") == _history(ws, timeframe="1d") == []


def test_a_single_verdict_has_no_interval_of_its_f1(ws: Workspace, candles: Candles) -> None:
    _say(ws, candles, "add", 0)
    (week,) = _history(ws)
    assert (week.span_f1, week.span_f1_interval, week.confirmed, week.ece) == (0.0, None, None, None)
