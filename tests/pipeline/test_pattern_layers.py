from mllib.candles import Candles
from mllib.patterns import FUNCTIONS, detect
from mllib.pipeline.pattern_layers import discard_patterns, keep_patterns, pattern_layers
from mllib.pipeline.workspace import Workspace

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def test_what_is_found_stands_beside_what_is_kept(ws: Workspace, candles: Candles) -> None:
    found = detect(candles)
    keep_patterns(ws, ["CDLENGULFING", "CDLHAMMER"], **EURUSD)
    layers = {one.function: one for one in pattern_layers(ws, candles, found)}
    assert set(layers) == set(FUNCTIONS)
    engulfing = layers["CDLENGULFING"]
    assert (engulfing.name, engulfing.configured, engulfing.is_current) == ("Engulfing", True, True)
    assert engulfing.bullish + engulfing.bearish == engulfing.kept == len(found["CDLENGULFING"])
    assert {span.label for span in found["CDLENGULFING"]} == {"bullish_engulfing", "bearish_engulfing"}
    assert not layers["CDLHAMMER"].configured
    assert (layers["CDLDOJI"].kept, layers["CDLDOJI"].is_current) == (None, False)


def test_a_layer_that_is_behind_its_candles_says_so(ws: Workspace, candles: Candles) -> None:
    keep_patterns(ws, ["CDLDOJI"], **EURUSD)
    ws.store.talib.outdate("EURUSD", "1h")
    (doji,) = pattern_layers(ws, candles, detect(candles, ["CDLDOJI"]))
    assert doji.kept == len(detect(candles, ["CDLDOJI"])["CDLDOJI"])
    assert not doji.is_current


def test_discarded_layers_are_gone_and_others_stay(ws: Workspace) -> None:
    kept = keep_patterns(ws, ["CDLDOJI"], **EURUSD)
    keep_patterns(ws, ["CDLHAMMER"], **EURUSD)
    assert discard_patterns(ws, ["CDLDOJI"], **EURUSD) == kept
    assert list(ws.store.talib.layers("EURUSD", "1h")) == ["CDLHAMMER"]
    assert discard_patterns(ws, ["CDLDOJI"], **EURUSD) == 0
    assert keep_patterns(ws, [], **EURUSD) == 0
