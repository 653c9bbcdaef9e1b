from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from mllib.errors import NotReady
from mllib.pipeline.judging import Said, deliver, take_back
from mllib.pipeline.workspace import Workspace, open_workspace
from mllib.spans import JudgedPrediction
from mllib.store import Feedback
from tests.waves import at, wave

BARS = 200


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with open_workspace(tmp_path) as opened:
        opened.candles.merge(wave(BARS))
        yield opened


def said(client_id="one", action="confirm", **how) -> Said:
    prediction = JudgedPrediction(
        label="bull_flag", confidence=0.8, start_time=at(40), end_time=at(50), model_version="3"
    )
    values = {"annotator": "ada", "prediction": prediction, "pair": "EURUSD", "timeframe": "1h"} | how
    return Said(feedback=Feedback(client_id=client_id, action=action, **values))


def test_what_arrives_twice_is_stored_once(ws) -> None:
    first, again = deliver(ws, said()), deliver(ws, said())
    assert first.verdict_id == again.verdict_id
    assert (first.refused, first.elsewhere, again.elsewhere) == (None, False, False)
    assert len(ws.store.verdicts.list()) == 1


def test_what_was_taken_back_is_gone_whichever_arrives_first(ws) -> None:
    deliver(ws, said())
    undone = replace(said(), taken_back=True)
    assert deliver(ws, undone) == deliver(ws, undone)
    deliver(ws, said())
    assert ws.store.verdicts.list() == []
    deliver(ws, replace(said("never sent before"), taken_back=True))
    deliver(ws, said("never sent before"))
    assert ws.store.verdicts.list() == []


def test_the_same_from_another_tab_counts_once(ws) -> None:
    first = deliver(ws, said("tab one"))
    second = deliver(ws, said("tab two"))
    assert (second.verdict_id, second.elsewhere) == (first.verdict_id, True)
    assert [v.client_id for v in ws.store.verdicts.list()] == ["tab one"]


def test_blanks_around_a_name_make_no_other_annotator(ws) -> None:
    assert deliver(ws, said("one", annotator=" ada ")).verdict_id is not None
    assert deliver(ws, said("two", annotator="ada")).elsewhere
    assert deliver(ws, said("three", annotator="  ")).verdict_id is not None
    assert [v.annotator for v in ws.store.verdicts.list()] == [None, "ada"]
    assert "at character 2" in (deliver(ws, said("four", annotator="a\0")).refused or "")


def test_what_was_visible_ends_with_a_candle(ws) -> None:
    refused = deliver(ws, said(as_of=at(60) + 1)).refused or ""
    assert f"as_of: found {at(60) + 1} " in refused
    assert f"the nearest is {at(60)} " in refused
    assert deliver(ws, said(as_of=at(60))).verdict_id is not None


def test_two_tabs_at_once_count_once(ws) -> None:
    tabs = [Thread(target=deliver, args=(ws, said(f"tab {n}"))) for n in range(8)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert len(ws.store.verdicts.list()) == 1


def test_something_else_from_another_tab_is_refused_until_the_first_is_taken_back(ws) -> None:
    deliver(ws, said("tab one"))
    refused = deliver(ws, said("tab two", "dismiss")).refused
    assert refused is not None
    assert "ada had said confirm of it elsewhere" in refused
    assert "Take that one back" in refused
    deliver(ws, replace(said("tab one"), taken_back=True))
    assert deliver(ws, said("tab three", "dismiss")).verdict_id is not None


def test_corrections_are_the_same_only_with_the_same_result(ws) -> None:
    deliver(ws, said("one", "correct", end_time=at(60)))
    assert deliver(ws, said("two", "correct", start_time=at(40), end_time=at(60))).elsewhere
    assert deliver(ws, said("three", "correct", end_time=at(61))).refused


def test_two_annotators_and_two_model_versions_are_all_kept(ws) -> None:
    later = replace(said().feedback.prediction, model_version="4")
    for one in (said("a"), said("b", "dismiss", annotator="bob"), said("c", "dismiss", prediction=later)):
        assert deliver(ws, one).refused is None
    assert len(ws.store.verdicts.list()) == 3


def test_added_spans_are_never_taken_for_one_another(ws) -> None:
    for last, client_id in ((9, "a"), (10, "b")):
        span = {"label": "wedge", "start_time": at(3), "end_time": at(last), "prediction": None}
        assert deliver(ws, said(client_id, "add", **span)).verdict_id is not None
    assert len(ws.store.verdicts.list()) == 2


def test_that_nothing_is_missing_at_a_place_counts_once_an_annotator(ws) -> None:
    bounds = {"start_time": at(60), "end_time": at(80)}

    def none(client_id: str, annotator: str, *labels: str) -> Said:
        return said(client_id, "nothing", prediction=None, annotator=annotator, labels=labels, **bounds)

    first, again = (deliver(ws, none(name, "ada", "flag", "cup")) for name in ("one", "two"))
    assert (again.verdict_id, again.elsewhere) == (first.verdict_id, True)
    others = [deliver(ws, none("three", "bob", "cup", "flag")), deliver(ws, none("four", "ada", "flag"))]
    assert not any(one.elsewhere for one in others)
    assert len(ws.store.verdicts.list()) == 3


def test_a_refusal_says_why_and_what_to_do(ws) -> None:
    refused = deliver(ws, said("one", "correct", end_time=at(BARS + 5))).refused
    assert refused is not None
    assert "outside the candles" in refused


def test_what_the_database_cannot_take_now_is_to_be_sent_again(ws, monkeypatch) -> None:
    def locked(*_):
        raise NotReady("database: found it locked, expected it free. Try again.")

    monkeypatch.setattr("mllib.store.verdicts.VerdictRepository.record", locked)
    delivery = deliver(ws, said())
    assert (delivery.verdict_id, delivery.refused) == (None, None)
    assert delivery.delayed == "database: found it locked, expected it free. Try again."


def test_a_verdict_of_an_earlier_session_is_taken_back_by_its_id(ws) -> None:
    stored = deliver(ws, said())
    assert take_back(ws, "q1", str(stored.verdict_id), "ada").verdict_id == stored.verdict_id
    assert take_back(ws, "q1", str(stored.verdict_id), "ada").verdict_id == stored.verdict_id
    assert ws.store.verdicts.list() == []
    assert "found none of that id" in str(take_back(ws, "q2", "unknown", "ada").refused)


def added(client_id: str, **how) -> Said:
    span = {"label": "bull_flag", "start_time": at(60), "end_time": at(70)}
    return said(client_id, "add", prediction=None, **(span | how))


def test_a_span_that_a_person_has_there_is_not_added_once_more(ws) -> None:
    first = deliver(ws, added("one"))
    assert deliver(ws, added("one")) == first
    for other in (added("two"), added("three", annotator="bob")):
        refused = deliver(ws, other).refused
        assert refused is not None
        assert "this span is there already, by ada" in refused
    assert len(ws.store.annotations.list("EURUSD", "1h")) == 1
    assert deliver(ws, added("four", label="bear_flag")).refused is None
    assert deliver(ws, added("five", end_time=at(71))).refused is None


def test_a_span_that_was_taken_back_can_be_added_anew(ws) -> None:
    deliver(ws, added("one"))
    deliver(ws, replace(added("one"), taken_back=True))
    assert deliver(ws, added("two")).refused is None
    assert len(ws.store.annotations.list("EURUSD", "1h")) == 1
