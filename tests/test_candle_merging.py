from dataclasses import replace

import pytest

from mllib.candle_merging import compared, merge_candles
from mllib.candles import Candles
from mllib.errors import InvalidCandles
from tests.naive import sample


@pytest.fixture
def candles() -> Candles:
    return sample("EURUSD_1h")[:200]


def _raised(candles: Candles, *bars: int) -> Candles:
    high = candles.high.copy()
    high[list(bars)] += 1
    return replace(candles, high=high)


def test_a_comparison_says_what_the_merge_then_does(candles: Candles) -> None:
    stored, new = candles[:120], _raised(candles, 105, 110)[100:150]
    found = compared(stored, new)
    merged, report = merge_candles(stored, new)
    assert found.report == report
    assert (report.added, report.changed, report.unchanged, report.total) == (30, 2, 18, len(merged))
    assert found.changed_times.tolist() == candles.time[[105, 110]].tolist()
    assert found.stored is stored


def test_a_new_series_changes_nothing(candles: Candles) -> None:
    found = compared(None, candles)
    assert (found.report.added, found.stored, len(found.changed_times)) == (200, None, 0)


def test_a_comparison_refuses_what_the_merge_refuses(candles: Candles) -> None:
    with pytest.raises(InvalidCandles, match="found a volume in the stored candles only"):
        compared(candles, replace(candles[150:], volume=None)[10:])
