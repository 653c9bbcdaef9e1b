import re

import numpy as np
import pytest

from mllib.encoders import ENCODER_NAMES, EncodingConfig, encoder_class
from mllib.feature_words import feature_group, feature_words
from mllib.features import ContextConfig, compute_features
from tests.naive import walk

COLUMNS = compute_features(walk(200, seed=1), ContextConfig()).columns
OF_ENCODERS = {
    name: encoder_class(name).learn(ContextConfig(), {}, EncodingConfig(context_padding=20)).feature_columns
    for name in ENCODER_NAMES
}


GAP = "candle +1 has the top of its body 0.25 of the usual range below the body's bottom of the candle before"


def _place(lag: int) -> str:
    return f"candle {lag:+d}"


@pytest.mark.parametrize("name", ENCODER_NAMES)
@pytest.mark.parametrize("value", [-1.5, 0.0, 2.25])
def test_every_model_input_has_words_of_its_own(name: str, value: float) -> None:
    for column in OF_ENCODERS[name]:
        said = feature_words(column.name, value, _place)
        assert "_" not in said
        assert "@" not in said
        assert not said.startswith(re.split(r"[@_]", column.name)[0] + " vs"), column.name
        assert said != feature_words("unknown_" + column.name, value, _place)
        assert said != f"{column.name.replace('_', ' ').replace('@', ' ')} is {value:.3g}"


def test_inputs_group_by_what_they_are_about() -> None:
    for columns in OF_ENCODERS.values():
        assert len({feature_group(column.name) for column in columns}) < len(columns) / 3
    groups = {feature_group(column.name) for column in COLUMNS}
    assert len(groups) < len(COLUMNS) / 5
    assert feature_group("path_close@-20") == feature_group("path_low@-5") != feature_group("path_low@+5")
    assert feature_group("body_vs_range@+0") == feature_group("body_vs_usual_body@+0")
    assert feature_group("body_vs_range@+0") != feature_group("body_vs_range@+1")
    assert feature_group("legs_07") == feature_group("legs_12")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("path_close@-20", -3.1, "the close rises 3.1 ranges in the 20 bars up to candle +0"),
        ("path_close@+1", -0.5, "the close falls 0.5 ranges in the 1 bar after candle +0"),
        ("lower_wick_vs_usual_range@+2", 0.8, "the lower wick of candle +2 is 0.80 of the usual range"),
        ("body_vs_usual_body@-1", -2, "candle -1 falls by 2.00 times the usual body from open to close"),
        ("body_gap_down@+1", -0.25, GAP),
        ("efficiency_future_20", -0.75, "75% of the way in the 20 bars after candle +0 is net fall"),
        ("rsi_14", 0.5, "RSI (from -1 to 1) over 14 bars at candle +0 is 0.50"),
        ("legs_07", 0.51234, "legs 07 is 0.512"),
        ("move_future_20", float("nan"), "move future 20 is not known yet"),
    ],
)  # fmt: skip
def test_values_are_said_as_a_chart_shows_them(name: str, value: float, said: str) -> None:
    assert feature_words(name, value, _place) == said


def test_words_agree_with_the_candles() -> None:
    candles = walk(200, seed=1)
    matrix = compute_features(candles, ContextConfig())
    column = [c.name for c in matrix.columns].index("path_close@-20")
    for bar in (60, 90, 120):
        rises = candles.close[bar] > candles.close[bar - 20]
        said = feature_words("path_close@-20", float(matrix.values[bar, column]), _place)
        assert ("rises" in said) == bool(rises)
    assert np.isfinite(matrix.values[60, column])
