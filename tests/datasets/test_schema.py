import numpy as np
import pandas as pd
import pytest

from mllib.candles import Candles
from mllib.config import FeatureSection
from mllib.datasets.columns import FACTS, candle_columns, enriched_columns, labeled_columns
from mllib.datasets.facts import Facts
from mllib.datasets.schema import checked
from mllib.datasets.tables import KEY, candle_table, enriched_table, fact_table, labeled_table
from mllib.errors import InvalidConfig, TrainingFailed
from mllib.indicators import Indicator
from mllib.training import LabelledSeries


def _refused(frame: pd.DataFrame, match: str) -> None:
    with pytest.raises(TrainingFailed, match=match):
        checked(frame, candle_columns(), where="dataset table x.parquet", key=KEY)


def test_every_table_fits_its_schema(series: LabelledSeries, facts: Facts) -> None:
    features = FeatureSection(talib_indicators=(Indicator(name="MACD"), Indicator(name="BBANDS")))
    enriched = enriched_table([series.candles], features)
    columns = enriched_columns(features)
    checked(enriched, columns, where="enriched", key=KEY)
    labels = ["bear", "bullish_doji", "flag"]
    checked(labeled_table(enriched, [series]), labeled_columns(columns, labels), where="labeled", key=KEY)
    checked(fact_table([(("EURUSD", "1h"), facts)]), FACTS, where="facts")


def test_what_does_not_fit_is_told_with_column_row_and_value(candles: Candles) -> None:
    frame = candle_table([candles])
    _refused(
        frame.assign(close=frame["close"].where(frame.index != 7, -1.0)),
        r"x\.parquet: column close row 7: found -1\.0",
    )
    _refused(frame.assign(low=frame["low"].where(frame.index != 3)), r"column low row 3: found nan")
    _refused(frame.assign(extra=1.0), "found an unknown column extra")
    _refused(frame.drop(columns="high"), "found no column high, expected number")
    _refused(frame.assign(time=frame["time"].astype(float)), "column time.*float64")


def test_a_candle_twice_is_refused(candles: Candles) -> None:
    _refused(candle_table([candles, candles[:1]]), "time")


def test_many_faults_are_counted(candles: Candles) -> None:
    frame = candle_table([candles])
    _refused(frame.assign(open=-frame["open"]), "and 297 more. Build the dataset again")


def test_a_tag_is_one_of_three(series: LabelledSeries) -> None:
    columns = labeled_columns(candle_columns(), ["flag"])
    frame = candle_table([series.candles]).assign(bio_flag=pd.Categorical(np.full(300, "Q")))
    with pytest.raises(TrainingFailed, match="column bio_flag row 0: found 'Q', expected tag"):
        checked(frame, columns, where="labeled")


def test_two_columns_of_one_name_are_refused() -> None:
    twice = FeatureSection(talib_indicators=(Indicator(name="RSI"), Indicator(name="RSI")))
    with pytest.raises(InvalidConfig, match=r"talib_indicators.*rsi_14 twice"):
        enriched_columns(twice)
