from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mllib.candles import Candles
from mllib.config import IngestionSection
from mllib.encoders import reviewed_bars
from mllib.encoders.bio import BioEncoder
from mllib.encoders.lanes import Lane
from mllib.errors import InvalidCandles
from mllib.features import ContextConfig
from mllib.patterns import FUNCTIONS, detect
from mllib.pipeline.annotations import label_series, labelled_series
from mllib.pipeline.data import import_candles
from mllib.pipeline.importing import import_annotations
from mllib.pipeline.workspace import Workspace
from mllib.spans import Annotation, JudgedPrediction, Span
from mllib.store import Feedback
from mllib.timeframes import parse_time
from mllib.training import LabelledSeries
from tests.naive import sample
from tests.pipeline.conftest import entry, export_file

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}
ENGULFING = "bullish_engulfing"


def _add(ws: Workspace, candles: Candles, *bounds: tuple[str, int, int], **more: Any) -> list[Annotation]:
    """Stores people's spans."""
    made = [
        Annotation(
            label,
            int(candles.time[a]),
            int(candles.time[b]),
            **({"id": f"{label}-{a}-{b}", "created_at": 50} | more),
        )
        for label, a, b in bounds
    ]
    ws.store.annotations.add("EURUSD", "1h", made)
    return made


def _learned(ws: Workspace, layers: Sequence[Any] = ("human", "talib"), **ingestion: Any) -> LabelledSeries:
    base = {"talib_patterns": ("CDLENGULFING", "CDLDOJI")}
    return labelled_series(ws, **EURUSD, layers=layers, ingestion=IngestionSection(**(base | ingestion)))


def _bars(series: LabelledSeries, label: str) -> list[tuple[int, int]]:
    """Closed bar positions of a label's spans."""
    time = series.candles.time.tolist()
    return sorted(
        (time.index(s.start_time), time.index(s.end_time)) for s in series.spans if s.label == label
    )


def _engulfing(candles: Candles) -> list[tuple[int, int]]:
    time = candles.time.tolist()
    found = detect(candles, ["CDLENGULFING"])["CDLENGULFING"]
    return [(time.index(s.start_time), time.index(s.end_time)) for s in found if s.label == ENGULFING]


def test_labelling_twice_is_as_once(ws: Workspace, candles: Candles) -> None:
    first = label_series(ws, **EURUSD)
    stored = ws.store.talib.spans("EURUSD", "1h")
    assert label_series(ws, **EURUSD) == first
    assert ws.store.talib.spans("EURUSD", "1h") == stored
    assert first == {name: len(found) for name, found in detect(candles, list(first)).items()}


def test_an_empty_list_of_functions_labels_with_all_of_them(ws: Workspace) -> None:
    assert set(label_series(ws, **EURUSD, functions=[])) == set(FUNCTIONS)


@pytest.mark.parametrize("change", ["append", "prepend", "correct"])
def test_labels_follow_when_the_candles_change(ws: Workspace, tmp_path: Path, change: str) -> None:
    whole = sample("EURUSD_1h")
    start = whole[100:400]
    other = {"append": whole[400:500], "prepend": whole[:100]}.get(change)
    if other is None:
        part = whole[200:240]
        other = replace(part, open=part.close, close=part.open)
    ws.candles.delete("EURUSD", "1h")
    for step in (start, other):
        step.to_frame().to_parquet(tmp_path / "candles.parquet")
        import_candles(ws, tmp_path / "candles.parquet", **EURUSD)
        labelled = label_series(ws, **EURUSD)
    now = ws.candles.read("EURUSD", "1h")
    expected = detect(now, list(labelled))
    assert labelled == {name: len(found) for name, found in expected.items()}
    stored = {(s.label, s.start_time, s.end_time) for s in ws.store.talib.spans("EURUSD", "1h")}
    assert stored == {(s.label, s.start_time, s.end_time) for found in expected.values() for s in found}


def test_layers_are_learned_from_as_chosen(ws: Workspace, candles: Candles) -> None:
    _add(ws, candles, ("bull_flag", 3, 9))
    assert {s.label for s in _learned(ws, ["human"]).spans} == {"bull_flag"}
    talib = _learned(ws, ["talib"])
    assert _bars(talib, ENGULFING) == _engulfing(candles)
    assert reviewed_bars(ENGULFING, candles, talib.reviewed).all()
    assert reviewed_bars("bearish_doji", candles, talib.reviewed).all()
    assert not reviewed_bars("bull_flag", candles, talib.reviewed).any()
    assert {s.label for s in _learned(ws).spans} >= {"bull_flag", ENGULFING}


@pytest.mark.parametrize(
    ("strategy", "of_people", "of_talib"),
    [("human_priority", True, False), ("programmatic_priority", False, True), ("both", True, True)],
)
def test_of_twins_the_layer_with_priority_stays(
    ws: Workspace, candles: Candles, strategy: str, of_people: bool, of_talib: bool
) -> None:
    start, end = _engulfing(candles)[2]
    _add(ws, candles, (ENGULFING, start - 1, end))
    found = _bars(_learned(ws, merge_strategy=strategy), ENGULFING)
    assert ((start - 1, end) in found) is of_people
    assert ((start, end) in found) is of_talib
    assert len(found) == len(_engulfing(candles)) - 1 + of_people + of_talib


