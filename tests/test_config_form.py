import pytest
from pydantic import BaseModel

from mllib.config import Config, TrainingSection, parse_config
from mllib.config_form import (
    MODEL_TYPE,
    Bounds,
    FormField,
    as_command,
    as_yaml,
    changed,
    form_fields,
    parse_value,
    problems,
)
from mllib.errors import InvalidConfig
from mllib.models import MODEL_NAMES, hyperparameters_class

TRAINING = "stages.training"
INGESTION = "stages.annotation_ingestion"


def by_path(config: Config | None = None) -> dict[str, FormField]:
    return {field.path: field for field in form_fields(config or Config())}


def keys_of(model: type[BaseModel], path: str) -> set[str]:
    return {f"{path}.{name}" for name in model.model_fields}


def test_every_key_that_a_training_may_override_has_a_field_and_no_other() -> None:
    expected = keys_of(TrainingSection, TRAINING)
    expected -= {
        f"{TRAINING}.{name}" for name in ("enabled", "retrain", "hyperparameters", "gate", "bootstrap")
    }
    found = {path for path in by_path() if path.startswith(TRAINING)}
    found -= {path for path in found if path.count(".") > 2}
    assert found == expected


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_hyperparameters_are_those_of_the_configured_model(name: str) -> None:
    fields = by_path(parse_config({"stages": {"training": {"model_type": name}}}, where="test"))
    path = f"{TRAINING}.hyperparameters"
    assert {key for key in fields if key.startswith(path)} == keys_of(hyperparameters_class(name), path)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_field_says_what_it_means(name: str) -> None:
    fields = form_fields(parse_config({"stages": {"training": {"model_type": name}}}, where="test"))
    assert [field.path for field in fields if not field.said] == []


def test_types_become_kinds_with_their_choices_and_bounds() -> None:
    fields = by_path()
    split = fields[f"{TRAINING}.test_split"]
    assert (split.kind, split.bounds) == ("number", Bounds(0, 0.9, open_least=True, open_most=True))
    folds = fields[f"{TRAINING}.validation_folds"]
    assert (folds.kind, folds.optional, folds.bounds) == ("integer", True, Bounds(0, 20))
    assert fields[f"{TRAINING}.auto_promote"].kind == "switch"
    encoder = fields[f"{INGESTION}.label_encoding"]
    assert (encoder.kind, encoder.choices) == ("choice", ("bio", "combined", "window"))
    layers = fields[f"{INGESTION}.layers"]
    assert (layers.kind, layers.choices, layers.value) == ("choices", ("human", "talib"), ["human", "talib"])
    weights = fields[f"{TRAINING}.class_weights"]
    assert (weights.kind, weights.optional, weights.choices) == ("choice", True, ("balanced",))
    assert fields[f"{TRAINING}.gate.least_span_f1_of"].kind == "value"
    assert fields[f"{TRAINING}.model_type"].choices == MODEL_NAMES
    assert "CDLDOJI" in fields[f"{INGESTION}.talib_patterns"].choices
    assert "windows" in fields["stages.feature_engineering.context.groups"].choices


def test_essential_fields_come_first_in_their_order() -> None:
    fields = form_fields(Config())
    first = [field.path.rpartition(".")[2] for field in fields if field.is_essential]
    assert first == [
        "model_type",
        "label_encoding",
        "layers",
        "talib_patterns",
        "n_estimators",
        "auto_promote",
    ]
    assert [field.is_essential for field in fields[: len(first)]] == [True] * len(first)


def test_values_are_those_of_the_configuration() -> None:
    config = parse_config({"stages": {"training": {"hyperparameters": {"max_depth": 7}}}}, where="test")
    fields = by_path(config)
    assert fields[f"{TRAINING}.hyperparameters.max_depth"].value == 7
    assert fields[f"{TRAINING}.hyperparameters.learning_rate"].value == 0.15


def test_only_what_differs_is_an_override() -> None:
    given = {f"{TRAINING}.seed": 3, f"{TRAINING}.test_split": 0.2, f"{INGESTION}.layers": ["human"]}
    assert changed(Config(), given) == {f"{TRAINING}.seed": 3, f"{INGESTION}.layers": ["human"]}


def test_another_model_leaves_the_hyperparameters_of_the_configured_one_behind() -> None:
    config = parse_config({"stages": {"training": {"hyperparameters": {"max_depth": 7}}}}, where="test")
    path = f"{TRAINING}.hyperparameters.max_depth"
    given = {MODEL_TYPE: "random_forest", path: 16}
    assert changed(config, given) == {MODEL_TYPE: "random_forest"}
    assert changed(config, given | {path: 9}) == {MODEL_TYPE: "random_forest", path: 9}
    assert problems(config, {MODEL_TYPE: "random_forest"}) == {}


def test_problems_stand_at_their_paths_all_at_once() -> None:
    found = problems(Config(), {f"{TRAINING}.test_split": 0, f"{INGESTION}.min_confidence": 9})
    assert found.keys() == {f"{TRAINING}.test_split", f"{INGESTION}.min_confidence"}
    assert found[f"{TRAINING}.test_split"].startswith("found 0: input should be greater than 0")


def test_a_problem_between_two_fields_stands_at_their_section() -> None:
    found = problems(Config(), {f"{TRAINING}.test_split": 0.8, f"{TRAINING}.validation_split": 0.8})
    assert found.keys() == {TRAINING}
    assert "test_split + validation_split" in found[TRAINING]


def test_a_hyperparameter_is_checked_by_its_model() -> None:
    path = f"{TRAINING}.hyperparameters.max_depth"
    assert problems(Config(), {path: 99}).keys() == {path}
    assert problems(Config(), {path: 9}) == {}


def test_an_unknown_hyperparameter_is_told_those_of_its_model() -> None:
    path = f"{TRAINING}.hyperparameters.max_dept"
    said = problems(Config(), {path: 9})[path]
    known = ", ".join(hyperparameters_class(Config().stages.training.model_type).model_fields)
    assert said == f"found an unknown key, expected one of {known}. Correct its spelling or remove it."


def test_an_override_below_a_value_is_a_problem_at_its_path() -> None:
    found = problems(Config(), {f"{TRAINING}.seed.x": 1})
    assert found == {
        f"{TRAINING}.seed.x": f"found a value at {TRAINING}.seed, expected a section. Correct the key."
    }


def test_the_command_quotes_what_a_shell_would_take_apart() -> None:
    overrides = {f"{INGESTION}.layers": ["human", "talib"], f"{TRAINING}.validation_folds": None}
    assert as_command(["BRK.B", "A B"], "1d", overrides) == (
        "candleloop train --pair BRK.B --pair 'A B' --timeframe 1d "
        f"--set '{INGESTION}.layers=[human, talib]' --set {TRAINING}.validation_folds=null"
    )


def test_without_overrides_there_is_no_yaml() -> None:
    assert as_yaml({}) == ""


def test_a_text_that_is_not_yaml_is_refused_with_its_path() -> None:
    assert parse_value("a", "{flag: 0.5}") == {"flag": 0.5}
    with pytest.raises(InvalidConfig, match=r"^a: found '\{flag', which is not YAML"):
        parse_value("a", "{flag")


def test_an_empty_choice_is_told_in_words() -> None:
    found = problems(Config(), {f"{INGESTION}.layers": []})
    assert found == {f"{INGESTION}.layers": "found none, expected at least one. Choose at least one."}
