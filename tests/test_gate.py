from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.gate import (
    Check,
    Expectation,
    GateConfig,
    GateVerdict,
    agrees,
    check_calibration,
    check_champion,
    check_span_f1,
    check_truncation,
    check_verdicts,
    check_walk_forward,
    sign_test,
)
from mllib.inference.prediction import predicted
from mllib.rows import Rows
from mllib.spans import PredictedSpan, Span
from tests import naive

CANDLES = naive.walk(1_500, seed=3)
CONFIG = GateConfig()
PAST, FUTURE = 10, 5


@dataclass
class Encoder:
    """A row a bar of two features: of the bars t - 10 … t + 5, and whatever a test puts beside it."""

    leak: Any

    context_bars: int = PAST
    provisional_bars: int = FUTURE
    needed_bars: int = PAST + 1
    reach: tuple[int, int] = (PAST, FUTURE)
    labels: tuple[str, ...] = ("up",)
    feature_columns: tuple[Any, ...] = (SimpleNamespace(name="move"), SimpleNamespace(name="leaky"))

    def propose(self, candles: Candles) -> Rows:
        n, close = len(candles), candles.close
        bars = np.arange(n)
        move = close[np.minimum(bars + FUTURE, n - 1)] - close[np.maximum(bars - PAST, 0)]
        X = np.stack([move, np.broadcast_to(self.leak(candles), n)], axis=1).astype(np.float32)
        return Rows(X, bars, bars, bars + 1, *(candles.time,) * 3, bars)


def _rising(X: np.ndarray) -> np.ndarray:
    return X[:, 0] > 0


@dataclass
class Model:
    """Says `up` wherever the move is positive, or what else a test makes of a row."""

    encoder: Encoder
    score: Any = _rising

    def predict(self, candles: Candles) -> Any:
        up = np.flatnonzero(self.score(self.encoder.propose(candles).X))
        spans = [PredictedSpan("up", int(t), int(t), 0.7, 1) for t in candles.time[up]]
        return predicted(candles, ("up",), spans, np.zeros((len(candles), 1)))


def _truncated(leak: Any, candles: Candles = CANDLES, **how: Any) -> Check:
    return check_truncation(Model(Encoder(leak), **how), [candles], CONFIG)  # type: ignore[arg-type]


def test_an_honest_model_passes_the_truncation_test() -> None:
    check = _truncated(lambda candles: candles.close - candles.open)
    assert check == Check("truncation", True, "Cut at 3 places, no older prediction changed: no look-ahead.")


@pytest.mark.parametrize(
    "leak",
    [
        lambda c: np.append(c.close[6:], np.zeros(6)),
        lambda c: c.close.mean(),
        lambda c: c.close.max(),
        lambda c: np.cumsum(c.close),
        len,
    ],
    ids=["beyond the declared future", "mean of all", "scaled by all", "from the start", "length"],
)
def test_a_feature_that_reads_what_it_does_not_declare_is_found_by_name(leak: Any) -> None:
    check = _truncated(leak)
    assert check.passed is False
    assert "looks into the future" in check.said
    assert "feature leaky differs" in check.said


def test_a_decoder_that_looks_ahead_is_found() -> None:
    check = _truncated(lambda c: c.close * 0, score=lambda X: X[:, 0] > X[:, 0].mean())
    assert check.passed is False
    assert "decoded spans" in check.said


def test_a_series_too_short_to_cut_is_no_finding() -> None:
    assert _truncated(lambda c: c.close.mean(), CANDLES[:200]).passed is None
    off = GateConfig(truncation_cuts=0)
    model = Model(Encoder(lambda c: c.close.mean()))
    assert check_truncation(model, [CANDLES], off).passed is None  # type: ignore[arg-type]


def _metrics(micro: float, ece: float | None = 0.01) -> dict[str, Any]:
    pooled = None if ece is None else {"ece": ece}
    per_label = {"flag": micro / 2}
    return {
        "span_f1": {"0.5": {"micro": micro, "per_label": per_label}},
        "span_support": {"flag": 9},
        "calibration": {"test": {"after": {"pooled": pooled}}},
    }


def test_floors_and_ceilings_include_themselves() -> None:
    assert check_span_f1(_metrics(0.2), CONFIG).passed is True
    assert check_span_f1(_metrics(0.19), CONFIG).said == (
        "Span F1 on the test is 0.190, below the floor of 0.2."
    )
    assert check_calibration(_metrics(1, 0.1), CONFIG).passed is True
    assert "above the ceiling of 0.1" in check_calibration(_metrics(1, 0.11), CONFIG).said
    assert check_calibration(_metrics(1, None), CONFIG).passed is None
    assert check_walk_forward([], CONFIG).passed is None
    assert check_walk_forward([0.1, 0.2], CONFIG).passed is True
    assert "0.100 on average (0.000, 0.200), below" in check_walk_forward([0.0, 0.2], CONFIG).said


def test_a_test_without_any_span_is_no_pass_and_no_bad_score() -> None:
    check = check_span_f1(_metrics(0.0) | {"span_support": {"flag": 0, "wedge": 0}}, CONFIG)
    assert check.passed is False
    assert "The test holds no span of any label" in check.said


