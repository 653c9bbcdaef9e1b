from dataclasses import replace
from functools import lru_cache
from typing import cast

import numpy as np
import pytest

from mllib.encoders import EncodingConfig
from mllib.encoders.combined import CombinedEncoder
from mllib.explaining import explain
from mllib.feature_words import feature_group
from mllib.features import ContextConfig
from mllib.inference import Predictor
from mllib.patterns import detect
from mllib.spans import ReviewedRange, Span, positions
from mllib.training import LabelledSeries, TrainingConfig, train
from tests.fitted import TREES
from tests.hills import hills_of
from tests.naive import sample

CANDLES = sample("EURUSD_1h")[:1_500]


@pytest.fixture(scope="module", params=[(m, e) for m in TREES for e in ("bio", "combined")], ids="-".join)
def trained(request: pytest.FixtureRequest) -> Predictor:
    model_type, encoder_name = request.param
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
        encoder_name=encoder_name,
        context=ContextConfig(past_bars=20, future_bars=10),
        encoding=EncodingConfig(),
        config=TrainingConfig(
            model_type=model_type, hyperparameters={"n_estimators": 20, "n_jobs": 1}, validation_folds=0
        ),
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


def test_a_label_that_was_renamed_or_merged_since_is_explained_as_before(trained: Predictor) -> None:
    found = [s for s in trained.predict(CANDLES).spans if s.label == "bullish_doji"][5]
    before = explain(trained, CANDLES, found)
    now = {label: label for label in trained.labels} | {"bullish_doji": "small"}
    after = explain(trained.under(now), CANDLES, replace(found, label="small"))
    assert (after.reasons, after.score) == (before.reasons, before.score)
    merged = trained.under(now | {"box": "small"})
    assert explain(merged, CANDLES, replace(found, label="small")).score >= before.score
    own = [trained.provisional_bars_of(label) for label in ("bullish_doji", "box")]
    assert merged.provisional_bars_of("small") == max(own)


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


@lru_cache
def _combined(model_type: str, by: str) -> Predictor:
    """Of dojis, and of hills that are decoded by the one part or the other."""
    hills = hills_of(1_200)
    dojis = detect(hills.candles, ["CDLDOJI"])["CDLDOJI"]
    labels = frozenset({"hill", "bullish_doji", "bearish_doji"})
    trained = train(
        [LabelledSeries(hills.candles, [*hills.spans, *dojis], [ReviewedRange(0, 2**40, labels)])],
        run_id="r",
        encoder_name="combined",
        context=ContextConfig(past_bars=20, future_bars=10),
        encoding=EncodingConfig(),
        config=TrainingConfig(
            model_type=model_type, hyperparameters={"n_estimators": 20, "n_jobs": 1}, validation_folds=0
        ),
        progress=lambda *_: None,
    )
    encoder = cast("CombinedEncoder", trained.encoder)
    decoded_by = tuple(by if label == "hill" else "bio" for label in encoder.labels)
    return replace(trained, encoder=replace(encoder, decoded_by=decoded_by))


@pytest.mark.parametrize("label", ["bullish_doji", "hill"])
@pytest.mark.parametrize("by", ["bio", "window"])
@pytest.mark.parametrize("model_type", TREES)
def test_a_combined_predictor_explains_by_the_inputs_of_the_part_that_decodes(
    model_type: str, by: str, label: str
) -> None:
    combined = _combined(model_type, by)
    encoder, candles = cast("CombinedEncoder", combined.encoder), hills_of(1_200).candles
    found = [one for one in combined.predict(candles).spans if one.label == label]
    windowed = encoder.decoded_by[encoder.labels.index(label)] == "window"
    columns = encoder.window.feature_columns if windowed else encoder.bio.feature_columns
    groups = {feature_group(column.name) for column in columns}
    for span in (found[2], found[-2]):
        everything = explain(combined, candles, span, most=10_000)
        total = everything.baseline + sum(reason.weight for reason in everything.reasons)
        assert total == pytest.approx(everything.score, abs=1e-4)
        assert len(everything.reasons) == len(groups)


@pytest.mark.parametrize("model_type", TREES)
def test_a_span_of_windows_is_explained_by_the_window_that_it_was_proposed_as(model_type: str) -> None:
    combined, candles = _combined(model_type, "window"), hills_of(1_200).candles
    encoder = combined.encoder
    column = encoder.columns.index("hill")
    span = [one for one in combined.predict(candles).spans if one.label == "hill"][2]
    start, end = positions([span], candles.time)[0]
    rows = encoder.propose(candles)
    (row,) = np.flatnonzero((rows.start == start) & (rows.end == end))
    said = float(combined.model.predict_proba(rows.X[[row]])[0, column])
    in_log_odds = combined.info.model_type == "xgboost"
    expected = np.log(said / (1 - said)) if in_log_odds else said
    assert explain(combined, candles, span).score == pytest.approx(expected, abs=1e-3)
