from pathlib import Path
from typing import Any

import pytest
import yaml

from mllib.config import Config, default_config_path, load_config, parse_config, with_value
from mllib.encoders import EncodingConfig
from mllib.errors import InvalidConfig
from mllib.indicators import CANDLE_FEATURES
from mllib.pipeline.runs import resolve_config

OF_THE_CONTRACT: dict[str, Any] = {
    "pipeline": {"name": "p", "pair": "EURUSD", "timeframe": "1H"},
    "data": {
        "raw_ohlcv_path": "a.parquet",
        "enriched_path": "b.parquet",
        "labeled_path": "c.parquet",
        "annotations_path": "d.parquet",
    },
    "stages": {
        "feature_engineering": {
            "enabled": True,
            "talib_indicators": [
                {"name": "RSI", "params": {"timeperiod": 14}},
                {"name": "MACD", "params": {"fastperiod": 12, "slowperiod": 26, "signalperiod": 9}},
            ],
            "candle_features": ["body_size", "upper_wick"],
            "custom_features": [],
        },
        "annotation_ingestion": {
            "enabled": True,
            "source": "span",
            "context_padding": 5,
            "label_encoding": "bio",
            "window_size": 40,
            "min_confidence": 3,
            "talib_patterns": ["CDLENGULFING"],
            "merge_strategy": "both",
        },
        "training": {
            "model_type": "random_forest",
            "hyperparameters": {"n_estimators": 100},
            "split_method": "temporal",
            "test_split": 0.2,
            "validation_split": 0.1,
            "class_weights": None,
            "experiment_name": "e",
            "registered_model_name": "m",
        },
        "inference": {
            "model_source": "mlflow",
            "mlflow_model_name": "m",
            "mlflow_model_alias": "champion",
            "local_model_path": None,
        },
    },
}


def _without(tmp_path: Path, *change: tuple[str, Any]) -> Path:
    values = OF_THE_CONTRACT
    for key, value in change:
        values = with_value(values, key, value)
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def _contains(loaded: Any, given: Any) -> bool:
    if isinstance(given, dict):
        return all(_contains(loaded[key], value) for key, value in given.items())
    if isinstance(given, list):
        return len(loaded) == len(given) and all(map(_contains, loaded, given))
    return bool(loaded == given)


def test_every_key_of_the_contract_loads(tmp_path: Path) -> None:
    loaded = load_config(_without(tmp_path)).model_dump(mode="json")
    expected = with_value(OF_THE_CONTRACT, "pipeline.timeframe", "1h")
    assert _contains(loaded, expected)


def test_the_default_file_says_what_the_code_assumes_without_one() -> None:
    default = load_config(default_config_path())
    assert default.stages.training == Config().stages.training
    assert default.stages.feature_engineering.context == Config().stages.feature_engineering.context
    assert 10 <= len(default.stages.annotation_ingestion.talib_patterns) <= 20


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    assert load_config(tmp_path / "empty.yaml") == Config()


def test_a_configuration_survives_being_written_into_the_ledger() -> None:
    config = load_config()
    assert parse_config(config.model_dump(mode="json"), where="run") == config


