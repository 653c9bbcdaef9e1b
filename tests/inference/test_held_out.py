from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mllib.encoders import EncodingConfig
from mllib.features import ContextConfig
from mllib.inference import HeldOut, HeldOutSeries, Predictor
from mllib.spans import Span
from mllib.training import LabelledSeries, TrainingConfig, train
from tests.hills import hills_of
from tests.naive import sample


def test_what_was_held_out_is_written_and_read(tmp_path: Path) -> None:
    candles = sample("EURUSD_1h")[:50]
    coverage = np.array([[0.25, np.nan], [0.5, 1.0]], np.float16)
    HeldOut(("flag", "wedge"), [HeldOutSeries("EURUSD", "1h", candles.time[[3, 7]], coverage)]).save(tmp_path)
    found = HeldOut.load(tmp_path)
    assert found is not None
    assert found.labels == ("flag", "wedge")
    assert found.of("EURUSD", "4h") is None
    of = found.of("EURUSD", "1h")
    assert of is not None
    beside = of.on(candles[5:20])
    np.testing.assert_array_equal(beside[2], [0.5, 1.0])
    assert np.isnan(np.delete(beside, 2, axis=0)).all()


def test_a_model_from_before_there_was_such_has_none(tmp_path: Path) -> None:
    assert HeldOut.load(tmp_path) is None


MISLABELLED = slice(390, 410)


@pytest.fixture(scope="module", params=["bio", "window", "combined"])
def trained(request: pytest.FixtureRequest) -> tuple[Predictor, LabelledSeries]:
    """A model of hills, of which people also drew one where there is none."""
    hills = hills_of(1_600)
    time = hills.candles.time
    wrong = Span("hill", int(time[MISLABELLED.start]), int(time[MISLABELLED.stop - 1]))
    clear = [span for span in hills.spans if not _overlap(span, wrong)]
    series = replace(hills, spans=[*clear, wrong])
    predictor = train(
        [series],
        run_id="r",
        encoder_name=request.param,
        context=ContextConfig(past_bars=20, future_bars=5),
        encoding=EncodingConfig(),
        config=TrainingConfig(hyperparameters={"n_estimators": 20, "n_jobs": 1}, validation_folds=3),
        progress=lambda *_: None,
    )
    return predictor, series


def _overlap(a: Span, b: Span) -> bool:
    return a.start_time <= b.end_time and b.start_time <= a.end_time


def test_only_bars_before_the_test_are_held_out(trained: tuple[Predictor, LabelledSeries]) -> None:
    predictor, series = trained
    assert predictor.held_out is not None
    of = predictor.held_out.of(series.candles.pair, series.candles.timeframe)
    assert of is not None
    assert of.time.max() < predictor.metrics["split"]["test_from"]
    assert len(of.time) > 0.8 * (series.candles.time < predictor.metrics["split"]["test_from"]).sum()


def test_true_spans_are_believed_more_than_what_only_people_see(
    trained: tuple[Predictor, LabelledSeries],
) -> None:
    predictor, series = trained
    assert predictor.held_out is not None
    of = predictor.held_out.of(series.candles.pair, series.candles.timeframe)
    assert of is not None
    said = of.on(series.candles)[:, predictor.held_out.labels.index("hill")]
    time = series.candles.time
    true = np.array(
        [
            np.nanmean(said[(time >= span.start_time) & (time <= span.end_time)])
            for span in series.spans[:-1]
            if span.label == "hill" and span.end_time < of.time.max()
        ]
    )
    assert np.nanmean(said[MISLABELLED]) < np.median(true) - 0.2


def test_serving_leaves_it_in_the_folder(trained: tuple[Predictor, LabelledSeries], tmp_path: Path) -> None:
    predictor, _ = trained
    predictor.save(tmp_path / "predictor")
    assert Predictor.load(tmp_path / "predictor").held_out is None
    found = HeldOut.load(tmp_path / "predictor")
    assert found is not None
    assert found.labels == predictor.encoder.labels
