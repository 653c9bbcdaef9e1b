from dataclasses import replace

import pytest

from mllib.candles import Candles
from mllib.errors import Conflict
from mllib.pipeline.span_edits import SpanEdits
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation

EURUSD = ("EURUSD", "1h")


def _span(candles: Candles, first: int = 10, last: int = 30) -> Annotation:
    time = candles.time.tolist()
    return Annotation(label="bull_flag", start_time=time[first], end_time=time[last], id="", annotator="ada")


def _said(ws: Workspace) -> list[tuple[str, int, int, str | None]]:
    return [(a.label, a.start_time, a.end_time, a.notes) for a in ws.store.annotations.list(*EURUSD)]


def test_everything_is_taken_back_in_turn(ws: Workspace, candles: Candles) -> None:
    edits, drawn = SpanEdits(), _span(candles)
    one = edits.draw(ws, drawn, EURUSD).annotation
    edits.change(ws, one.id, {"label": "bear_flag", "notes": "steep"}, EURUSD)
    edits.delete(ws, one.id, EURUSD, annotator="ada")
    assert _said(ws) == []
    assert [edit.words for edit in edits.edits] == [
        "drawing bull flag",
        "changing bear flag",
        "deleting bear flag",
    ]
    bounds = (drawn.start_time, drawn.end_time)
    taken_back, again = edits.undo(ws) or pytest.fail("nothing to undo")
    assert taken_back.time == drawn.start_time
    assert _said(ws) == [("bear_flag", *bounds, "steep")]
    assert ws.store.annotations.list(*EURUSD)[0].id == again != one.id
    edits.undo(ws)
    assert _said(ws) == [("bull_flag", *bounds, None)]
    edits.undo(ws)
    assert _said(ws) == []
    assert edits.undo(ws) is None


def test_a_change_that_changes_nothing_is_nothing_to_take_back(ws: Workspace, candles: Candles) -> None:
    edits = SpanEdits()
    one = edits.draw(ws, _span(candles), EURUSD).annotation
    edits.change(ws, one.id, {"label": "bull_flag"}, EURUSD)
    assert len(edits.edits) == 1


def test_a_confirmed_prediction_is_confirmed_again_after_the_undo(ws: Workspace, candles: Candles) -> None:
    edits = SpanEdits()
    confirmed = replace(_span(candles), id="m", source="model_confirmed")
    ws.store.annotations.add(*EURUSD, [confirmed])
    edits.change(ws, "m", {"label": "bear_flag"}, EURUSD)
    edits.undo(ws)
    assert ws.store.annotations.list(*EURUSD)[0].source == "model_confirmed"


def test_what_someone_else_has_retracted_cannot_be_changed_back(ws: Workspace, candles: Candles) -> None:
    edits = SpanEdits()
    one = edits.draw(ws, _span(candles), EURUSD).annotation
    edits.change(ws, one.id, {"notes": "steep"}, EURUSD)
    ws.store.annotations.retract(one.id)
    with pytest.raises(Conflict, match="found it retracted"):
        edits.undo(ws)
    assert len(edits.edits) == 1


def test_kept_patterns_are_discarded_and_discarded_ones_kept_again(ws: Workspace) -> None:
    edits, functions = SpanEdits(), ["CDLDOJI", "CDLHAMMER"]
    spans = edits.keep(ws, functions, EURUSD)
    assert spans == len(ws.store.talib.spans(*EURUSD)) > 0
    edits.keep(ws, ["CDLDOJI"], EURUSD)
    assert len(edits.edits) == 1
    assert edits.discard(ws, ["CDLDOJI", "CDLENGULFING"], EURUSD) > 0
    assert list(ws.store.talib.layers(*EURUSD)) == ["CDLHAMMER"]
    edits.undo(ws)
    assert list(ws.store.talib.layers(*EURUSD)) == functions
    edits.undo(ws)
    assert ws.store.talib.layers(*EURUSD) == {}


def test_the_same_drag_twice_draws_one_span(ws: Workspace, candles: Candles) -> None:
    edits, drawn = SpanEdits(), _span(candles)
    edits.draw(ws, drawn, EURUSD)
    turned = replace(drawn, start_time=drawn.end_time, end_time=drawn.start_time)
    for again in (drawn, turned):
        with pytest.raises(Conflict, match="this span is there already, by ada"):
            edits.draw(ws, again, EURUSD)
    assert len(edits.edits) == len(_said(ws)) == 1
    edits.draw(ws, replace(drawn, annotator="bob"), EURUSD)
    edits.draw(ws, replace(drawn, label="bear_flag"), EURUSD)
    assert len(_said(ws)) == 3