def test_spans_that_overlap_too_little_or_differ_in_label_are_no_twins(
    ws: Workspace, candles: Candles
) -> None:
    start, end = _engulfing(candles)[2]
    _add(ws, candles, (ENGULFING, start - 9, end), ("bull_flag", start, end))
    assert (start, end) in _bars(_learned(ws), ENGULFING)


def _judge(ws: Workspace, candles: Candles, action: Any, predicted: tuple[str, int, int], **more: Any) -> str:
    label, a, b = predicted
    judged = JudgedPrediction(
        label=label,
        confidence=0.9,
        model_version="1",
        start_time=int(candles.time[a]),
        end_time=int(candles.time[b]),
    )
    number = len(ws.store.verdicts.list())
    verdict, _ = ws.store.verdicts.record(
        Feedback(
            client_id=f"c{number}", pair="EURUSD", timeframe="1h", action=action, prediction=judged, **more
        )
    )
    return verdict.id


def test_a_dismissal_removes_the_twins_of_the_judged_label_alone(ws: Workspace, candles: Candles) -> None:
    start, end = _engulfing(candles)[2]
    _add(ws, candles, (ENGULFING, start, end), ("bull_flag", start, end))
    verdict = _judge(ws, candles, "dismiss", (ENGULFING, start, end))
    series = _learned(ws)
    assert _bars(series, ENGULFING) == [b for b in _engulfing(candles) if b != (start, end)]
    assert _bars(series, "bull_flag") == [(start, end)]
    assert reviewed_bars(ENGULFING, candles, _learned(ws, ["human"]).reviewed)[start : end + 1].all()
    assert "O" not in {s.label for s in series.spans}
    ws.store.verdicts.retract(verdict)
    assert (start, end) in _bars(_learned(ws), ENGULFING)


def test_an_added_span_is_learned_and_a_skip_changes_nothing(ws: Workspace, candles: Candles) -> None:
    _judge(ws, candles, "skip", ("bull_flag", 100, 109))
    before = _learned(ws, ["human"])
    assert (before.spans, before.reviewed) == ([], [])
    bounds = {"start_time": int(candles.time[30]), "end_time": int(candles.time[39])}
    added = Feedback(client_id="added", **EURUSD, action="add", label="bull_flag", **bounds)
    verdict, _ = ws.store.verdicts.record(added)
    series = _learned(ws, ["human"])
    assert _bars(series, "bull_flag") == [(30, 39)]
    assert reviewed_bars("bull_flag", candles, series.reviewed).nonzero()[0].tolist() == list(range(30, 40))
    ws.store.verdicts.retract(verdict.id)
    assert _learned(ws, ["human"]).spans == []


def _nothing(ws: Workspace, candles: Candles, first: int, last: int) -> str:
    bounds = {"start_time": int(candles.time[first]), "end_time": int(candles.time[last])}
    said = Feedback(client_id="none", **EURUSD, action="nothing", labels=("bull_flag",), **bounds)
    return ws.store.verdicts.record(said)[0].id


def _bio_targets(series: LabelledSeries) -> tuple[list[int], list[int]]:
    """The bars of which a per-candle model learns `bull_flag`: known ones, and of these the positives."""
    lane = Lane(label="bull_flag", least_bars=2, most_bars=10)
    encoder = BioEncoder(ContextConfig(), (lane,)).with_features()
    rows = encoder.propose(series.candles)
    targets = encoder.label(rows, series.candles, series.spans, series.reviewed)
    known = targets.mask.any(axis=1)
    return known.nonzero()[0].tolist(), (known & (targets.Y > 0).any(axis=1)).nonzero()[0].tolist()


def test_where_nothing_is_missing_silence_is_learned_and_spans_said_later_still_count(
    ws: Workspace, candles: Candles
) -> None:
    verdict_id = _nothing(ws, candles, 100, 139)
    assert _bio_targets(_learned(ws, ["human"])) == (list(range(100, 140)), [])
    bounds = {"start_time": int(candles.time[104]), "end_time": int(candles.time[109])}
    ws.store.verdicts.record(Feedback(client_id="added", **EURUSD, action="add", label="bull_flag", **bounds))
    _judge(ws, candles, "confirm", ("bull_flag", 120, 125))
    said = [*range(104, 110), *range(120, 126)]
    assert _bio_targets(_learned(ws, ["human"])) == (list(range(100, 140)), said)
    ws.store.verdicts.retract(verdict_id)
    assert _bio_targets(_learned(ws, ["human"])) == (said, said)


def test_what_was_settled_is_learned_as_the_third_said(ws: Workspace, candles: Candles) -> None:
    both = [
        _judge(ws, candles, action, ("bull_flag", 30, 39), annotator=who)
        for action, who in (("confirm", "ann"), ("dismiss", "ben"))
    ]
    assert _bars(_learned(ws, ["human"]), "bull_flag") == []
    third = _judge(ws, candles, "confirm", ("bull_flag", 30, 39), annotator="cleo", settles=tuple(both))
    assert _bars(_learned(ws, ["human"]), "bull_flag") == [(30, 39)]
    ws.store.verdicts.retract(third)
    assert _bars(_learned(ws, ["human"]), "bull_flag") == []


