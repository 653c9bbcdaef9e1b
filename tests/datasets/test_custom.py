from pathlib import Path

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.datasets.custom import custom_columns
from mllib.errors import InvalidConfig

CODE = """
import numpy as np

def momentum(candles):
    return candles["close"].diff(3)

def centred(candles):
    return candles["close"] - candles["close"].rolling(5, center=True).mean()

def normalised(candles):
    return candles["close"] / candles["close"].max()

def tomorrow(candles):
    return candles["open"].shift(-1)

def short(candles):
    return [1.0]

def broken(candles):
    raise KeyError("vwap")

constant = 3
"""


@pytest.fixture(autouse=True)
def features_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "our_features.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_function_adds_a_column_of_its_name(candles: Candles) -> None:
    found = custom_columns(candles, ["our_features.momentum"])
    assert list(found) == ["momentum"]
    np.testing.assert_array_equal(found["momentum"][3:], candles.close[3:] - candles.close[:-3])


@pytest.mark.parametrize("name", ["centred", "normalised", "tomorrow"])
def test_a_function_that_sees_the_future_is_refused(candles: Candles, name: str) -> None:
    with pytest.raises(InvalidConfig, match=rf"our_features.{name}: found row \d+ .*Take the future out"):
        custom_columns(candles, [f"our_features.{name}"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("short", r"values of shape \(1,\), expected \(300,\)"),
        ("broken", r"failed on 300 candles of EURUSD 1h: KeyError: 'vwap'"),
        ("constant", "no function"),
        ("absent", "cannot be imported"),
    ],
)
def test_a_function_that_cannot_be_used_is_named(candles: Candles, name: str, said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        custom_columns(candles, [f"our_features.{name}"])


@pytest.mark.parametrize("name", ["nowhere.function", "plain", ""])
def test_a_name_that_is_no_module_and_function_is_refused(candles: Candles, name: str) -> None:
    with pytest.raises(InvalidConfig, match=r"expected module\.function"):
        custom_columns(candles, [name])
