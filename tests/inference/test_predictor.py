import importlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mllib.calibration import Calibration
from mllib.candles import Candles
from mllib.encoders import ENCODER_NAMES, EncodingConfig, Example, TuningPart, encoder_class
from mllib.errors import BrokenModel, CandleloopError, InvalidCandles
from mllib.features import ContextConfig
from mllib.inference import InputProfile, ModelInfo, Prediction, Predictor, TrainedRange, predictor
from mllib.inference.prediction import predicted
from mllib.patterns import detect
from mllib.spans import PredictedSpan, ReviewedRange, Span
from tests.fitted import TREES, fitted
from tests.naive import bars_of, sample, walk

CANDLES = sample("EURUSD_1h")[:900]
SCORES = {"precision": 0.5, "recall": 0.5, "f1_score": 0.5, "support": 9}
METRICS = {"accuracy": 0.5, "f1_macro": 0.5, "f1_weighted": 0.5, "per_class": {"O": SCORES}}
LABELS = ("bearish_engulfing", "bull_flag", "bullish_engulfing")


def _predictor(
    model_type: str = "xgboost", name: str = "bio", groups: tuple[str, ...] = ("candle_shape", "path")
) -> Predictor:
    context = ContextConfig(past_bars=20, future_bars=10, groups=groups)
    flags = [Span("bull_flag", int(CANDLES.time[i]), int(CANDLES.time[i + 7])) for i in range(30, 850, 45)]
    spans: list[Span] = [*detect(CANDLES, ["CDLENGULFING"])["CDLENGULFING"], *flags]
    lengths = {label: np.array([2] * 5) for label in LABELS} | {"bull_flag": np.array([6, 8, 10])}
    starts = 100 + 31 * np.arange(5)
    examples = {
        label: [Example(CANDLES, np.stack([starts[: len(bars)], starts[: len(bars)] + bars], axis=1))]
        for label, bars in lengths.items()
    }
    encoder = encoder_class(name).learn(context, examples, EncodingConfig())
    rows = encoder.propose(CANDLES)
    everywhere = ReviewedRange(int(CANDLES.time[0]), int(CANDLES.time[-1]), frozenset(LABELS))
    targets = encoder.label(rows, CANDLES, spans, [everywhere])
    model = fitted(encoder, rows, targets, {"n_estimators": 5, "n_jobs": 1}, name=model_type)
    counts = np.ones((len(CANDLES), len(encoder.columns)), bool)
    encoder = encoder.tune([TuningPart(CANDLES, rows, model.predict_proba(rows.X), spans, counts)])
    info = ModelInfo(
        model_name="m", model_version="3", model_type=model_type, experiment_name="e", run_id="r",
        trained_at=1, feature_count=len(encoder.feature_columns), label_names=list(LABELS),
        provisional_bars=encoder.provisional_bars,
    )  # fmt: skip
    seen = TrainedRange("EURUSD", "1h", int(CANDLES.time[0]), int(CANDLES.time[-1]))
    k = len(encoder.columns)
    return Predictor(
        encoder=encoder, model=model, calibration=Calibration((0.5,) * k, (1.25,) * k), info=info,
        trained_on=(seen,), metrics=METRICS,
    )  # fmt: skip


@pytest.fixture(scope="module", params=[(m, e) for e in ENCODER_NAMES for m in TREES], ids="-".join)
def trained(request: pytest.FixtureRequest) -> Predictor:
    return _predictor(*request.param)


@pytest.fixture(scope="module", params=ENCODER_NAMES)
def saved_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "saved"
    _predictor(name=request.param).save(folder)
    return folder


@pytest.fixture
def folder(saved_once: Path, tmp_path: Path) -> Path:
    """A saved predictor of one's own to break."""
    return Path(shutil.copytree(saved_once, tmp_path / "saved"))


def _same(one: Prediction, other: Prediction) -> bool:
    return (
        one.spans == other.spans
        and one.labels() == other.labels()
        and one.confidence.tobytes() == other.confidence.tobytes()
        and one.coverage.tobytes() == other.coverage.tobytes()
    )


