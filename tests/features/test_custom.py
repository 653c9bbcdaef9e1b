"""Users' own features, by dotted name: `tests.features.written_by_users`."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.errors import InvalidConfig
from mllib.features import ContextConfig, compute_features, fingerprint, probe
from mllib.features.custom import CustomFeature, check_causality, custom_feature
from tests.naive import sample, walk

CANDLES = sample("EURUSD_1h")[:700]

SOURCE = """
import numpy as np

def body(candles):
    return {"size": candles.close - candles.open, "up": (candles.close > candles.open).astype(int)}

def momentum(candles):
    out = np.full(len(candles), np.nan)
    out[3:] = candles.close[3:] - candles.close[:-3]
    return {"move": out}
momentum.past_bars = 3

def mean(candles):
    return candles.to_frame()[["close"]].rolling(10).mean()
mean.past_bars = 9

def ema(candles):
    return candles.to_frame()[["close"]].ewm(span=20).mean()

def scaled(candles):
    return {"z": (candles.close - candles.close.mean()) / candles.close.std()}

def tomorrow(candles):
    return {"close": np.append(candles.close[1:], np.nan)}

def told(candles):
    return {"close": np.append(candles.close[1:], np.nan)}
told.past_bars, told.future_bars = 0, 1

def greedy(candles):
    return body(candles)
greedy.past_bars = 999

def short(candles):
    return {"x": candles.close[1:]}
"""


@pytest.fixture(autouse=True, scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("users")
    (folder / "written_by_users.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield


def _feature(name: str) -> CustomFeature:
    return custom_feature(f"written_by_users.{name}", past_bars=20, future_bars=10)


def _context(*names: str) -> ContextConfig:
    groups = ("path", *(f"written_by_users.{name}" for name in names))
    return ContextConfig(past_bars=20, future_bars=10, groups=groups)


def test_a_function_becomes_columns_beside_the_others() -> None:
    features = compute_features(CANDLES, _context("momentum", "told"))
    momentum, told = features.columns[-2:]
    assert (momentum.name, momentum.past, momentum.future) == ("written_by_users.momentum.move", 3, 0)
    assert (told.name, told.past, told.future) == ("written_by_users.told.close", 0, 1)
    expected = (CANDLES.close[3:] - CANDLES.close[:-3]).astype(np.float32)
    np.testing.assert_array_equal(features.values[3:, -2], expected)
    assert np.isnan(features.values[:3, -2]).all()
    np.testing.assert_array_equal(features.values[:-1, -1], CANDLES.close[1:].astype(np.float32))
    assert np.isnan(features.values[-1, -1])


@pytest.mark.parametrize("n", [0, 1, 3, 4])
def test_columns_are_known_with_fewer_candles_than_it_reads(n: int) -> None:
    features = compute_features(walk(50, seed=1)[:n], _context("momentum", "body"))
    assert [c.name.rpartition(".")[2] for c in features.columns[-3:]] == ["move", "size", "up"]
    assert features.values.shape[0] == n


@pytest.mark.parametrize("name", ["body", "momentum", "mean", "told"])
def test_what_reads_no_further_than_it_says_passes(name: str) -> None:
    check_causality(_feature(name), CANDLES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ema", r"ema: found 'close' at .* beyond its past_bars \(20\) were cut off"),
        ("scaled", r"scaled: found 'z' at .* beyond its past_bars"),
        ("tomorrow", r"tomorrow: found 'close' at .* beyond its future_bars \(0\) were cut off"),
    ],
)
def test_what_reads_further_is_refused_with_bar_and_column(name: str, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        check_causality(_feature(name), CANDLES)


def test_a_leak_that_shows_on_real_candles_alone_is_found() -> None:
    def leaking(candles: Candles) -> dict[str, np.ndarray]:
        ahead = np.append(candles.close[1:], np.nan)
        return {"x": candles.close if candles.pair == "MADE_UP" else ahead}

    with pytest.raises(InvalidConfig, match=r"found 'x' at EURUSD 1h .*future_bars"):
        check_causality(CustomFeature("m.leaking", leaking, 0, 0), CANDLES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.here", r"custom_features: found 'nothing\.here', expected module\.function .* PYTHONPATH"),
        ("written_by_users.nothing", r"custom_features: found 'written_by_users\.nothing'"),
        ("written_by_users.greedy", r"greedy: found past_bars 999, expected 0 to 20"),
    ],
)
def test_a_function_that_cannot_be_used_is_named(name: str, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        custom_feature(name, past_bars=20, future_bars=10)


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"short: found columns .* expected x of 700 values"):
        _feature("short").values(CANDLES)


def test_the_fingerprint_names_the_function_and_the_probe_sees_its_values() -> None:
    with_one, other = _context("momentum"), _context("body")
    columns: Callable[[ContextConfig], object] = lambda c: compute_features(CANDLES[:0], c).columns  # noqa: E731
    assert fingerprint(with_one, columns(with_one)) != fingerprint(other, columns(other))
    assert np.isfinite(probe(with_one)).all()
    assert len(probe(other)) == len(probe(with_one)) + 1


def test_names_without_a_dot_are_groups_of_this_version() -> None:
    with pytest.raises(ValueError, match="found astrology"):
        ContextConfig(groups=("astrology",))
