from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.inference.prediction import Prediction, predicted
from mllib.pipeline.judging import Said, deliver
from mllib.pipeline.places import in_order_of_time, place_of, window_around
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import JudgedPrediction, PredictedSpan, Span
from mllib.store import Feedback
from tests.waves import at, wave

BARS = 600


def span(first: int, last: int, confidence: float = 0.9, label: str = "bull_flag") -> PredictedSpan:
    return PredictedSpan(label, at(first), at(last), confidence, last - first + 1)


class SeesFlags:
    """A model that sees a flag over 300 to 319 once it knows the bar 321, and before that a shorter one."""

    encoder = SimpleNamespace(
        labels=("bull_flag",), context_bars=400, provisional_bars=0, needed_bars=1, fingerprint=lambda: "f"
    )
    info = SimpleNamespace(model_version="1", run_id="r", trained_at=0)
    labels = ("bull_flag",)
    trained_on = ()
    present = None

    def predict(self, candles: Candles) -> Prediction:
        knows_later = bool(candles.time[-1] >= at(321))
        found = [span(300, 319)] if knows_later else [span(300, 316, 0.6)]
        return predicted(candles, self.labels, found, np.zeros((len(candles), 1)))


class SeesNothingEarly(SeesFlags):
    """A model that sees the flag only once it knows the bar 321."""

    def predict(self, candles: Candles) -> Prediction:
        found = [span(300, 319)] if candles.time[-1] >= at(321) else []
        return predicted(candles, self.labels, found, np.zeros((len(candles), 1)))


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path) as opened:
        opened.candles.merge(wave(BARS))
        yield opened


def shown(ws, model, asked, **how):
    series = {"pair": "EURUSD", "timeframe": "1h"}
    return place_of(ws, StoredCandles(ws), model, span=asked, **series, **how)


def test_a_place_lies_in_the_middle_of_its_window(ws) -> None:
    place = shown(ws, SeesFlags(), span(300, 319))
    assert len(place.window.candles) == 160
    first, last = place.window.first_bar, place.window.first_bar + 159
    assert abs((first + last) / 2 - 309.5) <= 1
    assert (place.span, place.as_of, place.peeked) == (span(300, 319), None, False)


def test_a_long_span_gets_a_wider_window(ws) -> None:
    assert len(shown(ws, None, span(200, 299)).window.candles) == 300
    assert len(shown(ws, None, span(0, BARS - 1)).window.candles) == BARS


@pytest.mark.parametrize("bar", [0, 3, 300, BARS - 1])
def test_the_window_never_leaves_the_series(ws, bar) -> None:
    history = StoredCandles(ws).read("EURUSD", "1h")
    first, length = window_around(Span("", at(bar), at(bar)), history, bars=160)
    assert first >= 0
    assert first <= bar < first + length <= BARS


def test_a_span_that_is_no_prediction_only_says_where_to_look(ws) -> None:
    place = shown(ws, SeesFlags(), Span("", at(310), at(310)), hidden_after=True)
    assert (place.span, place.as_of) == (None, None)
    assert [p.label for p in place.window.predictions] == ["bull_flag"]
    assert place.verdicts == []


def test_with_later_candles_hidden_the_model_does_not_know_them_either(ws) -> None:
    place = shown(ws, SeesFlags(), span(300, 319), hidden_after=True)
    assert place.as_of == int(place.window.candles.time[-1]) == at(319)
    assert (place.span, place.peeked) == (span(300, 316, 0.6), False)


def test_a_prediction_that_only_later_candles_make_says_so(ws) -> None:
    place = shown(ws, SeesNothingEarly(), span(300, 319), hidden_after=True)
    assert (place.span, place.peeked) == (span(300, 319), True)


def test_verdicts_on_nearly_the_same_candles_are_about_the_place(ws) -> None:
    for n, (first, last) in enumerate([(300, 319), (302, 321), (100, 119), (315, 334)]):
        judged = JudgedPrediction(
            label="bull_flag", start_time=at(first), end_time=at(last), model_version="1"
        )
        feedback = Feedback(
            client_id=f"{n}",
            pair="EURUSD",
            timeframe="1h",
            action="confirm",
            prediction=judged,
            annotator=f"person {n}",
        )
        deliver(ws, Said(feedback=feedback))
    place = shown(ws, SeesFlags(), span(300, 319))
    assert {v.annotator for v in place.verdicts} == {"person 0", "person 1"}


def test_predictions_are_taken_in_order_of_time_from_a_place_on() -> None:
    spans = [span(n, n + 4, 0.5 + n / 1_000) for n in range(0, 400, 10)][::-1]
    near, total, first = in_order_of_time(spans, at=at(200), threshold=0.6, labels=["bull_flag"], around=3)
    assert total == 30
    assert [one.start_time for one in near] == [at(n) for n in (170, 180, 190, 200, 210, 220)]
    assert first == 7
    none = in_order_of_time(spans, at=at(200), threshold=0.6, labels=["wedge"], around=3)
    assert none == ([], 0, 0)


def test_the_predictions_of_a_kept_sweep_are_those_of_the_window(ws, monkeypatch) -> None:
    computed = shown(ws, SeesFlags(), span(300, 319)).window
    swept = SimpleNamespace(spans=[span(10, 20), span(300, 319), span(500, 520)])
    monkeypatch.setattr("mllib.pipeline.places.swept", lambda *_, **__: swept)
    read = shown(ws, SeesFlags(), span(300, 319)).window
    assert read.predictions == computed.predictions == [span(300, 319)]
    assert replace(read, predictions=[]).people == computed.people
