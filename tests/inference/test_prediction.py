"""A prediction under other names of its labels."""

import numpy as np

from mllib.candles import Candles
from mllib.inference.prediction import Prediction, predicted
from mllib.spans import PredictedSpan

ONE = np.ones(8)
CANDLES = Candles("EURUSD", "1h", 3600 * np.arange(8), ONE, ONE, ONE, ONE)


def _prediction() -> Prediction:
    def span(label: str, first: int, last: int, confidence: float) -> PredictedSpan:
        return PredictedSpan(label, 3600 * first, 3600 * last, confidence, last - first + 1)

    spans = [span("flag", 0, 3, 0.6), span("pennant", 0, 4, 0.8), span("wedge", 5, 6, 0.7)]
    coverage = np.tile([0.6, 0.8, 0.7], (8, 1))
    return predicted(CANDLES, ("flag", "pennant", "wedge"), spans, coverage)


def test_present_names_that_are_those_of_training_change_nothing() -> None:
    prediction = _prediction()
    assert prediction.under({name: name for name in prediction.names[1:]}) is prediction


def test_of_labels_that_became_one_the_more_confident_span_stays() -> None:
    merged = _prediction().under({"flag": "flag", "pennant": "flag", "wedge": "wedge"})
    assert merged.names == ("O", "flag", "wedge")
    assert [(s.label, s.avg_confidence) for s in merged.spans] == [("flag", 0.8), ("wedge", 0.7)]
    assert merged.coverage.tolist() == [[0.8, 0.7]] * 8
    assert merged.labels()[:6] == ["flag"] * 5 + ["wedge"]


def test_a_retired_label_is_left_out() -> None:
    left = _prediction().under({"wedge": "rising_wedge"})
    assert left.names == ("O", "rising_wedge")
    assert [s.label for s in left.spans] == ["rising_wedge"]
    assert left.labels()[0] == "O"
