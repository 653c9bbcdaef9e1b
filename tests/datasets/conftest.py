import pytest

from mllib.candles import Candles
from mllib.datasets.facts import Facts
from mllib.spans import Annotation, JudgedPrediction, ReviewedRange, Span
from mllib.training import LabelledSeries
from tests.naive import sample


@pytest.fixture
def candles() -> Candles:
    return sample("EURUSD_1h")[:300]


@pytest.fixture
def facts(candles: Candles) -> Facts:
    """One annotation with everything that an annotation can have, a dismissal, and TA-Lib's span."""
    t = candles.time.tolist()
    judged = JudgedPrediction(
        label="flag", confidence=0.1 + 0.2, model_version="3", start_time=t[40], end_time=t[52]
    )
    full = Annotation(
        "flag", t[10], t[20], id="a", annotator="ann", clarity=4, outcome="win", notes='"quoted", and\nmore',
        sub_spans=(Span("pole", t[10], t[14]),), created_at=1_700_000_000, extra={"k": [1, {"b": None}]},
    )  # fmt: skip
    corrected = Annotation(
        "bear", t[40], t[50], id="c", source="model_corrected", model_prediction=judged, created_at=5
    )
    dismissed = Annotation("O", t[60], t[70], id="d", model_prediction=judged, created_at=6)
    talib = Annotation("bullish_doji", t[5], t[5], id="t", source="talib", extra={"confidence": 1.0})
    reviewed = (
        ReviewedRange(t[0], t[30], frozenset({"flag", "bear"})),
        ReviewedRange(t[60], t[70], frozenset({"flag"})),
    )
    return Facts((full, corrected, dismissed), reviewed, ("d", "c"), (talib,))


@pytest.fixture
def series(candles: Candles, facts: Facts) -> LabelledSeries:
    spans = [one for one in (*facts.talib, *facts.annotations) if one.label != "O"]
    return LabelledSeries(candles, spans, list(facts.reviewed))
