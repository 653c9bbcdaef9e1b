import numpy as np
import pytest

from mllib.evaluation.spans import HIT, IOUS, boundary_distribution, boundary_error, span_events, span_f1
from tests import naive
from tests.evaluation.judging import LABELS, judged, noisy


@pytest.mark.parametrize("seed", range(6))
def test_hits_and_their_errors_are_those_of_matching_one_by_one(seed: int) -> None:
    part = noisy(seed)
    for label in LABELS:
        events = span_events([part], label)
        bounds = [
            [
                (min(b), max(b) + 1)
                for s in spans
                if s.label == label and (b := naive.bars_of(s, part.candles))
            ]
            for spans in (part.prediction.spans, part.truth)
        ]
        for iou in IOUS:
            pairs = naive.match(*bounds, iou)
            errors = sorted(
                (bounds[0][i][0] - bounds[1][j][0], bounds[0][i][1] - bounds[1][j][1]) for i, j in pairs
            )
            hit = events[iou].kind == HIT
            found = zip(
                events[iou].start_error[hit].tolist(), events[iou].end_error[hit].tolist(), strict=True
            )
            assert sorted(found) == errors
            assert events[iou].counts.true == len(bounds[1])
            assert events[iou].counts.predicted == len(bounds[0])


def test_a_boundary_error_is_signed_and_absolute() -> None:
    part = judged([("flag", 9, 21, 0.9), ("flag", 52, 61, 0.8)], [("flag", 10, 20), ("flag", 50, 60)])
    assert boundary_error(span_events([part], "flag")[0.5]) == {
        "start_mean": 0.5,
        "start_mean_absolute": 1.5,
        "end_mean": 1.0,
        "end_mean_absolute": 1.0,
    }
    assert boundary_error(span_events([part], "doji")[0.5]) is None


def test_a_supported_macro_leaves_out_labels_with_fewer_than_ten_spans() -> None:
    many = [("flag", i, i + 4) for i in range(0, 100, 10)]
    part = judged([(*one, 0.5) for one in many[:5]], [*many, ("doji", 3, 3)])
    counts = {label: span_events([part], label)[0.5].counts for label in LABELS}
    scores = span_f1(counts)
    assert scores["macro_supported"] == pytest.approx(2 / 3)
    assert scores["macro"] == pytest.approx(1 / 3)
    assert span_f1({})["macro_supported"] is None


def test_several_series_are_joined() -> None:
    one, two = noisy(1), noisy(2)
    alone = [span_events([part], "flag")[0.5].counts for part in (one, two)]
    both = span_events([one, two], "flag")[0.5].counts
    assert both.true == sum(c.true for c in alone)
    assert both.matched == sum(c.matched for c in alone)
    assert np.isfinite(span_events([one, two], "flag")[0.5].time).all()


def test_bounds_are_counted_by_how_far_they_are_off() -> None:
    predicted = [("flag", 9, 21, 0.9), ("flag", 52, 61, 0.8), ("flag", 110, 180, 0.8)]
    part = judged(predicted, [("flag", 10, 20), ("flag", 50, 60), ("flag", 140, 180)])
    found = boundary_distribution(span_events([part], "flag")[0.5])
    assert found is not None
    assert found["count"] == 3
    assert found["start"]["median"] == -1
    assert found["start"]["counts"][0] == 1, "30 bars early counts with all that are 20 or more"
    assert (found["start"]["counts"][19], found["start"]["counts"][22]) == (1, 1)
    assert (sum(found["end"]["counts"]), found["end"]["counts"][20], found["end"]["counts"][21]) == (3, 1, 2)
    assert boundary_distribution(span_events([part], "doji")[0.5]) is None
