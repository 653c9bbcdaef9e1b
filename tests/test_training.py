import json
import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mllib.encoders import EncodingConfig
from mllib.encoders.bio import BioEncoder
from mllib.errors import InvalidConfig, TrainingFailed
from mllib.features import ContextConfig
from mllib.inference import InputProfile, Predictor
from mllib.patterns import detect, label_of
from mllib.spans import Annotation, ReviewedRange, Span
from mllib.splits import walk_forward
from mllib.training import LabelledSeries, TrainingConfig, fit, prepare, train
from tests.fitted import TREES
from tests.naive import sample

CONTEXT = ContextConfig(past_bars=20, future_bars=20)
FUNCTIONS = ("CDLENGULFING", "CDLDOJI")
CANDLES = sample("EURUSD_1h")[:1_500]
TALIB = frozenset(label_of(f, bullish=side) for f in FUNCTIONS for side in (True, False))


def _series(
    extra: Sequence[Span] = (), reviewed: Sequence[ReviewedRange] | None = None, bars: int = 1_500
) -> LabelledSeries:
    candles = CANDLES[:bars]
    spans = [span for found in detect(candles, FUNCTIONS).values() for span in found]
    everywhere = ReviewedRange(int(candles.time[0]), int(candles.time[-1]), TALIB | {"box"})
    return LabelledSeries(candles, [*spans, *extra], [everywhere] if reviewed is None else reviewed)


def _boxes(start: int, end: int, every: int = 30) -> list[Span]:
    """Spans of 8 to 12 bars, a label of people."""
    return [
        Span("box", int(CANDLES.time[i]), int(CANDLES.time[i + 7 + i % 5])) for i in range(start, end, every)
    ]


def _train(series: Sequence[LabelledSeries], **config: Any) -> Predictor:
    chosen = {"hyperparameters": {"n_estimators": 5, "n_jobs": 1}, "validation_folds": 0} | config
    return train(
        series,
        run_id="r1",
        encoder_name="bio",
        context=CONTEXT,
        encoding=EncodingConfig(),
        config=TrainingConfig(**chosen),
        progress=lambda *_: None,
    )


def _saved(predictor: Predictor, folder: Path) -> dict[str, bytes]:
    predictor.model.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def trained() -> Predictor:
    return _train([_series(_boxes(30, 1_450))])


def test_metrics_hold_what_the_contract_and_the_command_line_promise(trained: Predictor) -> None:
    metrics = trained.metrics
    assert {"accuracy", "f1_macro", "f1_weighted", "per_class", "confusion", "baseline", "span_f1"} <= set(
        metrics
    )
    assert set(metrics["span_f1"]) == {"0.3", "0.5", "0.7"}
    assert {"micro", "macro", "per_label"} <= set(metrics["span_f1"]["0.5"])
    assert set(metrics["per_class"]) == {"O", *trained.encoder.labels}
    assert set(metrics["per_class"]["O"]) == {"precision", "recall", "f1_score", "support"}
    assert metrics["in_sample"] is False
    split = metrics["split"]
    assert split["train"] + split["validation"] + split["test"] + split["purged"] == 1_500
    assert split["validation_from"] < split["test_from"]
    assert metrics["candle_count"] == split["test"]


def test_easy_patterns_are_learned(trained: Predictor) -> None:
    metrics = trained.metrics
    assert metrics["span_f1"]["0.5"]["per_label"]["bullish_engulfing"] > 0.5
    assert metrics["span_f1"]["0.5"]["micro"] > metrics["baseline"]["majority"]["span_f1"]


def test_the_model_says_what_it_is(trained: Predictor) -> None:
    assert trained.info.label_names == list(trained.encoder.labels)
    assert trained.info.provisional_bars == trained.encoder.provisional_bars
    assert set(trained.encoder.labels) == {"box", "bearish_engulfing", "bullish_engulfing", "bullish_doji"}
    assert trained.info.feature_count == len(trained.encoder.feature_columns)
    assert (trained.info.run_id, trained.info.model_type) == ("r1", "xgboost")


