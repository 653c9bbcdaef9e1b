"""Choices on purged folds: what is held out, what is read, and what happens where there is too little."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from mllib import models
from mllib.encoders import ENCODER_NAMES, EncodingConfig
from mllib.errors import TrainingFailed
from mllib.features import ContextConfig
from mllib.gate import GateConfig, check_truncation
from mllib.inference import Predictor
from mllib.patterns import detect
from mllib.rows import Rows
from mllib.spans import ReviewedRange, Span
from mllib.splits import Split, walk_forward
from mllib.training import LabelledSeries, TrainingConfig, fit, prepare, train
from tests.fitted import TREES
from tests.hills import hills_of
from tests.naive import changed, walk
from tests.spy import Fit, Spy

CONTEXT = ContextConfig(past_bars=20, future_bars=5)
EMBARGO = 4
LABELS = frozenset({"hill", "bullish_doji", "bearish_doji"})
EVERYWHERE = ReviewedRange(0, 2**40, LABELS)
ENCODERS = pytest.mark.parametrize("encoder_name", ENCODER_NAMES)
SPLITS = pytest.mark.parametrize("split_method", ["temporal", "random"])


def _hills(n: int = 1_600) -> LabelledSeries:
    """Hills, and dojis that are short."""
    hills = hills_of(n)
    dojis = detect(hills.candles, ["CDLDOJI"])["CDLDOJI"]
    return LabelledSeries(hills.candles, [*hills.spans, *dojis], [EVERYWHERE])


HILLS = _hills()


def _train(series: Sequence[LabelledSeries], *, encoder_name: str = "bio", **config: Any) -> Predictor:
    chosen = {"hyperparameters": {"n_estimators": 8, "n_jobs": 1}, "validation_folds": 3} | config
    return train(
        series,
        run_id="r",
        encoder_name=encoder_name,
        context=CONTEXT,
        encoding=EncodingConfig(),
        config=TrainingConfig(**chosen),
        progress=lambda *_: None,
    )


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Fit]:
    """What models of the type `spy` were fitted on, in turn."""
    monkeypatch.setitem(models._MODELS, "spy", ("tests.spy", "Spy"))
    monkeypatch.setattr(Spy, "fits", [])
    return Spy.fits


def _of_parts(fits: Sequence[Fit], folds: int) -> list[tuple[list[Fit], Fit]]:
    """The folds of each part, and the fit of the model that stays."""
    assert not len(fits) % (folds + 1)
    return [(list(fits[i : i + folds]), fits[i + folds]) for i in range(0, len(fits), folds + 1)]


def _keys(rows: Rows) -> list[tuple[int, int, int]]:
    return list(zip(rows.series.tolist(), rows.start.tolist(), rows.end.tolist(), strict=True))


def _reads(rows: Rows, bar_s: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """From and until when each row depends on candles."""
    lasts = np.array(bar_s)[rows.series]
    return rows.reads_from, np.maximum(rows.reads_to, rows.known_at) + lasts


@ENCODERS
@SPLITS
def test_every_row_before_the_test_is_scored_once_by_a_model_that_has_not_learned_from_it(
    encoder_name: str, split_method: str, fits: list[Fit]
) -> None:
    days = replace(
        walk(150, seed=3, timeframe="1d"), time=walk(150, seed=3, timeframe="1d").time - 86_400 * 40
    )
    dojis = detect(days, ["CDLDOJI"])["CDLDOJI"]
    series = [HILLS, LabelledSeries(days, dojis, [EVERYWHERE])]
    predictor = _train(
        series,
        encoder_name=encoder_name,
        model_type="spy",
        hyperparameters={},
        split_method=split_method,
        validation_split=0.2,
        embargo_bars=EMBARGO,
    )
    told = predictor.metrics["split"]
    split = Split(tuple(told["moments"]), tuple(told["blocks"]), EMBARGO)
    parts = _of_parts(fits, 3)
    assert len(parts) == len(predictor.encoder.parts)
    for folds, stays in parts:
        held_out = [one.held_out[0] for one in folds if one.held_out is not None]
        assert len(held_out) == 3
        assert sorted(key for rows in held_out for key in _keys(rows)) == sorted(_keys(stays.rows))
        for one, rows in zip(folds, held_out, strict=True):
            (scored,) = one.scored
            np.testing.assert_array_equal(scored, rows.X)
            _assert_apart(one.rows, rows, bar_s=(3_600, 86_400))
        _assert_outside(stays.rows, split.ranges("test"), bar_s=(3_600, 86_400))


def _assert_apart(learned: Rows, held_out: Rows, *, bar_s: Sequence[int]) -> None:
    """They share no moment, and what is learned begins an embargo after what is held out."""
    assert len(learned)
    (a_from, a_until), (b_from, b_until) = _reads(learned, bar_s), _reads(held_out, bar_s)
    shared = (a_from[:, None] < b_until[None]) & (b_from[None] < a_until[:, None])
    assert not shared.any()
    later = a_from >= b_until.max()
    embargo = EMBARGO * np.array(bar_s)[learned.series]
    assert (a_from[later] >= b_until.max() + embargo[later]).all()


def _assert_outside(
    rows: Rows, ranges: Sequence[tuple[int | None, int | None]], *, bar_s: Sequence[int]
) -> None:
    reads_from, reads_until = _reads(rows, bar_s)
    for first, last in ranges:
        assert ((reads_until <= (first or 0)) | (reads_from > (2**40 if last is None else last))).all()


def _files(predictor: Predictor, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    predictor.model.save(folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@ENCODERS
@SPLITS
@pytest.mark.parametrize("model_type", TREES)
def test_prices_and_spans_of_the_test_block_change_no_fit_and_no_choice(
    encoder_name: str, split_method: str, model_type: str, tmp_path: Path
) -> None:
    asked: dict[str, Any] = {
        "encoder_name": encoder_name,
        "split_method": split_method,
        "model_type": model_type,
    }
    if model_type == "random_forest":
        asked["hyperparameters"] = {"n_estimators": 8, "n_jobs": 1, "max_samples": 1.0}  # rows are few here
    one = _train([HILLS], **asked)
    told = one.metrics["split"]
    tests = Split(tuple(told["moments"]), tuple(told["blocks"])).ranges("test")
    time = HILLS.candles.time
    tested = np.zeros(len(time), bool)
    for first, last in tests:
        tested |= (time >= (first or 0)) & (time <= (2**40 if last is None else last))
    kept = [span for span in HILLS.spans if not tested[_bars(span, time)].all()]
    at = np.flatnonzero(tested)
    odd = [Span("hill", int(time[i]), int(time[i + 2])) for i in at[5:-5:9] if tested[i : i + 3].all()]
    other = LabelledSeries(changed(HILLS.candles, tested, seed=5), [*kept, *odd], [EVERYWHERE])
    again = _train([other], **asked)
    assert again.encoder == one.encoder
    assert again.calibration == one.calibration
    X = one.encoder.propose(HILLS.candles).X
    np.testing.assert_array_equal(again.model.predict_proba(X), one.model.predict_proba(X))
    if model_type == "xgboost":  # whose files hold no time of writing
        assert _files(again, tmp_path / "again") == _files(one, tmp_path / "one")
    assert again.metrics["span_support"] != one.metrics["span_support"]


def _bars(span: Span, time: np.ndarray) -> slice:
    return slice(*np.searchsorted(time, [span.start_time, span.end_time + 1]))


@ENCODERS
def test_the_same_data_and_seed_give_the_same_metrics_to_the_last_digit(encoder_name: str) -> None:
    asked = {"encoder_name": encoder_name, "hyperparameters": {"n_jobs": 2, "n_estimators": 12}}
    runs = [_train([HILLS], **asked) for _ in range(2)]
    assert json.dumps(runs[0].metrics, sort_keys=True) == json.dumps(runs[1].metrics, sort_keys=True)
    assert runs[0].encoder == runs[1].encoder
    assert runs[0].calibration == runs[1].calibration
    assert runs[0].metrics["split"]["folds"] == [3] * len(runs[0].encoder.parts)


def test_one_fold_is_refused() -> None:
    with pytest.raises(
        ValidationError, match="found 1 fold, expected 0 for the validation block, or at least 2"
    ):
        TrainingConfig(validation_folds=1)


@pytest.mark.parametrize(("spans", "folds"), [(20, 4), (299, 4), (300, 0)])
def test_without_being_told_few_spans_in_validation_ask_for_folds(
    spans: int, folds: int, fits: list[Fit]
) -> None:
    time = HILLS.candles.time
    many = [Span("doji", int(time[i]), int(time[i])) for i in (*range(60, 400, 5), *range(760, 760 + spans))]
    one = LabelledSeries(HILLS.candles, many, [ReviewedRange(0, 2**40, frozenset({"doji"}))])
    told = _train(
        [one],
        model_type="spy",
        hyperparameters={},
        validation_folds=None,
        validation_split=0.35,
        test_split=0.2,
    ).metrics["split"]
    assert told["folds"] == [folds]
    assert len(fits) == folds + 1


def test_a_split_that_is_given_is_validated_on_its_own_block(fits: list[Fit]) -> None:
    config = TrainingConfig(model_type="spy", validation_folds=4, validation_split=0.2)
    prepared = prepare([HILLS], encoder_name="bio", context=CONTEXT, encoding=EncodingConfig())
    (split, _) = walk_forward(prepared.bars, config, folds=2)
    told = fit(prepared, run_id="r", config=config, progress=lambda *_: None, split=split).metrics["split"]
    assert told["folds"] == [0]
    (only,) = fits
    assert prepared.proposed is not None
    train, held_out = (split.holds(name, prepared.proposed.intervals) for name in ("train", "validation"))
    assert _keys(only.rows) == _keys(prepared.proposed.rows.take(train))
    assert only.held_out is not None
    assert set(_keys(only.held_out[0])) < set(_keys(prepared.proposed.rows.take(held_out)))


def test_the_model_that_stays_takes_as_many_rounds_as_its_share_of_the_rows_asks_for(fits: list[Fit]) -> None:
    _train([HILLS], model_type="spy", hyperparameters={}, validation_folds=4)
    assert [one.rounds for one in fits] == [40, 40, 40, 40, round(40 * (4 / 3) ** 0.5)]


@pytest.mark.parametrize("model_type", TREES)
def test_no_model_takes_more_rounds_than_the_configuration_allows(model_type: str) -> None:
    most = {"random_forest": 2_000, "xgboost": 5_000}[model_type]
    model = models.create_model(model_type, {"n_estimators": most}, seed=0)
    longer: Any = model.of_rounds(most + 1)
    assert longer.hyperparameters.n_estimators == most
    fewer: Any = model.of_rounds(7)
    assert fewer.hyperparameters.n_estimators == 7


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, (0.05, 600)), ({"n_jobs": 1}, (0.05, 600)), ({"n_estimators": 9}, (0.15, 9)),
     ({"learning_rate": 0.4}, (0.4, 150))],
)  # fmt: skip
def test_folds_learn_patiently_unless_the_configuration_sets_the_pace(
    given: dict[str, Any], expected: tuple[float, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[tuple[float, int]] = []

    class Stopped(Exception):
        pass

    def spy(model: Any, *_: Any, **__: Any) -> None:
        used.append((model.hyperparameters.learning_rate, model.hyperparameters.n_estimators))
        raise Stopped

    monkeypatch.setattr("mllib.models.xgboost_trees.XGBoostTrees.fit", spy)
    with pytest.raises(Stopped):
        _train([HILLS], hyperparameters=given)
    assert used == [expected]


def _reviewed(first: int, last: int) -> list[ReviewedRange]:
    time = HILLS.candles.time
    return [ReviewedRange(int(time[first]), int(time[last]), LABELS)]


def test_folds_divide_what_was_reviewed_where_that_is_one_stretch(fits: list[Fit]) -> None:
    spans = [
        span for span in HILLS.spans if HILLS.candles.time[100] <= span.start_time < HILLS.candles.time[500]
    ]
    _train([LabelledSeries(HILLS.candles, spans, _reviewed(100, 500))], model_type="spy", hyperparameters={})
    for one in fits[:3]:
        assert one.held_out is not None
        known = int(one.held_out[1].mask.any(axis=1).sum())
        assert known == pytest.approx(400 / 3, abs=12)
        assert one.targets.mask.any()


@pytest.mark.parametrize("model_type", TREES)
def test_a_label_that_is_there_in_one_stretch_alone_is_learned_in_every_fold(model_type: str) -> None:
    spans = [span for span in HILLS.spans if span.start_time < HILLS.candles.time[300]]
    predictor = _train([LabelledSeries(HILLS.candles, spans, [EVERYWHERE])], model_type=model_type)
    assert np.isfinite(predictor.scored(HILLS.candles)[1]).all()
    assert np.isfinite(predictor.calibration.temperatures).all()
    assert predictor.metrics["calibration"]["validation"]["after"]["per_label"]["hill"]["positives"] > 0


def test_every_fold_learns_some_positives_of_a_label_that_has_enough(fits: list[Fit]) -> None:
    spans = [
        span for span in HILLS.spans if span.label == "hill" and span.start_time < HILLS.candles.time[400]
    ]
    one = LabelledSeries(HILLS.candles, spans, [ReviewedRange(0, 2**40, frozenset({"hill"}))])
    _train([one], model_type="spy", hyperparameters={})
    for fold in fits[:3]:
        assert (fold.targets.Y > 0).any(axis=0).all()


@ENCODERS
@pytest.mark.parametrize("model_type", TREES)
def test_a_fold_without_any_positive_is_no_obstacle(encoder_name: str, model_type: str) -> None:
    """Three hills are fewer than what folds are divided by."""
    hills = [span for span in HILLS.spans if span.label == "hill"][:4]
    one = LabelledSeries(HILLS.candles, hills, [ReviewedRange(0, 2**40, frozenset({"hill"}))])
    predictor = _train([one], encoder_name=encoder_name, model_type=model_type, validation_folds=5)
    assert np.isfinite(predictor.scored(HILLS.candles)[1]).all()
    assert np.isfinite(predictor.calibration.temperatures).all()


@ENCODERS
def test_folds_that_would_learn_from_nothing_say_what_to_do(encoder_name: str) -> None:
    first, last = 100, 140
    spans = [
        Span("hill", int(HILLS.candles.time[i]), int(HILLS.candles.time[i + 2])) for i in range(105, 135, 9)
    ]
    one = LabelledSeries(HILLS.candles, spans, _reviewed(first, last))
    with pytest.raises(
        TrainingFailed, match=r"nothing reviewed of hill .*validation_folds to 0|no label that can"
    ):
        _train([one], encoder_name=encoder_name, validation_folds=2)


def test_a_combined_model_has_a_temperature_a_label_and_part() -> None:
    predictor = _train([HILLS], encoder_name="combined")
    temperatures = dict(zip(predictor.encoder.columns, predictor.calibration.temperatures, strict=True))
    assert temperatures["B-hill"] == temperatures["I-hill"]
    assert temperatures["hill"] != temperatures["I-hill"]
    told = predictor.metrics["calibration"]["temperatures"]
    assert told["hill"] == temperatures["I-hill"]
    assert told["hill (rows of 2 or more bars)"] == temperatures["hill"]


@pytest.mark.parametrize("model_type", TREES)
def test_a_combined_model_learned_in_folds_keeps_its_promises(model_type: str, tmp_path: Path) -> None:
    predictor = _train([HILLS], encoder_name="combined", model_type=model_type)
    assert predictor.metrics["span_f1"]["0.5"]["per_label"]["hill"] > 0.8
    found = check_truncation(predictor, [HILLS.candles], GateConfig(truncation_cuts=4))
    assert found.passed is True, found.said
    predictor.save(tmp_path / "model")
    again = Predictor.load(tmp_path / "model")
    assert again.encoder == predictor.encoder
    assert again.predict(HILLS.candles).to_dict() == predictor.predict(HILLS.candles).to_dict()
