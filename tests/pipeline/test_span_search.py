from mllib.candles import Candles
from mllib.pipeline.pattern_layers import keep_patterns
from mllib.pipeline.span_search import annotators_of, search_spans
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation
from mllib.store import AnnotationFilter

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def _say(ws: Workspace, candles: Candles) -> None:
    time = candles.time.tolist()
    spans = [
        Annotation("flag", time[10], time[19], id="a", annotator="ada", notes="steep"),
        Annotation("wedge", time[40], time[44], id="b", annotator="bob"),
        Annotation("flag", time[90], time[90], id="c"),
    ]
    ws.store.annotations.add("EURUSD", "1h", spans)


def _found(ws: Workspace, candles: Candles, limit: int = 9, **wanted: object) -> list[str]:
    filtered = AnnotationFilter(**wanted)  # type: ignore[arg-type]
    return [one.id for one in search_spans(ws, candles, filtered, limit=limit).spans]


def test_spans_are_found_by_what_they_say_with_the_candles_they_have(ws: Workspace, candles: Candles) -> None:
    _say(ws, candles)
    found = search_spans(ws, candles, AnnotationFilter(), limit=9)
    assert [one.id for one in found.spans] == ["a", "b", "c"]
    assert found.bars.tolist() == [10, 5, 1]
    assert not found.more
    assert _found(ws, candles, text="STEEP") == ["a"]
    assert _found(ws, candles, label="flag", start_time=int(candles.time[30])) == ["c"]
    assert _found(ws, candles, annotator="bob") == ["b"]
    assert annotators_of(found.spans) == ["ada", "bob"]


def test_of_many_spans_the_first_ones_are_found_and_that_there_are_more(
    ws: Workspace, candles: Candles
) -> None:
    _say(ws, candles)
    keep_patterns(ws, ["CDLDOJI"], **EURUSD)
    assert search_spans(ws, candles, AnnotationFilter(), limit=2).more
    found = search_spans(ws, candles, AnnotationFilter(source="talib"), limit=2)
    assert (len(found.spans), found.more) == (2, True)


def test_talibs_spans_are_found_in_its_layers(ws: Workspace, candles: Candles) -> None:
    _say(ws, candles)
    keep_patterns(ws, ["CDLDOJI", "CDLENGULFING"], **EURUSD)
    every = ws.store.talib.spans("EURUSD", "1h")
    assert len(_found(ws, candles, limit=999, source="talib")) == len(every)
    bearish = [one.id for one in every if one.label == "bearish_engulfing"]
    assert _found(ws, candles, limit=999, source="talib", label="bearish_engulfing") == bearish
    assert _found(ws, candles, limit=999, source="talib", text="BEARISH") == bearish
    assert _found(ws, candles, source="talib", annotator="ada") == []
