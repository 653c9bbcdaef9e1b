from dataclasses import replace
from typing import Any

import pytest

from mllib.agreement import Agreement
from mllib.candle_archive import CandleArchive
from mllib.candles import Candles
from mllib.errors import Conflict, InvalidAnnotations, InvalidConfig, NotFound
from mllib.pipeline.agreeing import adjudicate, annotator_agreement
from mllib.pipeline.annotations import known_facts
from mllib.pipeline.overview import loop_state
from mllib.pipeline.predicting import StoredCandles
from mllib.pipeline.review import record_verdict
from mllib.pipeline.workspace import Workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback, Verdict
from tests.pipeline.conftest import store_candles

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def _say(
    ws: Workspace, candles: Candles, annotator: str, action: Any, first: int, last: int, **more: Any
) -> Verdict:
    bounds = {"start_time": int(candles.time[first]), "end_time": int(candles.time[last])}
    judged = (
        None if action in ("add", "nothing") else JudgedPrediction(label="flag", model_version="3", **bounds)
    )
    own: dict[str, Any] = {"label": "flag", **bounds} if action == "add" else {}
    if action == "nothing":
        own = {"labels": ("flag",), **bounds}
    return record_verdict(
        ws,
        Feedback(
            client_id=f"{annotator} {action} {first} {len(more)}",
            **EURUSD,
            action=action,
            prediction=judged,
            annotator=annotator,
            **{**own, **more},
        ),
    )[0]


@pytest.fixture
def both(ws: Workspace, candles: Candles) -> list[Verdict]:
    """Ann confirms what Ben dismisses at bar 10; they agree at 40, and add one span each around 80."""
    said = [_say(ws, candles, "ann", "confirm", 10, 19), _say(ws, candles, "ben", "dismiss", 10, 19)]
    for name in ("ann", "ben"):
        _say(ws, candles, name, "dismiss", 40, 49)
    _say(ws, candles, "ann", "add", 80, 89)
    _say(ws, candles, "ben", "add", 82, 89)
    _say(ws, candles, "ann", "confirm", 120, 129)
    return said


def _only(ws: Workspace, **asked: Any) -> Agreement:
    (found,) = annotator_agreement(ws, **asked)
    return found


def test_two_annotators_are_compared_where_both_judged(ws: Workspace, both: list[Verdict]) -> None:
    found = _only(ws)
    assert (found.annotators, found.places, found.same) == (("ann", "ben"), 3, 2)
    assert found.mean_iou == pytest.approx(0.8)
    assert found.kappa is not None
    assert [one.difference for one in found.differences] == ["label", "bounds"]
    assert found.differences[0].first.verdict_id == both[0].id


def test_the_newest_verdict_of_an_annotator_counts(
    ws: Workspace, candles: Candles, both: list[Verdict]
) -> None:
    ws.store.verdicts.retract(both[1].id)
    assert _only(ws).places == 2
    _say(ws, candles, "ben", "dismiss", 10, 19, note="again")
    _say(ws, candles, "ben", "confirm", 10, 19)
    assert _only(ws).same == 3


def test_series_and_annotators_can_be_chosen(ws: Workspace, candles: Candles, both: list[Verdict]) -> None:
    _say(ws, candles, "cleo", "dismiss", 10, 19)
    assert [one.annotators for one in annotator_agreement(ws)] == [
        ("ann", "ben"),
        ("ann", "cleo"),
        ("ben", "cleo"),
    ]
    assert _only(ws, annotators=["cleo", "ann"]).annotators == ("ann", "cleo")
    assert annotator_agreement(ws, timeframe="1D") == []


@pytest.mark.parametrize("unknown", [{"pair": "GBPUSD"}, {"pair": "EURUSD", "timeframe": "4h"}])
def test_a_series_of_which_nothing_is_known_is_not_found(ws: Workspace, unknown: dict[str, str]) -> None:
    with pytest.raises(NotFound, match="found nothing of it, neither candles nor annotations"):
        annotator_agreement(ws, **unknown)


def test_one_annotator_alone_agrees_with_nobody(ws: Workspace, both: list[Verdict]) -> None:
    with pytest.raises(InvalidConfig, match="found ann alone, expected two annotators or more"):
        annotator_agreement(ws, annotators=["ann", " ann "])


