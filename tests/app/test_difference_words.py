"""How differences read, and how a chart draws them."""

import pytest

from app.disagreements.words import comparison_layers, differences_table, key_of, labels_words, place_of
from mllib.disagreement import Pair
from mllib.pipeline.comparisons import Comparisons
from mllib.pipeline.disagreements import Disagreement
from mllib.pipeline.predicting import StoredCandles
from mllib.spans import Annotation, PredictedSpan, ReviewedRange, Span
from tests.waves import at, wave

BETWEEN = ("human", "model")


def test_a_table_has_a_row_a_difference() -> None:
    human, model = Span("bull_flag", at(0), at(9)), PredictedSpan("bear_flag", at(1), at(9), 0.8, 9)
    both = Disagreement("label_mismatch", BETWEEN, Pair("label_mismatch", human, model, 0.9, 1, 0), "skip")
    alone = Disagreement("missed_by_model", BETWEEN, Pair("only_in_a", human, None))
    table = differences_table([both, alone])
    assert table["label"].tolist() == ["bull flag → bear flag", "bull flag"]
    assert table["kind"].tolist() == ["Other label", "Missed by model"]
    assert table["bounds"].tolist() == ["+1 / 0", ""]
    assert table["said"].tolist() == ["–", ""]
    assert table["confidence"].isna().tolist() == [False, True]
    assert (labels_words(alone), place_of(both)) == ("bull flag", (at(0), at(9)))


@pytest.fixture
def shown(ws):
    """A series where people and TA-Lib differ: a flag of people's over a doji that they looked for."""
    ws.candles.merge(wave(60))
    flag = Annotation("bull_flag", at(20), at(20), id="f")
    looked = ReviewedRange(at(0), at(59), frozenset({"bull_flag", "bullish_doji"}))
    ws.store.annotations.add("EURUSD", "1h", [flag], reviewed=[looked])
    spans = {"CDLDOJI": [PredictedSpan("bullish_doji", at(b), at(b), 1.0, 1) for b in (20, 40)]}
    ws.store.talib.replace("EURUSD", "1h", ["CDLDOJI"], spans, at(59))
    return Comparisons(ws, StoredCandles(ws)).of_layers(
        ("human", "talib"), None, pair="EURUSD", timeframe="1h"
    )


def test_both_layers_are_drawn_and_differences_are_outlined(shown) -> None:
    other_label, missed = shown.found
    people, talib = comparison_layers(shown, labels=(), least=0.0, selected=missed)
    assert (people.dash, talib.dash) == ("solid", "dot")
    (flag,) = people.marks_between(at(0), at(59))
    first, second = talib.marks_between(at(0), at(59))
    assert flag.key == first.key == key_of(other_label)
    assert (flag.outline, first.outline, second.outline) == (None, "orange", "yellow")
    assert (first.selected, second.selected, second.key) == (False, True, key_of(missed))
    assert "missed by people" in second.hover
    assert talib.marks_between(at(30), at(59)) == [second]


def test_other_labels_are_not_drawn_unless_they_are_selected(shown) -> None:
    missed = shown.found[1]
    _, talib = comparison_layers(shown, labels=["bull_flag"], least=0.0, selected=missed)
    assert [mark.key for mark in talib.marks_between(at(0), at(59))] == [key_of(missed)]
