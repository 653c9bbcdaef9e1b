import numpy as np
import pytest

from mllib.encoders import EncodingConfig
from mllib.explaining import explain
from mllib.features import ContextConfig
from mllib.inference import Predictor
from mllib.models import MODEL_NAMES
from mllib.patterns import detect
from mllib.spans import ReviewedRange, Span
from mllib.training import LabelledSeries, TrainingConfig, train
from tests.naive import sample

CANDLES = sample("EURUSD_1h")[:1_500]


@pytest.fixture(scope="module", params=MODEL_NAMES)
def trained(request: pytest.FixtureRequest) -> Predictor:
    boxes = [
        Span("box", int(CANDLES.time[i]), int(CANDLES.time[i + 7 + i % 5])) for i in range(30, 1_450, 30)
    ]
    spans = [*detect(CANDLES, ["CDLDOJI"])["CDLDOJI"], *boxes]
    everywhere = ReviewedRange(
        int(CANDLES.time[0]), int(CANDLES.time[-1]), frozenset({"box", "bullish_doji", "bearish_doji"})
    )
    return train(
        [LabelledSeries(CANDLES, spans, [everywhere])],
        run_id="r",
        encoder_name="bio",
        context=ContextConfig(past_bars=20, future_bars=10),
        encoding=EncodingConfig(),
        config=TrainingConfig(model_type=request.param, hyperparameters={"n_estimators": 20, "n_jobs": 1}),
        progress=lambda *_: None,
    )


def test_a_doji_is_explained_by_its_body(trained: Predictor) -> None:
    found = [s for s in trained.predict(CANDLES).spans if s.label == "bullish_doji"][5]
    explanation = explain(trained, CANDLES, found)
    weights = [reason.weight for reason in explanation.reasons]
    assert [abs(w) for w in weights] == sorted((abs(w) for w in weights), reverse=True)
    assert "its first candle" in explanation.reasons[0].words
    assert explanation.reasons[0].weight > 0
    assert 0 < sum(reason.share for reason in explanation.reasons) <= 1 + 1e-9


def test_reasons_add_up_to_the_score(trained: Predictor) -> None:
    found = [s for s in trained.predict(CANDLES).spans if s.label == "bullish_doji"][3]
    everything = explain(trained, CANDLES, found, most=10_000)
    total = everything.baseline + sum(reason.weight for reason in everything.reasons)
    assert total == pytest.approx(everything.score, abs=1e-4)
    assert sum(reason.share for reason in everything.reasons) == pytest.approx(1)


def test_a_span_is_explained_alike_on_a_slice_of_the_series(trained: Predictor) -> None:
    found = trained.predict(CANDLES).spans[-40]
    at = int(np.searchsorted(CANDLES.time, found.start_time))
    part = CANDLES[at - 100 : at + 100]
    whole, sliced = explain(trained, CANDLES, found), explain(trained, part, found)
    assert [r.words for r in whole.reasons] == [r.words for r in sliced.reasons]
    assert sliced.to_dict()["score"] == pytest.approx(whole.to_dict()["score"], abs=1e-5)


def test_a_long_span_is_asked_along_its_candles(trained: Predictor) -> None:
    boxes = [s for s in trained.predict(CANDLES).spans if s.label == "box"]
    for box in boxes[:1]:
        assert len(explain(trained, CANDLES, box).reasons) == 6
