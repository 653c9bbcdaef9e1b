"""Why a list of differences is empty, in sentences."""

import pytest

from mllib.candles import Candles
from mllib.errors import InvalidConfig
from mllib.pipeline.annotations import label_series
from mllib.pipeline.disagreement_notes import check_labels, notes_on
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, ReviewedRange


def test_each_layer_that_says_nothing_is_told_with_what_to_do(ws: Workspace, candles: Candles) -> None:
    people, talib, model = notes_on(ws, candles, ("human", "talib", "model"), predicted=[])
    assert "--reviewed all" in people
    assert "`candleloop label --pair EURUSD --timeframe 1h`" in talib
    assert "predicts nothing on EURUSD 1h" in model


def test_people_who_looked_and_drew_nothing_are_told_apart(ws: Workspace, candles: Candles) -> None:
    looked = ReviewedRange(int(candles.time[0]), int(candles.time[-1]), frozenset({"flag"}))
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[looked])
    (note,) = notes_on(ws, candles, ("human",))
    assert "though they have looked" in note
    ws.store.annotations.add("EURUSD", "1h", [Annotation("flag", looked.start_time, looked.end_time, id="a")])
    label_series(ws, pair="EURUSD", timeframe="1h", functions=["CDLDOJI"])
    assert notes_on(ws, candles, ("human", "talib", "model"), predicted=[object()]) == []


def test_a_label_that_nobody_knows_is_refused(ws: Workspace) -> None:
    ws.store.labels.ensure(["flag"])
    check_labels(ws, ["flag", "wedge"], [], of_models=["wedge"])
    check_labels(ws, None, [])
    with pytest.raises(InvalidConfig, match="labels: found flagg, expected some of flag, wedge"):
        check_labels(ws, ["flag", "flagg"], [], of_models=["wedge"])
