import numpy as np
import pytest

from mllib.features.window_shape import COLUMNS, Series, describe
from mllib.window_words import window_group, window_words
from tests.naive import walk


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("length", float(np.log(12)), "it is 12 candles long"),
        ("last_close", 0.25, "its last close lies at 25% of its height"),
        ("move", -0.5, "from its first to its last close it falls by 50% of its height"),
        ("path_low_0", -0.1, "the low of part 1 of 8 lies at -10% of its height"),
        ("start_high_before", 5, "for 4 bars before its first candle no close is higher"),
        ("end_low_before", 2, "for 1 bar before its last candle no close is lower"),
        ("up_tip_bar", 0, "its highest close is on its candle 1"),
        ("down_tip_after", 7, "for 6 bars after its lowest close no close is lower"),
        ("up_fall_after_tip", 0.8, "after its highest close it falls by 80% of its height"),
        ("down_recovery_after_tip", 0.2, "after its lowest close it falls again by 20% of its height"),
        ("down_lowest_before_tip", 0.1, "the highest close up to its lowest close lies at 90% of its height"),
        (
            "down_slope_after_tip",
            -0.4,
            "the line through the closes from its lowest one on rises by 40% of its height in its length",
        ),
        (
            "up_last_beyond_line",
            -0.05,
            "its last close lies 5% of its height below the line through the closes from its highest one on",
        ),
        (
            "up_low_after_tip_strength",
            4,
            "the strongest low after its highest close is not exceeded for 3 bars on either side",
        ),
        ("up_low_after_tip_strength", 0, "there is no low after its highest close"),
        ("down_high_before_tip_close", np.nan, "there is no low before its lowest close"),
        ("up_high_before_tip_second_strength", 0, "there is no second high before its highest close"),
        (
            "down_low_after_tip_close",
            0.3,
            "the strongest high after its lowest close lies at 70% of its height",
        ),
        ("close_after_1", 1.2, "the close 1 bar after it lies at 120% of its height"),
        ("users.own_feature.x@end", 0.125, "users own feature x of its last candle is 0.125"),
    ],
)
def test_values_are_said_as_a_chart_shows_them(name: str, value: float, said: str) -> None:
    assert window_words(name, value) == said


def test_words_agree_with_the_candles() -> None:
    candles = walk(200, seed=1)
    start, end = np.array([60]), np.array([80])
    row = dict(zip([c.name for c in COLUMNS], describe(Series.of(candles), start, end)[0], strict=True))
    closes = candles.close[60:80]

    def said(name: str) -> str | None:
        return window_words(name, float(row[name]))

    assert said("length") == "it is 20 candles long"
    assert said("up_tip_bar") == f"its highest close is on its candle {closes.argmax() + 1}"
    assert said("down_tip_bar") == f"its lowest close is on its candle {closes.argmin() + 1}"
    assert ("rises" in str(said("move"))) == bool(closes[-1] > closes[0])
    level = np.log(closes[closes.argmin() :].max() / closes.min()) / np.log(closes.max() / closes.min())
    assert said("down_fall_after_tip") == f"after its lowest close it rises by {level:.0%} of its height"


def test_what_is_no_column_of_a_window_has_no_words_here() -> None:
    assert window_words("rsi_14", 0.5) is None
    assert window_group("rsi_14") is None
    assert window_words("close_after_3", float("nan")) is None  # not known yet