def test_a_span_that_a_person_drew_outlives_a_verdict_on_other_bounds(
    ws: Workspace, candles: Candles
) -> None:
    _add(ws, candles, ("bull_flag", 30, 49))
    _judge(ws, candles, "dismiss", ("bull_flag", 36, 49))
    assert _bars(_learned(ws), "bull_flag") == [(30, 49)]
    _judge(ws, candles, "dismiss", ("bull_flag", 30, 48))
    assert _bars(_learned(ws), "bull_flag") == []


def test_a_correction_takes_the_place_of_the_judged_label(ws: Workspace, candles: Candles) -> None:
    start, end = _engulfing(candles)[2]
    _judge(
        ws,
        candles,
        "correct",
        (ENGULFING, start, end),
        label="bull_flag",
        end_time=int(candles.time[end + 3]),
    )
    series = _learned(ws)
    assert (start, end) not in _bars(series, ENGULFING)
    assert _bars(series, "bull_flag") == [(start, end + 3)]


def test_a_correction_of_the_bounds_keeps_its_own_span(ws: Workspace, candles: Candles) -> None:
    start, end = _engulfing(candles)[2]
    _judge(ws, candles, "correct", (ENGULFING, start, end), start_time=int(candles.time[start - 1]))
    found = _bars(_learned(ws), ENGULFING)
    assert (start - 1, end) in found
    assert (start, end) not in found


def test_a_confirmation_takes_the_place_of_its_twin(ws: Workspace, candles: Candles) -> None:
    start, end = _engulfing(candles)[2]
    _judge(ws, candles, "confirm", (ENGULFING, start, end))
    series = _learned(ws)
    assert _bars(series, ENGULFING) == _engulfing(candles)
    (kept,) = [s for s in series.spans if isinstance(s, Annotation) and s.source == "model_confirmed"]
    assert kept.start_time == candles.time[start]


def test_what_is_confirmed_after_a_dismissal_stays(ws: Workspace, candles: Candles) -> None:
    """Also within the same second, as the clicks of a person or a script may be."""
    start, end = _engulfing(candles)[2]
    _judge(ws, candles, "dismiss", (ENGULFING, start, end))
    _judge(ws, candles, "confirm", (ENGULFING, start, end))
    assert (start, end) in _bars(_learned(ws), ENGULFING)


def test_a_span_that_a_person_makes_after_a_dismissal_stays(ws: Workspace, candles: Candles) -> None:
    _judge(ws, candles, "dismiss", ("bull_flag", 30, 40))
    _add(ws, candles, ("bull_flag", 30, 40), created_at=2**40)
    assert _bars(_learned(ws), "bull_flag") == [(30, 40)]


def test_an_unclear_span_is_not_learned_and_its_bars_are_not_known(
    ws: Workspace, candles: Candles, tmp_path: Path
) -> None:
    file = export_file(
        tmp_path,
        entry(candles, "bull_flag", 10, 19, confidence=2),
        entry(candles, "bull_flag", 30, 39, confidence=3),
        entry(candles, "bull_flag", 50, 59),
        entry(candles, "wedge", 70, 79),
    )
    import_annotations(ws, file, **EURUSD)
    series = _learned(ws, ["human"], min_confidence=3)
    assert _bars(series, "bull_flag") == [(30, 39), (50, 59)]
    unknown = (~reviewed_bars("bull_flag", candles, series.reviewed)).nonzero()[0].tolist()
    assert unknown == list(range(10, 20))
    assert reviewed_bars("wedge", candles, series.reviewed).all()
    assert reviewed_bars("bull_flag", candles, _learned(ws, ["human"]).reviewed).all()


def test_a_single_candle_is_learned_as_one_or_as_the_window_around_it(
    ws: Workspace, candles: Candles
) -> None:
    _add(ws, candles, ("doji", 50, 50), ("doji", 2, 2), ("doji", 299, 299), ("doji", 80, 90))
    _add(ws, candles, ("doji", 120, 120), source="model_confirmed")
    alone = [(2, 2), (50, 50), (80, 90), (120, 120), (299, 299)]
    assert _bars(_learned(ws, ["human"]), "doji") == alone
    around = _learned(ws, ["human"], source="point", window_size=10)
    assert _bars(around, "doji") == [(0, 6), (45, 54), (80, 90), (120, 120), (294, 299)]


@pytest.mark.parametrize("text", ["yesterday", "", "--5", "²", "2017-13-01"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidCandles, match="expected Unix seconds or an ISO 8601 date"):
        parse_time(text)


def test_times_are_unix_seconds_or_iso_with_or_without_zone() -> None:
    assert parse_time(" 1577836800") == parse_time("2020-01-01") == parse_time("2020-01-01T01:00+01:00")
    assert parse_time("-5") == -5
    assert Span("x", 0, parse_time("2020-01-01T00:00:00Z")).end_time == 1_577_836_800