def test_a_series_without_candles_and_nameless_verdicts_are_left_out(ws: Workspace) -> None:
    judged = JudgedPrediction(label="flag", start_time=0, end_time=3_600)
    for name in ("ann", "ben", None):
        said = Feedback(
            client_id=f"{name}",
            pair="GONE",
            timeframe="1h",
            action="confirm",
            prediction=judged,
            annotator=name,
        )
        record_verdict(ws, said)
    assert annotator_agreement(ws) == []


def test_a_third_verdict_takes_the_place_off_the_list_and_alone_counts(
    ws: Workspace, both: list[Verdict]
) -> None:
    before = loop_state(ws, worker_alive=True).unseen_verdicts
    asked: dict[str, Any] = {"client_id": "t", "annotator": "cleo", "note": "No pole."}
    third, new = adjudicate(ws, both[1].id, [both[0].id], **asked)
    assert new
    assert (third.action, third.annotator, set(third.settles)) == (
        "dismiss",
        "cleo",
        {one.id for one in both},
    )
    assert adjudicate(ws, both[1].id, [both[0].id], **asked) == (third, False)
    found = _only(ws)
    assert (found.places, found.settled) == (3, 1)
    assert [one.difference for one in found.differences] == ["bounds"]
    assert loop_state(ws, worker_alive=True).unseen_verdicts == before - 1
    facts = known_facts(ws, **EURUSD, functions=None)
    assert {one.annotation_id for one in both}.isdisjoint({one.id for one in facts.annotations})
    assert third.annotation_id in facts.verdicts
    ws.store.verdicts.retract(third.id)
    assert len(_only(ws).differences) == 2


def test_an_added_span_can_be_the_right_one(ws: Workspace, both: list[Verdict]) -> None:
    place = _only(ws).differences[1]
    third, _ = adjudicate(ws, place.second.verdict_id, [place.first.verdict_id], client_id="t")
    assert (third.action, third.span) == ("add", place.second.said)
    adds = [one for one in ws.store.annotations.list("EURUSD", "1h") if one.label == "flag"]
    assert place.second.said.start_time in {one.start_time for one in adds}
    assert place.first.said.start_time not in {one.start_time for one in adds}


def test_only_what_stands_beside_another_can_be_adjudicated(ws: Workspace, both: list[Verdict]) -> None:
    with pytest.raises(InvalidAnnotations, match="found no verdict beside"):
        adjudicate(ws, both[0].id, [both[0].id], client_id="t")
    with pytest.raises(NotFound, match="found no verdict nope that stands"):
        adjudicate(ws, "nope", [both[0].id], client_id="t")
    adjudicate(ws, both[0].id, [both[1].id], client_id="t")
    with pytest.raises(Conflict, match="settled by another verdict"):
        adjudicate(ws, both[1].id, [both[0].id], client_id="u")


def test_whether_a_place_has_a_span_is_decided_either_way(ws: Workspace, candles: Candles) -> None:
    added = _say(ws, candles, "ann", "add", 200, 215)
    none = _say(ws, candles, "ben", "nothing", 195, 218)
    (found,) = annotator_agreement(ws)
    assert [one.difference for one in found.differences] == ["label"]
    for right, other, spans in ((none, added, 0), (added, none, 1)):
        third, _ = adjudicate(ws, right.id, [other.id], client_id=f"third {spans}", annotator="cleo")
        facts = known_facts(ws, **EURUSD, functions=None)
        assert (third.action, third.labels, len(facts.annotations)) == (right.action, right.labels, spans)
        assert len(facts.reviewed) == 1
        ws.store.verdicts.retract(third.id)


def test_candles_are_read_only_where_two_judged_and_once_while_they_stay(
    ws: Workspace, candles: Candles, both: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    store_candles(ws, replace(candles, pair="GBPUSD"))
    bounds = {"start_time": int(candles.time[10]), "end_time": int(candles.time[19])}
    judged = JudgedPrediction(label="flag", model_version="3", **bounds)
    alone = Feedback(
        client_id="a", pair="GBPUSD", timeframe="1h", action="confirm", prediction=judged, annotator="ann"
    )
    record_verdict(ws, alone)
    read: list[str] = []
    whole = CandleArchive.read

    def counting(archive: CandleArchive, pair: str, timeframe: str, **bounds: Any) -> Candles:
        read.append(pair)
        return whole(archive, pair, timeframe, **bounds)

    monkeypatch.setattr(CandleArchive, "read", counting)
    stored = StoredCandles(ws)
    assert annotator_agreement(ws, stored=stored) == annotator_agreement(ws, stored=stored) != []
    assert read == ["EURUSD"]
