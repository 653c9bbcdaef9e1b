from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mllib.candles import Candles
from mllib.config import FeatureSection
from mllib.datasets.columns import enriched_columns
from mllib.datasets.facts import Facts
from mllib.datasets.tables import (
    candle_table,
    enriched_table,
    fact_table,
    labeled_table,
    read_candles,
    read_facts,
    read_series,
    span_table,
)
from mllib.errors import InvalidConfig
from mllib.indicators import Indicator
from mllib.spans import Annotation, ReviewedRange
from mllib.training import LabelledSeries

EURUSD = ("EURUSD", "1h")


def _same(one: Candles, other: Candles) -> bool:
    names = ("time", "open", "high", "low", "close")
    volumes = [c.volume for c in (one, other)]
    same = all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)
    if volumes[0] is None or volumes[1] is None:
        return same and volumes[0] is volumes[1]
    return same and np.array_equal(*volumes)


def test_candles_come_back_as_they_were_by_pair(candles: Candles) -> None:
    bare = replace(candles[:50], pair="AUDUSD", volume=None)
    counted = replace(candles, volume=np.arange(300.0))
    back = read_candles(candle_table([counted, bare]))
    assert [one.pair for one in back] == ["AUDUSD", "EURUSD"]
    assert _same(back[0], bare)
    assert _same(back[1], counted)


def test_facts_come_back_as_they_were(facts: Facts) -> None:
    back = read_facts(fact_table([(EURUSD, facts)]))[EURUSD]
    assert sorted(back.annotations, key=lambda a: a.id) == sorted(facts.annotations, key=lambda a: a.id)
    assert sorted(back.reviewed, key=lambda r: r.start_time) == list(facts.reviewed)
    assert (back.verdicts, back.talib) == (facts.verdicts, facts.talib)


def test_the_order_in_which_facts_are_given_does_not_matter(facts: Facts) -> None:
    turned = replace(facts, annotations=facts.annotations[::-1], reviewed=facts.reviewed[::-1])
    pd.testing.assert_frame_equal(fact_table([(EURUSD, facts)]), fact_table([(EURUSD, turned)]))


def test_a_series_comes_back_with_all_that_training_reads(series: LabelledSeries) -> None:
    assert {f.name for f in fields(LabelledSeries)} == {"candles", "spans", "reviewed"}, (
        "the tables hold these"
    )
    facts = read_facts(span_table([series]))
    (back,) = read_series([series.candles], facts)
    assert sorted(back.spans, key=lambda s: s.start_time) == sorted(series.spans, key=lambda s: s.start_time)
    assert set(back.reviewed) == set(series.reviewed)


def test_nothing_but_annotations_is_a_span_of_a_dataset(candles: Candles) -> None:
    from mllib.spans import Span

    with pytest.raises(TypeError, match="annotations"):
        span_table([LabelledSeries(candles, [Span("flag", 0, 1)], [])])


def test_tags_say_where_spans_start_and_go_on_and_where_nobody_looked(candles: Candles) -> None:
    t = candles.time.tolist()
    spans = [Annotation("flag", t[a], t[b], id=f"{a}") for a, b in ((10, 13), (60, 62), (62, 63))]
    one = LabelledSeries(candles, spans, [ReviewedRange(t[8], t[20], frozenset({"flag"}))])
    rows = labeled_table(candle_table([candles]), [one])
    tags = rows["bio_flag"].astype("str").where(rows["bio_flag"].notna(), "?")
    assert "".join(tags[5:25]) == "???OOBIIIOOOOOOO????"
    assert "".join(tags[58:66]) == "??BIBI??"


def test_enriched_columns_are_those_of_each_series_alone(candles: Candles) -> None:
    features = FeatureSection(talib_indicators=(Indicator(name="RSI", params={"timeperiod": 5}),))
    other = replace(candles[100:200], pair="AUDUSD")
    both = enriched_table([candles, other], features)
    alone = enriched_table([other], features)
    pd.testing.assert_frame_equal(both.iloc[:100], alone)
    assert both["rsi_5"].isna().sum() == 10, "five bars of warm-up in each series"


CODE = """
def body(candles):
    return {"share": (candles.close - candles.open) / candles.close}

body.past_bars = 0

def tomorrow(candles):
    return {"close": candles.close.max() + 0 * candles.close}

tomorrow.past_bars = 0
"""


def test_custom_features_are_columns_once_they_are_known_to_be_causal(
    candles: Candles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "our_columns.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    features = FeatureSection(custom_features=("our_columns.body",))
    found = enriched_table([candles], features)
    assert list(found) == [column.name for column in enriched_columns(features)]
    expected = (candles.close - candles.open) / candles.close
    np.testing.assert_array_equal(found["our_columns.body.share"], expected)
    with pytest.raises(InvalidConfig, match=r"our_columns\.tomorrow"):
        enriched_table([candles], FeatureSection(custom_features=("our_columns.tomorrow",)))