def test_a_saved_predictor_gives_the_same_predictions(trained: Predictor, tmp_path: Path) -> None:
    trained.save(tmp_path / "not" / "there" / "yet")
    loaded = Predictor.load(tmp_path / "not" / "there" / "yet")
    assert _same(loaded.predict(CANDLES), trained.predict(CANDLES))
    assert trained.predict(CANDLES).spans
    assert (loaded.info, loaded.trained_on, loaded.metrics, loaded.encoder, loaded.calibration) == (
        trained.info, trained.trained_on, trained.metrics, trained.encoder, trained.calibration
    )  # fmt: skip
    assert [path.name for path in (tmp_path / "not" / "there").iterdir()] == ["yet"]


def test_the_ledgers_version_is_given_on_loading(folder: Path) -> None:
    assert Predictor.load(folder, model_version="17").info.model_version == "17"


@pytest.mark.parametrize("chunk", [1, 37, 300, 899])
def test_a_sweep_in_chunks_is_one_sweep(
    trained: Predictor, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    candles = CANDLES[:300] if chunk == 1 else CANDLES
    whole = trained.predict(candles)
    monkeypatch.setattr(predictor, "PIECE_BARS", chunk)
    told: list[float] = []
    assert _same(trained.predict(candles, progress=told.append), whole)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_slice_has_the_labels_of_the_whole_where_it_covers_the_memory(trained: Predictor) -> None:
    whole = trained.predict(CANDLES)
    before, after = trained.encoder.context_bars, trained.encoder.provisional_bars
    for start, end in ((0, 400), (133, 500), (401, 900)):
        part = trained.predict(CANDLES[start:end])
        first = 0 if start == 0 else before
        last = end - start if end == 900 else end - start - after
        assert part.labels()[first:last] == whole.labels()[start + first : start + last]
        np.testing.assert_array_equal(
            part.confidence[first:last], whole.confidence[start + first : start + last]
        )


def test_too_few_candles_are_refused_with_the_number_needed(trained: Predictor) -> None:
    needed = trained.encoder.needed_bars
    said = rf"EURUSD 1h: found {needed - 1} candles, expected at least {needed}: .* {needed - 1} bars"
    with pytest.raises(InvalidCandles, match=said):
        trained.predict(CANDLES[: needed - 1])
    assert len(trained.predict(CANDLES[:needed]).label) == needed


def test_the_candles_are_left_as_they_were(trained: Predictor) -> None:
    before = CANDLES.to_frame().copy()
    trained.predict(CANDLES)
    assert before.equals(CANDLES.to_frame())


def _described(change: Callable[[dict[str, Any]], object], *, sealed: bool = False) -> Callable[[Path], None]:
    """Changes the description; unless `sealed`, as of a version that knew no digest of it."""

    def breaking(folder: Path) -> None:
        path = folder / "predictor.json"
        saved = json.loads(path.read_text())
        change(saved)
        if not sealed:
            saved.pop("digest")
        path.write_text(json.dumps(saved))

    return breaking


def _last(folder: Path, name: str) -> Path:
    """The file of that name, of the last part where the model has several."""
    return sorted(folder.rglob(name))[-1]


def _truncated(name: str) -> Callable[[Path], None]:
    def breaking(folder: Path) -> None:
        path = _last(folder, name)
        path.write_bytes(path.read_bytes()[:-100])

    return breaking


def _of_bars(description: dict[str, Any]) -> Any:
    """The description of the encoder that judges candles or, where there is none, of the only one."""
    return description["encoder"].get("bio", description["encoder"])


BREAKING: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, r"found no predictor\.json, .* Promote another run"),
    "no description": (lambda f: (f / "predictor.json").unlink(), "found no predictor.json"),
    "truncated description": (_truncated("predictor.json"), "cut short or damaged"),
    "description of bytes": (
        lambda f: (f / "predictor.json").write_bytes(b"\xff\xfe"),
        "cut short or damaged",
    ),
    "description of another kind": (
        lambda f: (f / "predictor.json").write_text("[1]"),
        "expected a complete",
    ),
    "no model": (lambda f: _last(f, "model.ubj").unlink(), "found no model.ubj"),
    "truncated model": (_truncated("model.ubj"), r"found (part_1/)?model\.ubj altered"),
    "altered prior": (
        lambda f: _last(f, "prior.json").write_text("[0,0,0,0]"),
        r"found (part_1/)?prior\.json altered",
    ),
    "another format": (
        _described(lambda d: d.update(format=99)),
        r"found format 99, expected 2\. Train again",
    ),
    "no format": (_described(lambda d: d.pop("format")), "found format None"),
    "another fingerprint": (
        _described(lambda d: d.update(fingerprint="ff")),
        r"found features ff, .*Train again",
    ),
    "other values": (_described(lambda d: d["probe"].__setitem__(3, 7.5)), "with the same values"),
    "fewer values": (_described(lambda d: d["probe"].pop()), "same values|complete predictor"),
    "no encoder": (_described(lambda d: d.pop("encoder")), "without 'encoder'"),
    "odd lane": (_described(lambda d: _of_bars(d)["lanes"][0].update(odd=1)), "of another shape"),
    "unknown encoder": (_described(lambda d: d["encoder"].update(encoder="x")), "model in .*'x'"),
    "unknown model": (_described(lambda d: d["info"].update(model_type="x")), "model in .*'x'"),
    "no calibration": (_described(lambda d: d.pop("calibration")), "without 'calibration'"),
    "the format before": (_described(lambda d: d.update(format=1)), r"found format 1, .* Train again"),
    "metrics emptied": (
        _described(lambda d: d["metrics"].clear(), sealed=True),
        "predictor.json altered since",
    ),
    "calibration edited": (
        _described(lambda d: d["calibration"].update(odd=1), sealed=True),
        "predictor.json altered since",
    ),
    "no metrics": (_described(lambda d: d["metrics"].clear()), r"found metrics\.accuracy missing"),
    "metrics of another kind": (_described(lambda d: d.update(metrics=[])), "found metrics missing"),
    "no scores": (
        _described(lambda d: d["metrics"]["per_class"]["O"].pop("recall")),
        r"found metrics\.per_class\.O\.recall missing",
    ),
    "lists in place of objects": (_described(lambda d: d.update(calibration=[])), "of another shape"),
    "odd context": (
        _described(lambda d: _of_bars(d)["context"].update(past_bars=1)),
        "of another shape",
    ),
}


