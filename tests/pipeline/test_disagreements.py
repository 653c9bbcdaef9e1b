"""Where people and the model differ: matched by hand, and against a slow, obvious way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from mllib.candles import Candles
from mllib.errors import InvalidConfig
from mllib.inference import Predictor
from mllib.pipeline.annotations import label_series
from mllib.pipeline.disagreements import (
    USUAL,
    Disagreement,
    Wanted,
    kinds_wanted,
    layer_disagreements,
    newest_first,
    summary,
    two_layers,
    version_changes,
)
from mllib.pipeline.predicting import Sweep
from mllib.pipeline.span_layers import LayerName
from mllib.pipeline.sweeps import SweptSeries
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction, PredictedSpan, ReviewedRange, Span
from mllib.store import Feedback


@dataclass
class Model:
    """Stands for a predictor of which only the labels matter."""

    labels: tuple[str, ...] = ("flag", "wedge")


@pytest.fixture
def sweep(ws: Workspace) -> Sweep:
    history = ws.candles.read("EURUSD", "1h")
    return Sweep(cast(Predictor, Model()), history, 0, len(history))


def predicted(candles: Candles, label: str, first: int, last: int, confidence: float = 0.8) -> PredictedSpan:
    bounds = int(candles.time[first]), int(candles.time[last])
    return PredictedSpan(label, *bounds, avg_confidence=confidence, candle_count=last - first + 1)


def swept(candles: Candles, version: str, spans: list[PredictedSpan]) -> SweptSeries:
    """What a version says of the series."""
    coverage = np.zeros((len(candles), 2), np.float32)
    return SweptSeries(candles, f"run {version}", version, ("flag", "wedge"), spans, coverage)


def drawn(candles: Candles, label: str, first: int, last: int, **more: Any) -> Annotation:
    bounds = int(candles.time[first]), int(candles.time[last])
    return Annotation(label, *bounds, id=f"{label}-{first}", **more)


def looked(candles: Candles, first: int, last: int, *labels: str) -> ReviewedRange:
    return ReviewedRange(int(candles.time[first]), int(candles.time[last]), frozenset(labels))


def told(found: Sequence[Disagreement], candles: Candles) -> list[tuple[str, str, int]]:
    """Kind, label and first bar of each."""
    return [
        (one.kind, one.span.label, int(np.searchsorted(candles.time, one.span.start_time))) for one in found
    ]


def usual(
    ws: Workspace, sweep: Sweep, model: Sequence[PredictedSpan], *, limit: int | None = None
) -> list[Disagreement]:
    """What is told of people and the model on the bars of a sweep unless other kinds are asked for."""
    time = sweep.history.time
    bounds = {"start_time": int(time[sweep.first]), "end_time": int(time[sweep.last - 1])}
    return newest_first(between(ws, sweep, ("human", "model"), model), Wanted(kinds=USUAL, **bounds), limit)


def test_each_kind_is_told_newest_first(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    human = [drawn(candles, "flag", 10, 19), drawn(candles, "flag", 50, 59), drawn(candles, "flag", 90, 99)]
    reviewed = [looked(candles, 0, 200, "flag", "wedge")]
    ws.store.annotations.add("EURUSD", "1h", human, reviewed=reviewed)
    model = [
        predicted(candles, "flag", 12, 21),
        predicted(candles, "wedge", 51, 60),
        predicted(candles, "wedge", 130, 139),
    ]
    found = usual(ws, sweep, model, limit=10)
    assert told(found, candles) == [
        ("missed_by_human", "wedge", 130),
        ("missed_by_model", "flag", 90),
        ("label_mismatch", "wedge", 51),
    ]
    mismatch = found[-1]
    assert mismatch.human is not None
    assert mismatch.human.label == "flag"
    assert mismatch.predicted == model[1]
    assert usual(ws, sweep, model, limit=1) == found[:1]


def between(
    ws: Workspace, sweep: Sweep, layers: tuple[LayerName, LayerName], model: Sequence[PredictedSpan] = ()
) -> list[Disagreement]:
    return layer_disagreements(ws, sweep.history, layers, predicted=model, labels=sweep.predictor.labels)


def test_agreement_and_other_bounds_are_told_where_they_are_asked_for(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    human = [drawn(candles, "flag", 10, 19), drawn(candles, "flag", 50, 59)]
    ws.store.annotations.add("EURUSD", "1h", human, reviewed=[looked(candles, 0, 200, "flag")])
    model = [predicted(candles, "flag", 10, 19), predicted(candles, "flag", 48, 60)]
    found = between(ws, sweep, ("human", "model"), model)
    assert told(found, candles) == [("agreement", "flag", 10), ("boundary_mismatch", "flag", 48)]
    assert (found[1].pair.start_bars, found[1].pair.end_bars) == (-2, 1)
    assert (found[1].predicted, found[1].talib) == (model[1], None)
    assert isinstance(found[1].human, Annotation)
    assert found[1].human.id == human[1].id
    assert newest_first(found, Wanted(kinds=kinds_wanted([]))) == []
    summed = summary(found, Wanted(kinds=["label_mismatch"]))
    assert summed.counts == {("flag", "agreement"): 1, ("flag", "boundary_mismatch"): 1}
    assert (summed.agreement_rate, summed.median_boundary_bars) == (1.0, 0.5)


def test_filters_let_through_what_they_say(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    human = [drawn(candles, "flag", 50, 59), drawn(candles, "flag", 90, 99), drawn(candles, "flag", 150, 159)]
    ws.store.annotations.add("EURUSD", "1h", human, reviewed=[looked(candles, 0, 200, "flag", "wedge")])
    model = [
        predicted(candles, "flag", 48, 60, 0.9),
        predicted(candles, "flag", 90, 100, 0.6),
        predicted(candles, "wedge", 20, 29, 0.3),
    ]
    found = between(ws, sweep, ("human", "model"), model)

    def first_bars(**wanted: Any) -> list[int]:
        return [bar for _, _, bar in told(newest_first(found, Wanted(**wanted)), candles)]

    time = candles.time.tolist()
    assert first_bars() == [150, 90, 48, 20]
    assert first_bars(labels=["wedge"]) == [20]
    assert first_bars(least_bars=2) == [150, 48, 20]
    assert first_bars(least_confidence=0.5) == [150, 90, 48]
    assert first_bars(least_confidence=0.95) == [150]
    assert first_bars(start_time=time[48], end_time=time[100]) == [90, 48]
    _judge(ws, model[0], "confirm")
    found = between(ws, sweep, ("human", "model"), model)
    assert first_bars(judged=False) == [150, 90, 50, 20]
    assert first_bars(judged=True) == [48]


def test_a_prediction_without_any_confidence_does_not_pass_as_a_sure_one(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[looked(candles, 0, 200, "flag")])
    model = [predicted(candles, "flag", 20, 29, 0.0), predicted(candles, "flag", 60, 69, 0.6)]
    found = between(ws, sweep, ("human", "model"), model)
    assert told(newest_first(found, Wanted(least_confidence=0.5)), candles) == [
        ("missed_by_human", "flag", 60)
    ]


def test_talibs_spans_are_compared_with_people_where_they_looked_and_with_the_model_everywhere(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    assert between(ws, sweep, ("human", "talib")) == []
    label_series(ws, pair="EURUSD", timeframe="1h", functions=["CDLDOJI"])
    dojis = ws.store.talib.spans("EURUSD", "1h")
    assert len(dojis) > 10
    (bar,) = np.searchsorted(candles.time, [dojis[5].start_time]).tolist()
    flag = drawn(candles, "flag", bar, bar)
    reviewed = [looked(candles, bar - 1, bar + 1, "bullish_doji", "flag")]
    ws.store.annotations.add("EURUSD", "1h", [flag], reviewed=reviewed)
    (found,) = between(ws, sweep, ("human", "talib"))
    assert (found.kind, found.labels) == ("label_mismatch", {"flag", "bullish_doji"})
    assert (found.talib, found.predicted) == (dojis[5], None)
    assert between(ws, sweep, ("talib", "model"), [predicted(candles, "flag", 280, 289)]) == []
    ws.store.annotations.retract(flag.id)
    sweep = Sweep(cast(Predictor, Model(("bullish_doji",))), candles, 0, len(candles))
    kinds = {one.kind for one in between(ws, sweep, ("talib", "model"))}
    assert kinds == {"missed_by_model"}


def test_two_versions_of_a_model_are_told_apart(ws: Workspace, candles: Candles) -> None:
    old = [predicted(candles, "flag", at, at + 9) for at in (10, 40, 70, 100)]
    new = [
        predicted(candles, "flag", 10, 19),
        predicted(candles, "flag", 41, 49),
        predicted(candles, "wedge", 70, 79),
        predicted(candles, "flag", 150, 159),
    ]
    found = version_changes(ws, swept(candles, "7", old), swept(candles, "8", new))
    expected = [
        ("kept", "flag", 10),
        ("moved", "flag", 41),
        ("relabelled", "wedge", 70),
        ("dropped", "flag", 100),
        ("added", "flag", 150),
    ]
    assert told(found, candles) == expected
    assert {one.between for one in found} == {("7", "8")}
    shown = newest_first(found, Wanted(kinds=kinds_wanted([], versions=True)))
    assert told(shown, candles) == expected[:0:-1]


@pytest.mark.parametrize("text", ["human", "human,human", "human,model,talib", "people,model", ""])
def test_anything_but_two_layers_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfig, match="expected two of human, talib, model"):
        two_layers(text)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="found added, expected some of agreement"):
        kinds_wanted(["added", "agreement"])


def test_a_kind_that_two_layers_cannot_have_is_refused() -> None:
    assert kinds_wanted(["missed_by_talib"], between=("human", "talib")) == {"missed_by_talib"}
    with pytest.raises(
        InvalidConfig, match=r"found missed_by_model, expected some of agreement, .*missed_by_hum"
    ):
        kinds_wanted(["missed_by_model"], between=("human", "talib"))


def test_only_reviewed_candles_count_and_only_for_the_labels_looked_for(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ranges = [looked(candles, 0, 100, "flag")]
    ws.store.annotations.add("EURUSD", "1h", [drawn(candles, "flag", 150, 160)], reviewed=ranges)
    model = [
        predicted(candles, "wedge", 20, 30),
        predicted(candles, "flag", 95, 105),
        predicted(candles, "flag", 120, 130),
    ]
    assert usual(ws, sweep, model, limit=10) == []
    assert told(usual(ws, sweep, [predicted(candles, "flag", 20, 30)], limit=10), candles) == [
        ("missed_by_human", "flag", 20)
    ]


def test_a_match_across_the_edge_of_what_was_reviewed_is_no_miss(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ranges = [looked(candles, 0, 100, "flag")]
    ws.store.annotations.add("EURUSD", "1h", [drawn(candles, "flag", 92, 104)], reviewed=ranges)
    assert usual(ws, sweep, [predicted(candles, "flag", 91, 100)], limit=10) == []


def test_what_lies_beyond_the_sweep_is_left_out(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    human = [drawn(candles, "flag", 10, 19), drawn(candles, "flag", 90, 99)]
    ws.store.annotations.add("EURUSD", "1h", human, reviewed=[looked(candles, 0, 200, "flag")])
    part = Sweep(sweep.predictor, sweep.history, 50, 95)
    assert usual(ws, part, [], limit=10) == []
    assert told(usual(ws, sweep, [], limit=10), candles) == [
        ("missed_by_model", "flag", 90),
        ("missed_by_model", "flag", 10),
    ]


def test_labels_that_the_model_does_not_know_are_no_miss(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ranges = [looked(candles, 0, 200, "flag", "cup")]
    ws.store.annotations.add("EURUSD", "1h", [drawn(candles, "cup", 10, 19)], reviewed=ranges)
    assert usual(ws, sweep, [], limit=10) == []
    assert told(usual(ws, sweep, [predicted(candles, "flag", 10, 19)], limit=10), candles) == [
        ("label_mismatch", "flag", 10)
    ]


def _judge(ws: Workspace, span: Span, action: str) -> None:
    prediction = JudgedPrediction(label=span.label, start_time=span.start_time, end_time=span.end_time)
    said = {"client_id": f"{span.start_time}", "pair": "EURUSD", "timeframe": "1h", "action": action}
    ws.store.verdicts.record(Feedback(**said, prediction=prediction))  # type: ignore[arg-type]


def test_a_dismissed_prediction_is_not_told_again(ws: Workspace, candles: Candles, sweep: Sweep) -> None:
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[looked(candles, 0, 200, "flag", "wedge")])
    _judge(ws, predicted(candles, "flag", 20, 29), "dismiss")
    again = predicted(candles, "flag", 21, 29)
    other = predicted(candles, "wedge", 20, 29)
    assert told(usual(ws, sweep, [again, other], limit=10), candles) == [("missed_by_human", "wedge", 20)]


def test_a_skipped_place_is_told_with_that_word_and_nothing_else_changes(
    ws: Workspace, candles: Candles, sweep: Sweep
) -> None:
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[looked(candles, 0, 200, "flag", "wedge")])
    found = [predicted(candles, "flag", 20, 29), predicted(candles, "flag", 60, 69)]
    before = usual(ws, sweep, found, limit=10)
    _judge(ws, found[0], "skip")
    after = usual(ws, sweep, found, limit=10)
    assert [one.pair for one in after] == [one.pair for one in before]
    assert [one.verdict for one in after] == [None, "skip"]
