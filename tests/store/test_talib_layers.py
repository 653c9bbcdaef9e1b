from mllib.spans import PredictedSpan
from mllib.store import LabelCount, Store, TalibLayer


def _spans(count: int, label: str = "bullish_hammer") -> list[PredictedSpan]:
    return [PredictedSpan(label, start, start, 1.0, 1) for start in range(count)]


def test_a_layer_is_replaced_as_a_whole_and_others_stay(store: Store) -> None:
    both = {"CDLHAMMER": _spans(3), "CDLDOJI": _spans(2, "bullish_doji")}
    store.talib.replace("EURUSD", "1h", ["CDLHAMMER", "CDLDOJI"], both, 10)
    store.talib.replace("EURUSD", "1h", ["CDLHAMMER"], {"CDLHAMMER": _spans(1)}, 20)
    assert store.talib.layers("EURUSD", "1h") == {
        "CDLDOJI": TalibLayer("CDLDOJI", 10, 2),
        "CDLHAMMER": TalibLayer("CDLHAMMER", 20, 1),
    }
    assert len(store.talib.spans("EURUSD", "1h")) == 3
    assert len(store.talib.spans("EURUSD", "1h", ["CDLDOJI"])) == 2
    assert store.talib.counts() == [
        LabelCount("EURUSD", "1h", "bullish_doji", "talib", 2),
        LabelCount("EURUSD", "1h", "bullish_hammer", "talib", 1),
    ]


def test_outdated_layers_keep_their_spans_and_are_behind_their_candles(store: Store) -> None:
    store.talib.replace("EURUSD", "1h", ["CDLHAMMER"], {"CDLHAMMER": _spans(3)}, 10)
    store.talib.replace("EURUSD", "1d", ["CDLHAMMER"], {}, 10)
    store.talib.outdate("EURUSD", "1h")
    assert store.talib.layers("EURUSD", "1h") == {"CDLHAMMER": TalibLayer("CDLHAMMER", 0, 3)}
    assert store.talib.layers("EURUSD", "1d") == {"CDLHAMMER": TalibLayer("CDLHAMMER", 10, 0)}


def test_a_function_that_found_nothing_has_an_empty_layer(store: Store) -> None:
    store.talib.replace("EURUSD", "1h", ["CDLHAMMER"], {}, 10)
    assert store.talib.layers("EURUSD", "1h") == {"CDLHAMMER": TalibLayer("CDLHAMMER", 10, 0)}
    assert store.talib.spans("EURUSD", "1h") == []


def test_spans_come_back_as_annotations_of_talib(store: Store) -> None:
    span = PredictedSpan("bearish_engulfing", 10, 20, 0.8, 2)
    store.talib.replace("EURUSD", "1h", ["CDLENGULFING"], {"CDLENGULFING": [span]}, 30)
    (found,) = store.talib.spans("EURUSD", "1h")
    assert (found.id, found.source) == ("talib:CDLENGULFING:bearish_engulfing:10:20", "talib")
    assert (found.label, found.start_time, found.end_time) == ("bearish_engulfing", 10, 20)
    assert found.extra == {"function": "CDLENGULFING", "confidence": 0.8}
    assert store.annotations.list("EURUSD", "1h") == []


def test_spans_of_a_range_are_those_that_share_a_candle_with_it(store: Store) -> None:
    spans = [PredictedSpan("bullish_doji", start, start + 2, 1.0, 3) for start in range(0, 20, 4)]
    store.talib.replace("EURUSD", "1h", ["CDLDOJI"], {"CDLDOJI": spans}, 30)
    found = store.talib.spans("EURUSD", "1h", start_time=6, end_time=12)
    assert [span.start_time for span in found] == [4, 8, 12]


def test_a_discarded_layer_is_gone_and_says_how_many_spans_it_had(store: Store) -> None:
    store.talib.replace("EURUSD", "1h", ["CDLHAMMER", "CDLDOJI"], {"CDLHAMMER": _spans(3)}, 10)
    assert store.talib.discard("EURUSD", "1h", ["CDLHAMMER"]) == 3
    assert list(store.talib.layers("EURUSD", "1h")) == ["CDLDOJI"]
    assert store.talib.spans("EURUSD", "1h") == []