@pytest.mark.parametrize("name", ENCODER_NAMES)
def test_a_custom_feature_whose_module_is_not_there_is_said(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "users_own.py"
    module.write_text("def change(candles): return {'x': candles.close - candles.open}")
    monkeypatch.syspath_prepend(tmp_path)
    _predictor(name=name, groups=("path", "users_own.change")).save(tmp_path / "model")
    columns = Predictor.load(tmp_path / "model").encoder.feature_columns
    assert any(column.name.startswith("users_own.change.x") for column in columns)
    module.write_text("def change(candles): return {'x': candles.close - 2 * candles.open}")
    monkeypatch.delitem(sys.modules, "users_own")
    importlib.invalidate_caches()
    with pytest.raises(BrokenModel, match="with the same values"):
        Predictor.load(tmp_path / "model")
    module.unlink()
    monkeypatch.delitem(sys.modules, "users_own")
    importlib.invalidate_caches()
    with pytest.raises(BrokenModel, match=r"'users_own\.change', .*PYTHONPATH") as raised:
        Predictor.load(tmp_path / "model")
    assert str(tmp_path / "model") in str(raised.value)


@pytest.mark.parametrize("how", BREAKING)
def test_a_broken_folder_is_refused(how: str, folder: Path) -> None:
    breaking, message = BREAKING[how]
    breaking(folder)
    with pytest.raises(BrokenModel, match=f"(?s){message}") as raised:
        Predictor.load(folder)
    assert str(folder) in str(raised.value)
    assert "Error" not in str(raised.value), "Python's names mean nothing to an operator"


def test_a_folder_from_before_descriptions_had_a_digest_loads(folder: Path) -> None:
    _described(lambda d: None)(folder)
    assert Predictor.load(folder).metrics == METRICS


def test_a_model_of_parts_lists_the_files_of_each(tmp_path: Path) -> None:
    _predictor(name="combined").save(tmp_path / "model")
    listed = json.loads((tmp_path / "model" / "predictor.json").read_text())["files"]
    assert set(listed) == {f"part_{i}/{name}" for i in (0, 1) for name in ("model.ubj", "prior.json")}


def test_what_a_killed_save_left_behind_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / ".new.partial").mkdir()
    (tmp_path / ".new.partial" / "model.ubj").write_bytes(b"half")
    _predictor().save(tmp_path / "new")
    assert Predictor.load(tmp_path / "new").info.run_id == "r"


