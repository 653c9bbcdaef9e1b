from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.evaluation import BootstrapConfig, Judged, evaluate
from mllib.inference import Prediction, TrainedRange
from mllib.inference.prediction import predicted
from mllib.patterns import detect
from mllib.spans import PredictedSpan, ReviewedRange
from tests import naive
from tests.evaluation.judging import LABELS, LONG, Found, judged

CONFIG = BootstrapConfig(block_bars=100, resamples=50)
TRUTH = [("flag", i, i + 4) for i in range(5, 1_190, 20)]


@dataclass
class Rival:
    """A model that finds given spans."""

    found: list[Found]
    labels: tuple[str, ...] = LABELS
    trained_on: tuple[TrainedRange, ...] = ()
    asked: list[Candles] = field(default_factory=list)
    info: Any = field(default_factory=lambda: SimpleNamespace(run_id="old", model_version="3"))

    @property
    def encoder(self) -> Any:
        return SimpleNamespace(labels=self.labels, context_bars=30, provisional_bars=20, needed_bars=21)

    def predict(self, candles: Candles) -> Prediction:
        self.asked.append(candles)
        time = LONG.time.tolist()
        there = set(candles.time.tolist())
        spans = [
            PredictedSpan(label, time[a], time[b], p, b - a + 1)
            for label, a, b, p in self.found
            if time[a] in there and time[b] in there
        ]
        return predicted(candles, self.labels, spans, np.zeros((len(candles), len(self.labels))))


def _beside(rival: Rival, part: Judged, labels: tuple[str, ...] = LABELS) -> dict[str, Any]:
    metrics = evaluate([part], labels, champion=rival, bootstrap=CONFIG)  # type: ignore[arg-type]
    found: dict[str, Any] = metrics["baseline"]["champion"]
    return found


def test_the_champion_is_compared_on_the_same_bars_and_labels() -> None:
    part = judged([(*one, 0.8) for one in TRUTH[::2]] + [("doji", 3, 3, 0.9)], [*TRUTH, ("doji", 3, 3)])
    beside = _beside(Rival([(*one, 0.8) for one in TRUTH[:20]], labels=("flag",)), part)
    assert (beside["run_id"], beside["model_version"], beside["labels"]) == ("old", "3", ["flag"])
    assert beside["own_span_f1"] == pytest.approx(2 * 30 / 90)
    assert beside["span_f1"] == pytest.approx(2 * 20 / 80)
    assert beside["difference"] == pytest.approx(beside["own_span_f1"] - beside["span_f1"])
    low, high = beside["difference_interval"]
    assert low < beside["difference"] < high
    assert beside["in_sample"] is False


def test_labels_of_people_are_compared_apart_where_talib_has_others() -> None:
    labels = ("flag", "bullish_doji")
    dojis = [("bullish_doji", bar, bar) for bar in range(5, 805, 4)]
    part = judged([(*one, 0.8) for one in dojis], [*TRUTH, *dojis], labels=labels)
    rival = Rival([(*one, 0.8) for one in [*TRUTH, *dojis]], labels=labels)
    beside = _beside(rival, part, labels)
    assert beside["own_span_f1"] > 0.7
    assert beside["people"]["labels"] == ["flag"]
    assert (beside["people"]["own_span_f1"], beside["people"]["span_f1"]) == (0.0, 1.0)
    assert beside["people"]["difference_interval"] == [-1.0, -1.0]
    assert "people" not in _beside(rival, judged([], TRUTH, labels=labels), ("flag",))


def test_against_itself_a_model_differs_by_nothing_in_every_draw() -> None:
    found = [(*one, 0.8) for one in TRUTH[::2]]
    assert _beside(Rival(found), judged(found, TRUTH))["difference_interval"] == [0.0, 0.0]


def test_only_as_much_of_the_series_is_predicted_as_the_block_needs() -> None:
    rival = Rival([])
    counts = np.zeros(len(LONG), bool)
    counts[600:700] = True
    found = _beside(rival, judged([], TRUTH, counts=counts))
    (asked,) = rival.asked
    assert (asked.time[0], len(asked)) == (LONG.time[570], 30 + 100 + 21)
    assert found["span_f1"] == 0.0


def test_a_champion_that_has_seen_the_test_is_said_to_be_in_sample() -> None:
    seen = TrainedRange("WALK", "1h", int(LONG.time[0]), int(LONG.time[500]))
    assert _beside(Rival([], trained_on=(seen,)), judged([], TRUTH))["in_sample"] is True
    later = np.arange(len(LONG)) > 500
    assert _beside(Rival([], trained_on=(seen,)), judged([], TRUTH, counts=later))["in_sample"] is False
    other = replace(seen, pair="OTHER")
    assert _beside(Rival([], trained_on=(other,)), judged([], TRUTH))["in_sample"] is False


def test_a_champion_that_knows_none_of_the_labels_is_skipped_with_the_reason() -> None:
    beside = _beside(Rival([], labels=("star",)), judged([], TRUTH))
    said = beside["skipped"]
    assert (said, beside["labels_lost"]) == ("the champion knows none of these labels", ["star"])


def test_the_rules_find_their_own_patterns_and_nothing_else() -> None:
    candles = naive.sample("EURUSD_1h")[:1_200]
    truth = detect(candles, ["CDLENGULFING"])["CDLENGULFING"]
    labels = ("bearish_engulfing", "bullish_engulfing", "flag")
    everywhere = ReviewedRange(int(candles.time[0]), int(candles.time[-1]), frozenset(labels))
    part = Judged(
        predicted(candles, labels, [], np.zeros((len(candles), 3))), truth, [everywhere], np.ones(1_200, bool)
    )
    beside = evaluate([part], labels, bootstrap=CONFIG)["baseline"]["talib"]
    assert beside["labels"] == ["bearish_engulfing", "bullish_engulfing"]
    assert (beside["span_f1"], beside["own_span_f1"], beside["difference"]) == (1.0, 0.0, -1.0)
    assert beside["difference_interval"] == [-1.0, -1.0]
    nothing = evaluate([part], ["flag"], bootstrap=CONFIG)["baseline"]
    assert "no function" in nothing["talib"]["skipped"]
    assert "no champion" in nothing["champion"]["skipped"]