def test_a_label_may_have_a_floor_of_its_own() -> None:
    floors = GateConfig(least_span_f1_of={"flag": 0.3, "wedge": 0.1})
    said = check_span_f1(_metrics(0.5), floors)
    assert said.passed is False
    assert "That of flag is 0.250, below its floor of 0.3. That of wedge is not learned, below" in said.said
    assert check_span_f1(_metrics(0.6), GateConfig(least_span_f1_of={"flag": 0.3})).passed is True


def _beside(low: float, high: float, **more: Any) -> dict[str, Any]:
    beside = {"own_span_f1": 0.3, "span_f1": 0.6, "in_sample": False, "difference_interval": [low, high]}
    return {"baseline": {"champion": beside | more}}


def test_a_model_that_is_reliably_worse_than_the_champion_is_refused() -> None:
    worse = check_champion(_beside(-0.4, -0.06), CONFIG)
    assert worse.passed is False
    assert (
        "0.300, the champion's 0.600: worse by more than the 0.05 that may be lost (95 %: -0.4" in worse.said
    )
    assert check_champion(_beside(-0.4, -0.05), CONFIG).passed is True
    assert check_champion(_beside(-0.4, -0.06), GateConfig(most_span_f1_loss=0.1)).passed is True


def test_a_loss_on_peoples_labels_is_not_hidden_by_talibs() -> None:
    people = {"labels": ["flag"], "own_span_f1": 0.2, "span_f1": 0.6, "difference_interval": [-0.5, -0.2]}
    found = check_champion(_beside(-0.009, -0.003, people=people), CONFIG)
    assert found.passed is False
    assert "0.600: worse, by less than the 0.05 that may be lost (95 %: -0.009 to -0.003)." in found.said
    assert (
        "Over 1 label that TA-Lib has no function for it is 0.200, the champion's 0.600: worse" in found.said
    )
    people["difference_interval"] = [-0.5, 0.1]
    assert check_champion(_beside(-0.009, -0.003, people=people), CONFIG).passed is True


def test_a_champion_that_knows_the_test_or_is_not_there_is_no_measure() -> None:
    seen = check_champion(_beside(-0.4, -0.3, in_sample=True), CONFIG)
    assert (seen.passed, "has learned from some of it" in seen.said) == (None, True)
    short = check_champion(_beside(0, 0, difference_interval=None), CONFIG)
    assert (short.passed, "too short to tell" in short.said) == (None, True)
    none = check_champion({"baseline": {"champion": {"skipped": "there was no champion"}}}, CONFIG)
    assert (none.passed, none.said) == (None, "Not compared on the test: there was no champion")


def _span(label: str, first: int, last: int) -> PredictedSpan:
    return PredictedSpan(label, int(CANDLES.time[first]), int(CANDLES.time[last]), 0.8, last - first + 1)


def test_a_model_agrees_with_a_verdict_by_what_it_predicts_there() -> None:
    there, near, far = _span("flag", 10, 19), _span("flag", 12, 20), _span("flag", 16, 30)
    wanted = Expectation(Span("flag", there.start_time, there.end_time), None)
    assert agrees(wanted, [near], CANDLES)
    assert not agrees(wanted, [far], CANDLES)
    assert not agrees(wanted, [replace(near, label="wedge")], CANDLES)
    assert not agrees(wanted, [], CANDLES)
    refused = Expectation(None, there)
    assert not agrees(refused, [near], CANDLES)
    assert agrees(refused, [far, replace(near, label="wedge")], CANDLES)


def test_few_verdicts_decide_nothing_and_noise_neither() -> None:
    assert check_verdicts([False] * 9, [True] * 9, CONFIG).passed is None
    even = check_verdicts([True, False] * 10, [False, True] * 10, CONFIG)
    assert even.passed is True
    assert "10 gained, 10 lost, not reliably worse" in even.said
    slightly = check_verdicts([False] * 4 + [True] * 16, [True] * 20, CONFIG)
    assert (slightly.passed, "p = 0.062" in slightly.said) == (True, True)
    worse = check_verdicts([False] * 5 + [True] * 15, [True] * 20, CONFIG)
    assert (worse.passed, "agrees with 15 and the champion with 20" in worse.said) == (False, True)
    assert check_verdicts([False] * 20, [True] * 20, GateConfig(least_verdicts=0)).passed is None


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (3, 1), (8, 2), (2, 8), (30, 30)])
def test_the_sign_test_is_the_binomial_one(lost: int, gained: int) -> None:
    from scipy.stats import binomtest

    n = lost + gained
    expected = binomtest(lost, n, 0.5, alternative="greater").pvalue if n else 1.0
    assert sign_test(lost, gained) == pytest.approx(expected)


def test_one_failed_check_refuses_and_says_why() -> None:
    good, bad, open_ = Check("a", True, "Good."), Check("b", False, "Bad."), Check("c", None, "Unknown.")
    assert GateVerdict((good, open_)).passed
    refused = GateVerdict((good, bad, open_, replace(bad, said="Worse.")))
    assert (refused.passed, refused.reason) == (False, "Bad. Worse.")
    assert refused.to_dict()["checks"][1] == {"name": "b", "passed": False, "said": "Bad."}