def test_what_was_seen_ends_before_the_test_block(trained: Predictor) -> None:
    (seen,) = trained.trained_on
    assert (seen.pair, seen.timeframe, seen.start_time) == ("EURUSD", "1h", int(CANDLES.time[0]))
    assert seen.end_time < trained.metrics["split"]["test_from"]
    assert seen.end_time == CANDLES.time[CANDLES.time < trained.metrics["split"]["test_from"]][-1]


@pytest.mark.parametrize("model_type", TREES)
def test_the_same_seed_gives_the_same_model(model_type: str, tmp_path: Path) -> None:
    runs = [_train([_series(bars=900)], model_type=model_type, seed=4) for _ in range(2)]
    assert runs[0].metrics == runs[1].metrics
    assert runs[0].encoder == runs[1].encoder
    P = [run.scored(CANDLES)[1] for run in runs]
    np.testing.assert_array_equal(*P)
    other = _train([_series(bars=900)], model_type=model_type, seed=5)
    assert not np.array_equal(other.scored(CANDLES)[1], P[0])


def test_labels_of_the_test_block_change_no_choice(trained: Predictor, tmp_path: Path) -> None:
    test_from = trained.metrics["split"]["test_from"]
    told = _series(_boxes(30, 1_450))
    before = [span for span in told.spans if span.end_time < test_from]
    first = int(np.searchsorted(CANDLES.time, test_from)) + 20
    other = [
        *before,
        *_boxes(first, 1_450, every=17),
        Span("new", *CANDLES.time[[first, first + 3]].tolist()),
    ]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    again = _train([replace(told, spans=other)])
    assert again.encoder == trained.encoder
    assert _saved(again, tmp_path / "two") == _saved(trained, tmp_path / "one")
    assert again.metrics["span_support"] != trained.metrics["span_support"]


def test_labels_are_learned_from_before_the_validation_block_alone() -> None:
    predictor = _train([_series(_boxes(1_250, 1_450))])
    assert "box" not in predictor.encoder.labels