REFUSED: list[tuple[str, Any, str]] = [
    ("stages.training.modeltype", "x", r"stages\.training\.modeltype: found an unknown key, .*model_type"),
    ("stages.trainig", {}, r"stages\.trainig: found an unknown key, expected one of feature_engineering"),
    ("extra", 1, r"extra: found an unknown key, expected one of pipeline, data, stages"),
    (
        "stages.training.test_split",
        "many",
        r"stages\.training\.test_split: found 'many': input should be a valid",
    ),
    (
        "stages.training.test_split",
        1.5,
        r"stages\.training\.test_split: found 1\.5: input should be less than",
    ),
    ("stages.training.test_split", 0.85, r"stages\.training: found test_split \+ validation_split 0\.95"),
    ("stages.training.hyperparameters", [1], r"stages\.training\.hyperparameters: found \[1\]"),
    ("stages.training.class_weights", "heavy", r"stages\.training\.class_weights: found 'heavy'"),
    (
        "stages.training.model_type",
        "oracle",
        r"stages\.training\.model_type: found 'oracle', expected one of rand",
    ),
    ("stages.training", 5, r"stages\.training: found 5"),
    ("pipeline.timeframe", "1M", r"pipeline\.timeframe: timeframe: found '1M'.*1mo"),
    (
        "stages.annotation_ingestion.min_confidence",
        9,
        r"stages\.annotation_ingestion\.min_confidence: found 9",
    ),
    (
        "stages.annotation_ingestion.label_encoding",
        "iob",
        r"annotation_ingestion\.label_encoding: found 'iob'",
    ),
    ("stages.annotation_ingestion.merge_strategy", "x", r"annotation_ingestion\.merge_strategy: found 'x'"),
    ("stages.annotation_ingestion.layers", ["robots"], r"annotation_ingestion\.layers\[0\]: found 'robots'"),
    (
        "stages.annotation_ingestion.talib_patterns",
        ["CDLDOJI", "CDLNOPE"],
        r"stages\.annotation_ingestion\.talib_patterns: .*found CDLNOPE",
    ),
    (
        "stages.feature_engineering.talib_indicators",
        [{"name": "EMA"}, {"name": "NOPE"}],
        r"stages\.feature_engineering\.talib_indicators\[1\]: found 'NOPE', expected a TA-Lib indicator",
    ),
    (
        "stages.feature_engineering.talib_indicators",
        [{"name": "RSI", "params": {"period": 3}}],
        r"talib_indicators\[0\]: found parameter 'period' for RSI, expected timeperiod",
    ),
    (
        "stages.feature_engineering.talib_indicators",
        [{"name": "RSI", "params": {"timeperiod": 0}}],
        r"talib_indicators\[0\]: found timeperiod 0 for RSI",
    ),
    (
        "stages.feature_engineering.talib_indicators",
        [{"name": "RSI", "parms": {}}],
        r"talib_indicators\[0\]\.parms: found an unknown key, expected one of name, params",
    ),
    (
        "stages.feature_engineering.candle_features",
        ["nose"],
        r"stages\.feature_engineering\.candle_features: found 'nose', expected some of body_size",
    ),
    (
        "stages.feature_engineering.candle_features",
        7.5,
        r"stages\.feature_engineering\.candle_features: found 7\.5",
    ),
    (
        "stages.feature_engineering.context.groups",
        ["path", "my.module"],
        r"found 'my\.module' among groups, expected it in custom_features",
    ),
    (
        "stages.feature_engineering.context.groups",
        ["x"],
        r"context\.groups: found x, expected some of candle_sh",
    ),
    ("stages.feature_engineering.context.past_bars", 1, r"feature_engineering\.context\.past_bars: found 1"),
    ("stages.inference.model_source", "s3", r"stages\.inference\.model_source: found 's3'"),
]


@pytest.mark.parametrize(("key", "value", "message"), REFUSED, ids=[f"{k}={v}" for k, v, _ in REFUSED])
def test_what_does_not_fit_is_named_with_file_and_yaml_path(
    key: str, value: Any, message: str, tmp_path: Path
) -> None:
    file = _without(tmp_path, (key, value))
    with pytest.raises(InvalidConfig, match=f"(?s)pipeline.yaml: .*{message}") as raised:
        load_config(file)
    assert str(raised.value).startswith(f"{file}: ")


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2", "5", "\t- x"])
def test_a_file_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InvalidConfig, match=r"c\.yaml: "):
        load_config(tmp_path / "c.yaml")


def test_a_key_that_is_a_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("stages: {1: 2}")
    with pytest.raises(InvalidConfig, match=r"c\.yaml: stages"):
        load_config(tmp_path / "c.yaml")


def test_a_missing_file_and_one_of_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"none\.yaml: cannot be read"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidConfig, match=r"bytes\.yaml: cannot be read"):
        load_config(tmp_path / "bytes.yaml")


def test_dotted_overrides_are_yaml_values(tmp_path: Path) -> None:
    config = load_config(
        _without(tmp_path),
        [
            "stages.training.seed=7",
            "stages.training.class_weights=balanced",
            "stages.annotation_ingestion.talib_patterns=[CDLDOJI]",
            "stages.training.hyperparameters.max_depth=3",
            "pipeline.name=a=b",
        ],
    )
    assert config.stages.training.seed == 7
    assert config.stages.training.class_weights == "balanced"
    assert config.stages.annotation_ingestion.talib_patterns == ("CDLDOJI",)
    assert config.stages.training.hyperparameters == {"n_estimators": 100, "max_depth": 3}
    assert config.pipeline.name == "a=b"


@pytest.mark.parametrize("override", ["stages.training.seed", "=3", "stages.training.seed=[1", "a..b=1"])
def test_an_override_that_cannot_be_read_is_refused(override: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig):
        load_config(_without(tmp_path), [override])


def test_an_unknown_override_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"stages\.training\.sed: found an unknown key"):
        load_config(_without(tmp_path), ["stages.training.sed=1"])


