"""The `window` encoder end to end: from labelled hills to a predictor that keeps its promises."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.encoders import EncodingConfig
from mllib.encoders.window import WindowEncoder
from mllib.errors import TrainingFailed
from mllib.explaining import explain
from mllib.features import ContextConfig
from mllib.gate import GateConfig, check_truncation
from mllib.inference import Predictor
from mllib.spans import Span
from mllib.splits import Split
from mllib.training import LabelledSeries, TrainingConfig, fit, prepare, train
from tests.fitted import TREES
from tests.hills import EVERYWHERE, hills_of

SWINGS = EncodingConfig()
FIXED = EncodingConfig(proposals="fixed", window_size=16)
CONTEXT = ContextConfig(past_bars=20, future_bars=0)
SMALL = {"n_estimators": 20, "n_jobs": 1}


HILLS = hills_of()


def _trained(encoding: EncodingConfig, model_type: str = "xgboost", one: LabelledSeries = HILLS) -> Predictor:
    return train(
        [one],
        run_id="r",
        encoder_name="window",
        context=CONTEXT,
        encoding=encoding,
        config=TrainingConfig(model_type=model_type, hyperparameters=SMALL, validation_folds=0),
        progress=lambda *_: None,
    )


@pytest.fixture(scope="module", params=TREES)
def model_type(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=[SWINGS, FIXED], ids=["swings", "fixed"])
def trained(request: pytest.FixtureRequest, model_type: str) -> Predictor:
    return _trained(request.param, model_type)


def test_hills_are_learned(trained: Predictor) -> None:
    metrics = trained.metrics
    assert metrics["span_f1"]["0.5"]["per_label"]["hill"] > 0.8
    assert metrics["span_support"]["hill"] >= 8
    assert metrics["in_sample"] is False
    assert metrics["warnings"] == []
    split = metrics["split"]
    assert split["train"] > split["test"] > 0
    assert trained.info.feature_count == len(trained.encoder.feature_columns)


def test_the_gate_finds_no_look_ahead(trained: Predictor) -> None:
    found = check_truncation(trained, [HILLS.candles], GateConfig(truncation_cuts=4))
    assert found.passed is True, found.said


def test_reasons_are_words_and_add_up_to_the_score(trained: Predictor) -> None:
    found = [span for span in trained.predict(HILLS.candles).spans if span.avg_confidence > 0.5]
    for span in (found[3], found[-2]):
        explanation = explain(trained, HILLS.candles, span, most=10_000)
        total = explanation.baseline + sum(reason.weight for reason in explanation.reasons)
        assert total == pytest.approx(explanation.score, abs=1e-4)
        for reason in explanation.reasons:
            assert not {"_", "@"} & set(reason.words), reason.words
            assert "nan" not in reason.words


def test_a_span_is_explained_alike_on_a_slice_of_the_series(trained: Predictor) -> None:
    found = trained.predict(HILLS.candles).spans[-6]
    at = int(np.searchsorted(HILLS.candles.time, found.start_time))
    part = HILLS.candles[at - 100 : at + 100]
    whole, sliced = explain(trained, HILLS.candles, found), explain(trained, part, found)
    assert [reason.words for reason in whole.reasons] == [reason.words for reason in sliced.reasons]
    assert sliced.score == pytest.approx(whole.score, abs=1e-5)


def test_a_saved_predictor_finds_the_samehills_of(trained: Predictor, tmp_path: Path) -> None:
    trained.save(tmp_path / "model")
    again = Predictor.load(tmp_path / "model")
    assert again.encoder == trained.encoder
    assert again.predict(HILLS.candles).to_dict() == trained.predict(HILLS.candles).to_dict()


@pytest.mark.parametrize("encoding", [SWINGS, FIXED], ids=["swings", "fixed"])
def test_the_same_data_and_seed_give_the_same_metrics(encoding: EncodingConfig) -> None:
    one, other = _trained(encoding), _trained(encoding)
    assert one.metrics == other.metrics
    assert one.encoder == other.encoder


def test_context_beside_the_windows_is_learned_from_and_hidden_where_it_is_not_known_yet() -> None:
    padded = _trained(EncodingConfig(context_padding=8))
    names = {column.name: column.future for column in padded.encoder.feature_columns}
    assert names["close_after_8"] == 8
    assert padded.metrics["span_f1"]["0.5"]["per_label"]["hill"] > 0.8
    assert check_truncation(padded, [HILLS.candles], GateConfig()).passed is True
    rows = padded.encoder.propose(HILLS.candles[:300])
    after = list(names).index("close_after_8")
    np.testing.assert_array_equal(np.isnan(rows.X[:, after]), rows.end - 1 + 8 >= 300)


def test_several_series_make_one_model() -> None:
    """One of days that lasts longer on either side, and one too short to hold a window."""
    days = HILLS.candles.time[0] + 86_400 * (np.arange(len(HILLS.candles)) - 1_800)
    other = replace(HILLS.candles, pair="DAYS", timeframe="1d", time=days)
    at = np.searchsorted(HILLS.candles.time, [[span.start_time, span.end_time] for span in HILLS.spans])
    spans = [Span("hill", *days[one].tolist()) for one in at]
    short = LabelledSeries(HILLS.candles[:10], [], [EVERYWHERE])
    predictor = train(
        [HILLS, LabelledSeries(other, spans, [EVERYWHERE]), short],
        run_id="r",
        encoder_name="window",
        context=CONTEXT,
        encoding=SWINGS,
        config=TrainingConfig(hyperparameters=SMALL, validation_folds=0),
        progress=lambda *_: None,
    )
    assert {part.pair for part in predictor.trained_on} == {"HILLS", "DAYS"}
    assert predictor.metrics["span_f1"]["0.5"]["per_label"]["hill"] > 0.8
    assert len(predictor.predict(other).spans) > 0.8 * len(spans)


def test_where_no_window_is_worth_judging_nothing_is_found() -> None:
    fixed = _trained(EncodingConfig(proposals="fixed", window_size=32))
    odd = np.flatnonzero(HILLS.candles.time // 3_600 % 4 != 0)
    candles = Candles("HILLS", "1h", *(getattr(HILLS.candles, name)[odd] for name in _COLUMNS))
    assert len(fixed.encoder.propose(candles)) == 0
    found = fixed.predict(candles)
    assert found.spans == []
    assert set(found.labels()) == {"O"}


_COLUMNS = ("time", "open", "high", "low", "close")


def test_labels_of_the_test_block_change_no_proposal(trained: Predictor) -> None:
    test_from = trained.metrics["split"]["test_from"]
    before = [span for span in HILLS.spans if span.start_time < test_from]
    later = HILLS.candles.time[HILLS.candles.time >= test_from]
    odd = [Span("hill", int(later[i]), int(later[i + 60])) for i in (20, 90, 160)]
    encoder = cast("WindowEncoder", trained.encoder)
    again = _trained(encoder.settings, trained.info.model_type, replace(HILLS, spans=[*before, *odd]))
    assert again.encoder == encoder
    assert (
        again.encoder.propose(HILLS.candles).X.tobytes() == trained.encoder.propose(HILLS.candles).X.tobytes()
    )


def test_a_label_that_hardly_anything_else_looks_like_is_learned() -> None:
    """On a calm series next to nothing but hills is proposed, so that few windows are known to be none."""
    calm = hills_of(walks=0.0)
    predictor = _trained(SWINGS, one=calm)
    assert predictor.metrics["span_f1"]["0.5"]["per_label"]["hill"] > 0.8


def _fitted(moments: tuple[int, ...], longest: int) -> Predictor:
    time = HILLS.candles.time
    long = Span("hill", int(time[10]), int(time[10 + longest]))
    prepared = prepare(
        [replace(HILLS, spans=[*HILLS.spans, long])], encoder_name="window", context=CONTEXT, encoding=SWINGS
    )
    split = Split(tuple(int(time[i]) for i in moments), ("train", "validation", "test", "later"))
    config = TrainingConfig(hyperparameters={"n_estimators": 3, "n_jobs": 1})
    return fit(prepared, run_id="r", config=config, progress=lambda *_: None, split=split)


def test_a_validation_block_shorter_than_the_windows_is_warned_of() -> None:
    """No bar's labels depend on it alone, so no cut can be chosen there."""
    predictor = _fitted((1_200, 1_350, 1_900), longest=150)
    assert any("no cut was chosen" in warning for warning in predictor.metrics["warnings"])


def test_a_test_block_shorter_than_the_windows_is_refused() -> None:
    with pytest.raises(TrainingFailed, match=r"no bar of the test block to judge: .* 40 bars before and 151"):
        _fitted((1_200, 1_700, 1_850), longest=150)