def test_bars_that_nobody_reviewed_do_not_steer_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looked for boxes, predicting one is no error."""
    talib = ReviewedRange(int(CANDLES.time[0]), int(CANDLES.time[-1]), TALIB)
    until = ReviewedRange(int(CANDLES.time[0]), int(CANDLES.time[1_120]), frozenset({"box"}))
    judged: list[np.ndarray] = []
    original = BioEncoder.tune

    def spy(encoder: BioEncoder, parts: Any) -> BioEncoder:
        judged.append(parts[0].counts[:, encoder.labels.index("box")])
        return original(encoder, parts)

    monkeypatch.setattr(BioEncoder, "tune", spy)
    _train([_series(_boxes(30, 1_140), [talib, until])])
    assert judged[0].any()
    assert not judged[0][1_121:].any()


def test_several_symbols_make_one_model() -> None:
    other = sample("AAPL_1d")[:1_500]
    spans = [span for found in detect(other, FUNCTIONS).values() for span in found]
    everywhere = ReviewedRange(int(other.time[0]), int(other.time[-1]), TALIB)
    shifted = replace(other, time=other.time + int(CANDLES.time[0] - other.time[0]) // 86_400 * 86_400)
    spans = [
        replace(s, start_time=s.start_time + int(shifted.time[0] - other.time[0]),
                end_time=s.end_time + int(shifted.time[0] - other.time[0])) for s in spans
    ]  # fmt: skip
    moved = replace(everywhere, start_time=int(shifted.time[0]), end_time=int(shifted.time[-1]))
    predictor = _train([_series(), LabelledSeries(shifted, spans, [moved])])
    assert {part.pair for part in predictor.trained_on} == {"EURUSD", "AAPL"}
    split = predictor.metrics["split"]
    assert split["train"] + split["validation"] + split["test"] + split["purged"] == 3_000


def test_nothing_labelled_is_nothing_to_learn_from() -> None:
    with pytest.raises(TrainingFailed, match=r"found no span before the validation block .* in EURUSD 1h"):
        _train([LabelledSeries(CANDLES, [], [])])


def test_too_few_candles_cannot_be_split() -> None:
    with pytest.raises(TrainingFailed, match="block is empty after purging"):
        _train([_series(bars=60)])


def test_spans_on_rows_that_the_purge_takes_leave_nothing_to_learn() -> None:
    """A span that ends before validation, but whose rows read into it."""
    lone = LabelledSeries(CANDLES, [Span("box", *CANDLES.time[[1_040, 1_044]].tolist())], [])
    with pytest.raises(TrainingFailed, match=r"found no label that can be learned \(box: 0 examples"):
        _train([lone])


def test_a_label_of_which_training_knows_too_little_is_left_out_and_said() -> None:
    everywhere = ReviewedRange(int(CANDLES.time[0]), int(CANDLES.time[-1]), TALIB)
    rare = [Span("rare", *CANDLES.time[[100, 104]].tolist())]
    unreviewed = _boxes(30, 900)
    predictor = _train([_series([*rare, *unreviewed], [everywhere])])
    assert {"box", "rare"}.isdisjoint(predictor.encoder.labels)
    assert set(predictor.metrics["left_out"]) == {"box", "rare"}
    assert predictor.metrics["left_out"]["rare"].startswith("rare: 1 examples")


def test_a_label_that_is_there_more_often_than_not_is_learned() -> None:
    everywhere = ReviewedRange(int(CANDLES.time[0]), int(CANDLES.time[-1]), TALIB | {"calm"})
    calm = [Span("calm", int(CANDLES.time[i]), int(CANDLES.time[i])) for i in range(1_500) if i % 3]
    predictor = _train([_series(calm, [everywhere])])
    assert "calm" in predictor.encoder.labels


def test_an_unknown_hyperparameter_fails_before_any_work() -> None:
    with pytest.raises(InvalidConfig, match=r"stages\.training\.hyperparameters\.depth"):
        _train([_series()], hyperparameters={"depth": 3})


@pytest.mark.parametrize("model_type", TREES)
def test_class_weights_make_rare_patterns_stand_out_and_are_taken_back(model_type: str) -> None:
    weighted, plain = (
        _train([_series(bars=900)], model_type=model_type, class_weights=weights)
        for weights in ("balanced", None)
    )
    X = weighted.encoder.propose(CANDLES[:900]).X
    assert weighted.model.predict_proba(X).mean() > plain.model.predict_proba(X).mean() * 1.1
    assert min(weighted.calibration.undone) > 0.5
    assert plain.calibration.undone == (0.0,) * 3


def test_the_same_data_and_seed_give_the_same_metrics_to_the_last_digit() -> None:
    """On two threads as well, which is what trains by default."""
    series = [_series(_boxes(30, 850), bars=900)]
    runs = [_train(series, hyperparameters={"n_estimators": 8, "n_jobs": 2}) for _ in range(2)]
    said = [json.dumps(run.metrics, sort_keys=True) for run in runs]
    assert said[0] == said[1]
    assert runs[0].calibration == runs[1].calibration


def test_calibration_is_told_before_and_after_on_validation_and_test(trained: Predictor) -> None:
    told = trained.metrics["calibration"]
    assert set(told["temperatures"]) == set(trained.encoder.labels)
    assert set(told["undone_log_odds"]) == set(trained.encoder.columns)
    for block in ("validation", "test"):
        before, after = told[block]["before"], told[block]["after"]
        assert after["pooled"]["ece"] < before["pooled"]["ece"]
        assert set(after["per_label"]) == set(trained.encoder.labels)
    split = trained.metrics["split"]
    assert 0 < split["stopping"] + split["calibration"] < split["validation"]


def test_a_label_without_positives_late_in_validation_keeps_its_temperature() -> None:
    predictor = _train([_series(_boxes(30, 1_040))])
    told = predictor.metrics["calibration"]
    assert told["temperatures"]["box"] == 1.0
    assert told["uncalibrated"]["box"].startswith("box: 0 positive")


def test_a_validation_block_too_short_to_divide_decides_when_to_stop_and_calibrates_nothing() -> None:
    predictor = _train([_series(bars=500)], validation_split=0.09)
    split = predictor.metrics["split"]
    assert (split["stopping"], split["calibration"]) == (split["validation"], 0)
    assert set(predictor.metrics["calibration"]["uncalibrated"]) == set(predictor.encoder.labels)
    assert predictor.metrics["calibration"]["validation"]["before"]["pooled"] is None


def test_where_nobody_looked_in_validation_nothing_stops_the_training() -> None:
    until = int(CANDLES.time[1_000])
    looked = [ReviewedRange(int(CANDLES.time[0]), until, TALIB)]
    one = _series(reviewed=looked)
    early = replace(one, spans=[span for span in one.spans if span.end_time <= until])
    predictor = _train([early], hyperparameters={"n_estimators": 40, "n_jobs": 1})
    assert predictor.metrics["warnings"][0].startswith("validation: found nothing reviewed")
    X = predictor.encoder.propose(CANDLES).X
    assert predictor.model.predict_proba(X).max() > 0.9
    assert set(predictor.metrics["calibration"]["uncalibrated"]) == set(predictor.encoder.labels)


def test_blocks_without_any_positive_are_no_obstacle() -> None:
    predictor = _train([_series(_boxes(30, 900), [ReviewedRange(0, 2**40, frozenset({"box"}))])])
    assert predictor.encoder.labels == ("box",)
    assert predictor.metrics["span_support"] == {"box": 0}
    assert predictor.metrics["span_f1"]["0.5"]["per_label"]["box"] == 0.0
    validation, test = predictor.metrics["warnings"]
    assert validation.startswith("validation: found no reviewed span of box, expected some")
    assert test.startswith("test: found no reviewed span of box, expected some, so its scores say nothing")


def test_flat_candles_train_a_model_that_says_little() -> None:
    flat = np.full(1_500, 1.1)
    candles = replace(CANDLES, open=flat, high=flat, low=flat, close=flat, volume=np.zeros(1_500))
    one = LabelledSeries(candles, _boxes(30, 1_450), [ReviewedRange(0, 2**40, frozenset({"box"}))])
    predictor = _train([one])
    rows, P = predictor.scored(candles)
    assert len(rows) == 1_500
    assert np.isfinite(P).all()


def test_the_profile_is_that_of_the_training_block(trained: Predictor) -> None:
    block = CANDLES.between(None, trained.metrics["split"]["moments"][0] - 1)
    assert trained.profile == InputProfile.learn([block])


def test_a_random_split_is_warned_of_and_what_was_seen_leaves_the_test_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    predictor = _train([_series(_boxes(30, 1_450))], split_method="random", validation_split=0.2)
    (warning,) = predictor.metrics["warnings"]
    assert "split_method: random" in warning
    assert warning in caplog.text
    split = predictor.metrics["split"]
    tested = sorted((part.start_time, part.end_time) for part in predictor.trained_on)
    assert len(tested) == 1 + sum(a == "test" for a in split["blocks"][1:-1])
    assert predictor.metrics["candle_count"] == split["test"]


def test_a_fold_replaces_the_split_of_the_configuration() -> None:
    series = [_series(_boxes(30, 1_450))]
    config = TrainingConfig(hyperparameters={"n_estimators": 3, "n_jobs": 1}, validation_split=0.2)
    prepared = prepare(series, encoder_name="bio", context=CONTEXT, encoding=EncodingConfig())
    splits = walk_forward(prepared.bars, config, folds=2)
    metrics = [
        fit(prepared, run_id="f", config=config, progress=lambda *_: None, split=split).metrics["split"]
        for split in splits
    ]
    assert [tuple(m["moments"]) for m in metrics] == [split.moments for split in splits]
    assert metrics[0]["test_from"] < metrics[1]["test_from"]


def _with_custom(name: str, source: str, folder: Path) -> np.ndarray:
    (folder / f"{name}.py").write_text(f"import numpy as np\ndef feature(candles): return {{'x': {source}}}")
    context = ContextConfig(past_bars=20, future_bars=20, groups=("path", f"{name}.feature"))
    one = _series(bars=900)
    prepared = prepare([one], encoder_name="bio", context=context, encoding=EncodingConfig())
    assert prepared.proposed is not None
    return prepared.proposed.rows.X


def test_a_custom_feature_is_a_column_of_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    X = _with_custom("bodies", "candles.close - candles.open", tmp_path)
    expected = (CANDLES.close - CANDLES.open)[20:900].astype(np.float32)
    np.testing.assert_array_equal(X[20:, -1], expected)


def test_a_custom_feature_that_looks_ahead_is_not_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidConfig, match=r"ahead\.feature: found 'x' at .* future_bars \(0\)"):
        _with_custom("ahead", "np.append(candles.close[1:], np.nan)", tmp_path)


def test_unclear_spans_weigh_less_unless_told_otherwise() -> None:
    clear, unclear = (
        [Annotation(**asdict(box), id=f"{i}", clarity=clarity) for i, box in enumerate(_boxes(30, 850))]
        for clarity in (None, 1)
    )
    weighed, alike, plain = (
        _train([_series(boxes, bars=900)], clarity_weights=heeded)
        for boxes, heeded in ((unclear, True), (unclear, False), (clear, True))
    )
    assert alike.metrics == plain.metrics
    assert weighed.metrics != plain.metrics


@pytest.mark.parametrize("folds", [0, 2])
@pytest.mark.parametrize("stops_at", [2.0, 0.3])
def test_rows_that_a_model_was_fitted_on_are_as_they_were(stops_at: float, folds: int) -> None:
    """Whether it was fitted or cancelled in the middle."""
    prepared = prepare([_series(bars=900)], encoder_name="bio", context=CONTEXT, encoding=EncodingConfig())
    assert prepared.proposed is not None
    X = prepared.proposed.rows.X
    before = X.copy()
    config = TrainingConfig(hyperparameters={"n_estimators": 4, "n_jobs": 1}, validation_folds=folds)

    def tell(done: float, _what: str) -> None:
        if done > stops_at:
            raise InterruptedError

    with nullcontext() if stops_at > 1 else pytest.raises(InterruptedError):
        fit(prepared, run_id="r", config=config, progress=tell)
    np.testing.assert_array_equal(X, before)


def test_stopping_in_the_middle_leaves_nothing_running() -> None:
    class Cancelled(Exception):
        pass

    def stop(done: float, _what: str) -> None:
        if done > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(
            [_series(bars=900)],
            run_id="r",
            encoder_name="bio",
            context=CONTEXT,
            encoding=EncodingConfig(),
            config=TrainingConfig(hyperparameters={"n_estimators": 50, "n_jobs": 1}, validation_folds=0),
            progress=stop,
        )


@pytest.mark.parametrize("folds", [0, 3])
def test_progress_rises_and_says_what_is_done(folds: int) -> None:
    told: list[tuple[float, str]] = []
    train(
        [_series(bars=900)],
        run_id="r",
        encoder_name="bio",
        context=CONTEXT,
        encoding=EncodingConfig(),
        config=TrainingConfig(hyperparameters={"n_estimators": 3, "n_jobs": 1}, validation_folds=folds),
        progress=lambda done, what: told.append((done, what)),
    )
    shares = [done for done, _ in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] <= 1
    assert all(what and math.isfinite(done) for done, what in told)
    assert any("fold 2 of 3" in what for _, what in told) == bool(folds)
