import json

import numpy as np
import pytest

from mllib.evaluation.curves import precision_recall, span_reliability
from mllib.evaluation.spans import HIT, MISS, span_events
from tests import naive
from tests.evaluation.judging import judged, noisy


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_is_that_of_going_cut_by_cut(seed: int) -> None:
    events = span_events([noisy(seed)], "flag")[0.5]
    said = events.kind != MISS
    expected = naive.average_precision(
        events.confidence[said].tolist(), (events.kind[said] == HIT).tolist(), events.counts.true
    )
    curve = precision_recall(events)
    assert curve["average_precision"] == pytest.approx(expected)
    assert curve["recall"] == sorted(curve["recall"])
    assert curve["confidence"] == sorted(curve["confidence"], reverse=True)
    assert curve["recall"][-1] == pytest.approx(events.counts.matched / events.counts.true, abs=1e-4)
    assert len(curve["recall"]) <= 20


def test_without_predictions_the_curve_is_empty_and_without_truth_there_is_no_precision() -> None:
    missed = precision_recall(span_events([judged([], [("flag", 3, 9)])], "flag")[0.5])
    assert (missed["average_precision"], missed["recall"]) == (0.0, [])
    alarm = precision_recall(span_events([judged([("flag", 3, 9, 0.5)], [])], "flag")[0.5])
    assert (alarm["average_precision"], alarm["precision"]) == (None, [0.0])


def test_reliability_sets_confidence_beside_being_right() -> None:
    right = [("flag", i, i + 4, 0.9) for i in range(0, 200, 20)]
    wrong = [("flag", i, i + 4, 0.3) for i in range(300, 500, 20)]
    events = span_events([judged(right + wrong, [one[:3] for one in right])], "flag")[0.5]
    table = span_reliability(events)
    assert table is not None
    assert table["ece"] == pytest.approx((0.1 + 0.3) / 2)
    assert [row["observed"] for row in table["bins"]] == [0.0] * 5 + [1.0] * 5
    assert table["count"] == 20
    assert json.dumps(table)
    assert span_reliability(span_events([judged([], [])], "flag")[0.5]) is None


def test_reliability_counts_every_prediction_once() -> None:
    events = span_events([noisy(3)], "flag")[0.5]
    table = span_reliability(events)
    assert table is not None
    assert sum(row["count"] for row in table["bins"]) == table["count"] == events.counts.predicted
    mean = float(np.nanmean(events.confidence))
    assert sum(row["count"] * row["confidence"] for row in table["bins"]) / table["count"] == pytest.approx(
        mean
    )
