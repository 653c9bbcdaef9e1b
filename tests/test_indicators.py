import numpy as np
import pytest
import talib

from mllib.indicators import CANDLE_FEATURES, Indicator, enrich
from tests.naive import sample, walk

CANDLES = sample("EURUSD_1h")[:400]


def _of(name: str, **params: float) -> Indicator:
    return Indicator(name=name, params=params)


def test_columns_have_the_contracts_names() -> None:
    asked = [
        _of("RSI", timeperiod=14),
        _of("EMA", timeperiod=20),
        _of("MACD", fastperiod=12, slowperiod=26, signalperiod=9),
        _of("BBANDS", timeperiod=20, nbdevup=2, nbdevdn=2),
        _of("atr"),
        _of("AROON"),
        _of("OBV"),
    ]
    names = list(enrich(walk(60, seed=1), asked).columns)
    assert names[:6] == ["time", "open", "high", "low", "close", "volume"]
    assert tuple(names[6:12]) == CANDLE_FEATURES
    assert names[12:] == [
        *("rsi_14", "ema_20", "macd", "macd_signal", "macd_hist"),
        *("bbands_upper", "bbands_middle", "bbands_lower", "atr_14", "aroon_down", "aroon_up", "obv"),
    ]


def test_values_are_those_of_talib() -> None:
    asked = [_of("RSI", timeperiod=9), _of("MACD"), _of("BBANDS", timeperiod=20, nbdevup=2, nbdevdn=1)]
    frame = enrich(CANDLES, asked)
    macd, signal, hist = talib.MACD(CANDLES.close)
    upper, middle, lower = talib.BBANDS(CANDLES.close, 20, 2, 1)
    expected = {
        "rsi_9": talib.RSI(CANDLES.close, 9),
        "macd": macd,
        "macd_signal": signal,
        "macd_hist": hist,
        "bbands_upper": upper,
        "bbands_middle": middle,
        "bbands_lower": lower,
    }
    for name, values in expected.items():
        np.testing.assert_array_equal(frame[name], values)


def test_candle_columns_are_bodies_and_wicks_in_price_units() -> None:
    frame = enrich(CANDLES, [], CANDLE_FEATURES)
    up = frame["close"] >= frame["open"]
    np.testing.assert_allclose(frame["body_size"], (frame["close"] - frame["open"]).abs())
    assert frame["body_direction"].tolist() == [1.0 if is_up else -1.0 for is_up in up]
    np.testing.assert_allclose(frame["upper_wick"], frame["high"] - frame[["open", "close"]].max(axis=1))
    np.testing.assert_allclose(frame["lower_wick"], frame[["open", "close"]].min(axis=1) - frame["low"])
    np.testing.assert_allclose(frame["candle_range"], frame["high"] - frame["low"])


def test_only_the_candle_columns_asked_for_are_added() -> None:
    assert list(enrich(CANDLES, [], ["body_size"]).columns)[-1] == "body_size"
    assert list(enrich(CANDLES, [], []).columns) == list(CANDLES.to_frame().columns)


def test_the_candles_are_left_as_they_were() -> None:
    before = CANDLES.to_frame().copy()
    frame = enrich(CANDLES, [_of("EMA", timeperiod=5)])
    frame.loc[:, "close"] = 0.0
    assert before.equals(CANDLES.to_frame())


def test_an_indicator_of_volume_without_volume_is_not_known() -> None:
    assert CANDLES.volume is not None
    without = walk(60, seed=1, volume=False)
    assert enrich(without, [_of("MFI")])["mfi_14"].isna().all()


def test_an_unknown_indicator_is_named() -> None:
    with pytest.raises(ValueError, match="found 'RSX', expected a TA-Lib indicator"):
        _of("RSX")


def test_a_candlestick_function_is_no_indicator() -> None:
    with pytest.raises(ValueError, match="found 'CDLDOJI'"):
        _of("CDLDOJI")


def test_an_unknown_parameter_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="found parameter 'period' for RSI, expected timeperiod"):
        _of("RSI", period=14)


@pytest.mark.parametrize("timeperiod", [0, 1, -3, 14.5, 1e9])
def test_a_parameter_that_talib_refuses_is_refused_with_the_configuration(timeperiod: float) -> None:
    with pytest.raises(ValueError, match="timeperiod"):
        _of("RSI", timeperiod=timeperiod)


def test_an_indicator_that_needs_more_than_candles_is_refused() -> None:
    with pytest.raises(ValueError, match="MAVP, expected what TA-Lib accepts"):
        _of("MAVP")
