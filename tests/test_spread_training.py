"""A model whose rows lie on a cluster's workers is the model that is trained here, as far as XGBoost goes."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mllib.candle_source import CandleSource
from mllib.cluster import Cluster
from mllib.encoders import EncodingConfig
from mllib.errors import InvalidConfig, TrainingFailed
from mllib.features import ContextConfig
from mllib.inference import Predictor
from mllib.patterns import detect, label_of
from mllib.progress import quiet
from mllib.spans import ReviewedRange
from mllib.splits import Split
from mllib.training import LabelledSeries, TrainingConfig, fit, prepare, spreading
from mllib.training.spread_fitting import SpreadTraining, fit_spread
from mllib.training.spreading import Chunk, Labels, Tally
from tests.naive import sample

FUNCTIONS = ("CDLENGULFING", "CDLDOJI", "CDLHIKKAKE")
CONTEXT, ENCODING = ContextConfig(past_bars=20, future_bars=10), EncodingConfig()
CONFIG = TrainingConfig(
    validation_folds=0,
    hyperparameters={"n_estimators": 8, "n_jobs": 1, "subsample": 1.0, "colsample_bytree": 1.0},
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> CandleSource:
    stored = CandleSource(tmp_path_factory.mktemp("home"))
    for i in range(2):
        stored.archive.merge(replace(sample("EURUSD_1h")[i * 1_400 : i * 1_400 + 2_200], pair=f"P{i}"))
    return stored


@pytest.fixture(scope="module")
def asked(source: CandleSource) -> SpreadTraining:
    return SpreadTraining(
        source=source,
        series=[("P0", "1h"), ("P1", "1h")],
        functions=FUNCTIONS,
        encoder_name="bio",
        context=CONTEXT,
        encoding=ENCODING,
    )


def labelled(source: CandleSource, pair: str) -> LabelledSeries:
    candles = source.archive.read(pair, "1h")
    names = frozenset(label_of(name, bullish=side) for name in FUNCTIONS for side in (True, False))
    spans = [span for found in detect(candles, FUNCTIONS).values() for span in found]
    return LabelledSeries(candles, spans, [ReviewedRange(int(candles.time[0]), int(candles.time[-1]), names)])


@pytest.fixture(scope="module")
def here(source: CandleSource) -> Predictor:
    series = [labelled(source, pair) for pair in ("P0", "P1")]
    prepared = prepare(series, encoder_name="bio", context=CONTEXT, encoding=ENCODING)
    return fit(prepared, run_id="here", config=CONFIG, progress=quiet)


@pytest.fixture(scope="module")
def there(asked: SpreadTraining, cluster: Cluster) -> Predictor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spreading, "CHUNK_BARS", 900)  # chunks are cut here, and read there
        return fit_spread(asked, cluster, run_id="there", config=CONFIG, progress=quiet)[0]


def test_the_same_rows_teach_the_same_labels(here: Predictor, there: Predictor) -> None:
    known = ("train", "validation", "test", "stopping", "calibration", "moments", "blocks")
    assert [there.metrics["split"][name] for name in known] == [here.metrics["split"][name] for name in known]
    lengths = [(lane.label, lane.least_bars, lane.most_bars) for lane in here.encoder.lanes]
    assert [(lane.label, lane.least_bars, lane.most_bars) for lane in there.encoder.lanes] == lengths
    assert there.encoder.fingerprint() == here.encoder.fingerprint()
    assert there.metrics["left_out"] == here.metrics["left_out"]
    assert there.trained_on == here.trained_on
    assert there.profile.to_dict() == here.profile.to_dict()


def test_weights_and_prior_are_the_same_but_for_the_order_of_sums(here: Predictor, there: Predictor) -> None:
    np.testing.assert_allclose(there.calibration.undone, here.calibration.undone, rtol=1e-6)
    np.testing.assert_allclose(there.model._prior, here.model._prior, rtol=1e-4)


def test_it_predicts_nearly_the_same(here: Predictor, there: Predictor, source: CandleSource) -> None:
    candles = source.archive.read("P0", "1h")
    ours, theirs = (one.predict(candles).coverage for one in (here, there))
    assert np.abs(ours - theirs).mean() < 0.03
    f1 = [one.metrics["span_f1"]["0.5"]["micro"] for one in (here, there)]
    assert abs(f1[0] - f1[1]) < 0.05


def test_it_is_saved_and_served_as_any_other(there: Predictor, source: CandleSource, tmp_path: Path) -> None:
    there.save(tmp_path / "model")
    served = Predictor.load(tmp_path / "model")
    candles = source.archive.read("P1", "1h")
    assert served.predict(candles).spans == there.predict(candles).spans
    assert (tmp_path / "model" / "model.ubj").is_file()


@pytest.fixture
def labels(source: CandleSource, here: Predictor) -> Labels:
    split = here.metrics["split"]
    return Labels(source, FUNCTIONS, Split(tuple(split["moments"]), tuple(split["blocks"])), here.encoder)


def whole_and_chunks(function: Callable[[Labels, Chunk], Any], labels: Labels) -> tuple[Any, list[Any]]:
    bars = len(labels.source.archive.read("P1", "1h"))
    cuts = [0, 311, 1_700, bars]
    parts = [Chunk(0, "P1", "1h", first, end) for first, end in pairwise(cuts)]
    return function(labels, Chunk(0, "P1", "1h", 0, bars)), [function(labels, part) for part in parts]


def test_chunks_add_up_to_the_whole(labels: Labels) -> None:
    whole, parts = whole_and_chunks(spreading.tally, labels)
    total = parts[0]
    for part in parts[1:]:
        total += part
    assert isinstance(total, Tally)
    assert (total.rows, total.evidence) == (whole.rows, whole.evidence)
    assert total.known.tolist() == whole.known.tolist()
    assert total.positive.tolist() == whole.positive.tolist()
    assert whole.positive.min() > 0


def test_the_rows_of_chunks_are_those_of_the_whole(labels: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mllib.training.material._NEWEST_SHARE", 0.0)
    (X, known), parts = whole_and_chunks(spreading.material, labels)
    np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), X)
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), known)
    assert set(np.unique(known)) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"model_type": "random_forest", "hyperparameters": {}}, "stages.training.model_type"),
        ({"split_method": "random"}, "stages.training.split_method"),
    ],
)
def test_what_does_not_train_on_a_cluster_is_refused(
    asked: SpreadTraining, cluster: Cluster, change: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidConfig, match=r"to train on a cluster\. Choose it") as refused:
        fit_spread(asked, cluster, run_id="x", config=CONFIG.model_copy(update=change), progress=quiet)
    assert refused.value.path == path


def test_functions_that_find_nothing_are_told(asked: SpreadTraining, cluster: Cluster) -> None:
    rare = replace(asked, functions=("CDLCONCEALBABYSWALL",))
    with pytest.raises(TrainingFailed, match="found no span of CDLCONCEALBABYSWALL before the validation"):
        fit_spread(rare, cluster, run_id="x", config=CONFIG, progress=quiet)
