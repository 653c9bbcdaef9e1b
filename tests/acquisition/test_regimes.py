from dataclasses import replace

import numpy as np

from mllib.acquisition import REGIMES, regimes
from mllib.candles import Candles
from tests.naive import sample


def flat(close: np.ndarray) -> Candles:
    time = np.arange(len(close), dtype=np.int64) * 3_600
    return Candles("EURUSD", "1h", time, close, close, close, close)


def test_a_regime_does_not_change_with_what_comes_after() -> None:
    candles = sample("EURUSD_1h")[:1_200]
    whole = regimes(candles)
    for end in (300, 700, 1_001):
        assert regimes(candles[:end]).tolist() == whole[:end].tolist()
    later = replace(candles, close=np.concatenate([candles.close[:900], candles.close[900:] * 3]))
    assert regimes(later)[:900].tolist() == whole[:900].tolist()


def test_each_regime_takes_its_part_of_a_random_walk() -> None:
    rng = np.random.default_rng(0)
    walk = flat(100 * np.exp(np.cumsum(rng.normal(0, 0.001, 50_000))))
    shares = np.bincount(regimes(walk), minlength=len(REGIMES)) / 50_000
    assert (shares > 0.05).all()
    trends = shares.reshape(3, 3).sum(axis=0)
    assert np.abs(trends - 1 / 3).max() < 0.05


def test_what_rises_wildly_is_called_so() -> None:
    rng = np.random.default_rng(0)
    calm = rng.normal(0, 0.001, 500)
    wild = np.abs(rng.normal(0, 0.02, 100))
    found = regimes(flat(100 * np.exp(np.cumsum(np.concatenate([calm, wild])))))
    assert REGIMES[found[-1]] == "wild, rising"


def test_prices_that_do_not_move_are_no_trend() -> None:
    found = regimes(flat(np.full(600, 1.1)))
    assert {REGIMES[i].split(", ")[1] for i in found} == {"sideways"}


def test_no_candles_have_no_regimes() -> None:
    assert len(regimes(flat(np.zeros(0)))) == 0