def test_an_override_below_a_value_is_refused_with_its_whole_path(tmp_path: Path) -> None:
    said = r"stages\.training\.seed\.x: found a value at stages\.training\.seed, expected a section"
    with pytest.raises(InvalidConfig, match=said):
        load_config(_without(tmp_path, ("stages.training.seed", 1)), ["stages.training.seed.x=1"])


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLELOOP_CONFIG", str(_without(tmp_path, ("pipeline.name", "named"))))
    assert load_config().pipeline.name == "named"


def test_candle_features_are_all_none_or_those_named() -> None:
    def columns(value: Any) -> tuple[str, ...]:
        values = {"stages": {"feature_engineering": {"candle_features": value}}}
        return parse_config(values, where="x").stages.feature_engineering.candle_columns

    assert columns(True) == CANDLE_FEATURES
    assert columns(False) == ()
    assert columns(["body_size"]) == ("body_size",)


INGESTION = "stages.annotation_ingestion"
BASE = parse_config(
    {"stages": {"training": {"model_type": "xgboost", "hyperparameters": {"learning_rate": 0.2}}}}, where="x"
)
TRAINING = "stages.training"


def test_another_model_type_leaves_hyperparameters_behind() -> None:
    resolved = resolve_config(BASE, model_type="random_forest")
    assert resolved.stages.training.hyperparameters == {}
    assert resolve_config(BASE, model_type="xgboost").stages.training.hyperparameters == {
        "learning_rate": 0.2
    }
    assert resolve_config(BASE) == BASE


def test_another_model_type_by_override_leaves_hyperparameters_behind() -> None:
    resolved = resolve_config(BASE, overrides={f"{TRAINING}.model_type": "random_forest"})
    assert resolved.stages.training.hyperparameters == {}


def test_another_model_type_takes_the_hyperparameters_given_with_it_and_no_others() -> None:
    for overrides in (
        {f"{TRAINING}.hyperparameters.n_estimators": 5},
        {f"{TRAINING}.hyperparameters": {"n_estimators": 5}},
    ):
        resolved = resolve_config(BASE, model_type="random_forest", overrides=overrides)
        assert resolved.stages.training.hyperparameters == {"n_estimators": 5}


def test_layers_and_encoder_of_one_run() -> None:
    resolved = resolve_config(BASE, encoder="bio", layers=["talib"])
    assert resolved.stages.annotation_ingestion.layers == ("talib",)


def test_how_windows_are_proposed_is_what_encoders_heed() -> None:
    wanted = {"proposals": "fixed", "window_size": 24, "context_padding": 5}
    overrides = {f"{INGESTION}.{name}": value for name, value in wanted.items()}
    resolved = resolve_config(BASE, encoder="window", overrides=overrides).stages.annotation_ingestion
    assert resolved.label_encoding == "window"
    assert resolved.encoding == EncodingConfig(proposals="fixed", window_size=24, context_padding=5)
    assert resolve_config(BASE, encoder="window").stages.annotation_ingestion.encoding == EncodingConfig()


def test_padding_that_the_encoder_would_not_heed_is_refused() -> None:
    padded = {f"{INGESTION}.context_padding": 5}
    with pytest.raises(InvalidConfig, match=r"run: .*context_padding: found 5, expected 0"):
        resolve_config(BASE, encoder="bio", overrides=padded)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model_type": "oracle"}, r"stages\.training\.model_type: found 'oracle'"),
        ({"encoder": "iob"}, r"stages\.annotation_ingestion\.label_encoding: found 'iob'"),
        ({"layers": ["robots"]}, r"stages\.annotation_ingestion\.layers\[0\]: found 'robots'"),
        ({"layers": []}, r"stages\.annotation_ingestion\.layers: found"),
        (
            {"overrides": {"stages.training.hyperparameters.depth": 3}},
            r"stages\.training\.hyperparameters\.depth",
        ),
        ({"overrides": {f"{INGESTION}.proposals": "all"}}, r"annotation_ingestion\.proposals: found 'all'"),
        ({"overrides": {f"{INGESTION}.window_size": 1}}, r"annotation_ingestion\.window_size: found 1"),
        ({"overrides": {f"{INGESTION}.context_padding": -1}}, r"context_padding: found -1"),
        ({"overrides": {"stages.nope": 3}}, r"stages\.nope: found an unknown key"),
        ({"overrides": {"stages.training.split_method": "shuffled"}}, r"split_method: found 'shuffled'"),
    ],
)
def test_a_run_that_cannot_be_is_refused_before_it_is_queued(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        resolve_config(BASE, **asked)