def test_a_saved_predictor_is_not_overwritten(folder: Path) -> None:
    with pytest.raises((OSError, CandleloopError)):
        _predictor().save(folder)
    Predictor.load(folder)


def _painted(spans: list[tuple[str, int, int, float]], candles: Candles) -> Prediction:
    time = candles.time.tolist()
    found = [PredictedSpan(label, time[a], time[b], p, b - a + 1) for label, a, b, p in spans]
    coverage = np.linspace(0, 0.9, len(candles) * 2).reshape(-1, 2)
    return predicted(candles, ("doji", "flag"), found, coverage)


def test_where_spans_overlap_the_most_confident_one_labels_the_candle() -> None:
    candles = walk(12, seed=1)
    prediction = _painted([("flag", 2, 8, 0.6), ("doji", 4, 4, 0.9), ("doji", 8, 9, 0.3)], candles)
    assert prediction.labels() == [*"OO", *["flag"] * 2, "doji", *["flag"] * 4, "doji", *"OO"]
    assert prediction.confidence[2:10] == pytest.approx([0.6, 0.6, 0.9, 0.6, 0.6, 0.6, 0.6, 0.3])
    outside = [0, 1, 10, 11]
    assert prediction.confidence[outside] == pytest.approx(1 - prediction.coverage.max(axis=1)[outside])


def test_a_part_of_a_prediction_keeps_touching_spans_whole() -> None:
    candles = walk(12, seed=1)
    prediction = _painted([("flag", 2, 5, 0.6), ("doji", 7, 7, 0.9), ("doji", 9, 9, 0.3)], candles)
    part = prediction.between(5, 8)
    assert len(part.candles) == len(part.label) == len(part.confidence) == 3
    assert [s.label for s in part.spans] == ["flag", "doji"]
    assert bars_of(part.spans[0], candles) == {2, 3, 4, 5}
    assert prediction.between(4, 4).spans == []


def test_the_profile_of_the_training_candles_is_kept(tmp_path: Path) -> None:
    made = replace(_predictor(), profile=InputProfile.learn([CANDLES]))
    made.save(tmp_path / "with")
    assert Predictor.load(tmp_path / "with").profile == made.profile


def test_a_folder_from_before_a_model_told_its_provisional_bars_says_the_same(folder: Path) -> None:
    description = folder / "predictor.json"
    saved = json.loads(description.read_text())
    told = saved["info"].pop("provisional_bars")
    del saved["digest"]
    description.write_text(json.dumps(saved))
    assert Predictor.load(folder).info.provisional_bars == told > 0


def test_a_folder_from_before_there_were_profiles_loads(folder: Path) -> None:
    description = folder / "predictor.json"
    saved = json.loads(description.read_text())
    del saved["profile"], saved["digest"]
    description.write_text(json.dumps(saved))
    assert Predictor.load(folder).profile is None
