import re

import numpy as np
import pytest
import talib

from mllib.candles import Candles
from mllib.errors import InvalidConfig
from mllib.patterns import (
    CANDLE_COUNT,
    DISPLAY_NAME,
    FUNCTIONS,
    check_functions,
    detect,
    function_of,
    label_of,
)
from tests.naive import PRICES, sample, walk
from tests.naive_cdl import cdl_spans, independent_cdl

LENGTHS = """
2CROWS 3, 3BLACKCROWS 3, 3INSIDE 3, 3LINESTRIKE 4, 3OUTSIDE 3, 3STARSINSOUTH 3, 3WHITESOLDIERS 3,
ABANDONEDBABY 3, ADVANCEBLOCK 3, BELTHOLD 1, BREAKAWAY 5, CLOSINGMARUBOZU 1, CONCEALBABYSWALL 4,
COUNTERATTACK 2, DARKCLOUDCOVER 2, DOJI 1, DOJISTAR 2, DRAGONFLYDOJI 1, ENGULFING 2, EVENINGDOJISTAR 3,
EVENINGSTAR 3, GAPSIDESIDEWHITE 3, GRAVESTONEDOJI 1, HAMMER 1, HANGINGMAN 1, HARAMI 2, HARAMICROSS 2,
HIGHWAVE 1, HIKKAKE 3, HIKKAKEMOD 4, HOMINGPIGEON 2, IDENTICAL3CROWS 3, INNECK 2, INVERTEDHAMMER 1,
KICKING 2, KICKINGBYLENGTH 2, LADDERBOTTOM 5, LONGLEGGEDDOJI 1, LONGLINE 1, MARUBOZU 1, MATCHINGLOW 2,
MATHOLD 5, MORNINGDOJISTAR 3, MORNINGSTAR 3, ONNECK 2, PIERCING 2, RICKSHAWMAN 1, RISEFALL3METHODS 5,
SEPARATINGLINES 2, SHOOTINGSTAR 1, SHORTLINE 1, SPINNINGTOP 1, STALLEDPATTERN 3, STICKSANDWICH 3, TAKURI 1,
TASUKIGAP 3, THRUSTING 2, TRISTAR 3, UNIQUE3RIVER 3, UPSIDEGAP2CROWS 3, XSIDEGAP3METHODS 3
"""
EXPECTED = {f"CDL{name}": int(count) for name, count in re.findall(r"(\w+) (\d)", LENGTHS)}
SERIES = [sample("EURUSD_1h"), sample("AAPL_1d"), sample("BTCUSDT_1h")[:8_000], walk(3_000, seed=1)]


def _fired(function: str, candles: Candles) -> np.ndarray:
    return getattr(talib, function)(*(getattr(candles, name) for name in PRICES))


def test_every_cdl_function_of_talib_is_known_with_its_number_of_candles() -> None:
    assert tuple(sorted(name for name in talib.get_functions() if name.startswith("CDL"))) == FUNCTIONS
    assert CANDLE_COUNT == EXPECTED
    assert DISPLAY_NAME["CDL3WHITESOLDIERS"] == "3 White Soldiers"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_spans_end_where_the_function_fires_and_cover_its_candles(function: str) -> None:
    for candles in SERIES:
        values = _fired(function, candles)
        (spans,) = detect(candles, [function]).values()
        ends = np.flatnonzero(values)
        assert [span.end_time for span in spans] == candles.time[ends].tolist()
        for span, end in zip(spans, ends, strict=True):
            assert span.label == label_of(function, bullish=values[end] > 0)
            assert span.avg_confidence == min(abs(values[end]) / 100, 1)
            start = int(np.searchsorted(candles.time, span.start_time))
            assert span.candle_count == end - start + 1
            if abs(values[end]) <= 100:
                assert span.candle_count == EXPECTED[function]


@pytest.mark.parametrize("function", ["CDLHIKKAKE", "CDLHIKKAKEMOD"])
def test_a_confirmed_hikkake_runs_from_its_first_candle_to_the_confirmation(function: str) -> None:
    confirmed = 0
    for candles in SERIES:
        values = _fired(function, candles)
        spans = {span.end_time: span for span in detect(candles, [function])[function]}
        for end in np.flatnonzero(np.abs(values) == 200):
            fired_at = max((t for t in range(max(end - 3, 0), end) if abs(values[t]) == 100), default=None)
            if fired_at is None:  # it fired before TA-Lib's first output
                assert end < 20
                continue
            assert np.sign(values[fired_at]) == np.sign(values[end])
            first = fired_at - EXPECTED[function] + 1
            assert spans[int(candles.time[end])].start_time == candles.time[first]
            confirmed += 1
    assert confirmed > 0


def test_a_detection_does_not_change_when_later_candles_are_appended() -> None:
    candles = sample("EURUSD_1h")[:1_200]
    whole, part = detect(candles), detect(candles[:1_000])
    for function in FUNCTIONS:
        assert [s for s in whole[function] if s.end_time <= candles.time[999]] == part[function]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_label_names_its_function_again(function: str) -> None:
    for bullish in (True, False):
        assert function_of(label_of(function, bullish=bullish)) == function


@pytest.mark.parametrize("label", ["bull_flag", "O", "", "bullish_", "bullish_dragon", "sideways_doji"])
def test_a_label_of_people_names_no_function(label: str) -> None:
    assert function_of(label) is None


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(InvalidConfig, match="found CDLNOTHING, RSI, expected TA-Lib CDL functions"):
        check_functions(["CDLDOJI", "CDLNOTHING", "RSI"])


def test_an_empty_list_means_all_and_a_repeated_name_once() -> None:
    assert check_functions([]) == FUNCTIONS
    assert check_functions(["CDLDOJI", "CDLHAMMER", "CDLDOJI"]) == ("CDLDOJI", "CDLHAMMER")


def test_fewer_candles_than_a_pattern_has_give_no_span() -> None:
    assert not any(detect(sample("EURUSD_1h")[:3]).values())


@pytest.fixture(scope="module")
def independent(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Candles, dict[str, np.ndarray]]]:
    """Slices with starts of their own, since the functions average over the bars before."""
    series = [one[start : start + 3_000] for one, start in zip(SERIES, (400, 2_000, 3_000, 0), strict=True)]
    return list(zip(series, independent_cdl(series, tmp_path_factory.mktemp("cdl")), strict=True))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_and_spans_are_those_of_independent_code(
    function: str, independent: list[tuple[Candles, dict[str, np.ndarray]]]
) -> None:
    for candles, outputs in independent:
        np.testing.assert_array_equal(_fired(function, candles), outputs[function])
        assert detect(candles, [function])[function] == cdl_spans(function, outputs[function], candles)


def test_the_independent_code_finds_most_patterns(
    independent: list[tuple[Candles, dict[str, np.ndarray]]],
) -> None:
    found = {function for _, outputs in independent for function, values in outputs.items() if values.any()}
    assert set(independent[0][1]) == set(FUNCTIONS)
    assert len(found) > 45
