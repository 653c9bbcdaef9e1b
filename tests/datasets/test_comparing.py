from dataclasses import replace

import numpy as np

from mllib.candles import Candles
from mllib.datasets.comparing import Change, compare
from mllib.spans import Annotation, ReviewedRange
from mllib.training import LabelledSeries


def _flag(candles: Candles, start: int, name: str, **more: object) -> Annotation:
    t = candles.time.tolist()
    return replace(Annotation("flag", t[start], t[start + 5], id=name), **more)


def test_the_same_has_no_difference(series: LabelledSeries) -> None:
    assert compare([series], [series]).is_none


def test_spans_are_counted_by_label_and_source(candles: Candles) -> None:
    before = [_flag(candles, 10, "a"), _flag(candles, 30, "b"), _flag(candles, 50, "c")]
    after = [
        before[0],
        replace(before[1], end_time=before[1].end_time + 3_600),
        _flag(candles, 70, "d", source="talib"),
    ]
    found = compare([LabelledSeries(candles, before, [])], [LabelledSeries(candles, after, [])])
    assert found.spans == {
        ("flag", "human"): Change(removed=1, changed=1, unchanged=1),
        ("flag", "talib"): Change(added=1),
    }
    assert not found.is_none


def test_a_span_that_changed_its_label_counts_where_it_stands_now(candles: Candles) -> None:
    one = _flag(candles, 10, "a")
    found = compare(
        [LabelledSeries(candles, [one], [])], [LabelledSeries(candles, [replace(one, label="bear")], [])]
    )
    assert found.spans == {("bear", "human"): Change(changed=1)}


def test_candles_and_reviewed_ranges_are_counted_by_series(candles: Candles) -> None:
    later = replace(candles[10:], close=candles.close[10:] + np.eye(290)[0])
    looked = ReviewedRange(0, 1, frozenset({"flag"}))
    found = compare([LabelledSeries(candles[:290], [], [looked])], [LabelledSeries(later, [], [])])
    assert found.candles == {"EURUSD 1h": Change(added=10, removed=10, changed=1, unchanged=279)}
    assert found.reviewed == {"EURUSD 1h": Change(removed=1)}


def test_a_series_of_one_side_is_added_or_removed_whole(candles: Candles) -> None:
    other = replace(candles[:40], pair="GBPUSD")
    found = compare([LabelledSeries(candles, [], [])], [LabelledSeries(other, [], [])])
    assert found.candles == {"EURUSD 1h": Change(removed=300), "GBPUSD 1h": Change(added=40)}
