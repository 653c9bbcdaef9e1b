"""What the deck is answered: each part by itself, so that one that fails leaves the others."""

from types import SimpleNamespace

import pytest

from app.review import answers as reviewing
from app.review.answers import answer
from mllib.errors import NotReady
from tests.waves import START, at, wave

BARS = 300


@pytest.fixture
def stored(ws, console):
    """Candles without a model; `console` closes what the session keeps."""
    ws.candles.merge(wave(BARS))
    ws.store.series.ensure("EURUSD", "1h")
    return ws


def asked(**parts):
    return {"seq": 7, "tab": "t", "annotator": "ada"} | parts


def kept(client_id="one", **how):
    prediction = {
        "label": "bull_flag",
        "confidence": 0.8,
        "start_time": at(40),
        "end_time": at(50),
        "model_version": "3",
    }
    said = {"client_id": client_id, "pair": "EURUSD", "timeframe": "1h", "action": "confirm"}
    return said | {"prediction": prediction, "annotator": "ada"} | how


def place(pair="EURUSD"):
    bounds = {"start_time": at(100), "end_time": at(109)}
    return {"key": f"{pair} here", "pair": pair, "timeframe": "1h", "label": None} | bounds


def test_to_no_question_the_deck_is_told_what_it_needs_to_begin(stored) -> None:
    reply = answer(None)
    assert (reply["seq"], reply["model"], reply["series"]) == (0, None, ["EURUSD 1h"])
    assert reply["signed_in"] is None


def test_what_was_said_is_stored_and_acknowledged_under_its_id(stored) -> None:
    reply = answer(asked(outbox=[kept(), kept("two", taken_back=True, note="x")], today_since=0))
    one, two = reply["deliveries"]
    assert (one["client_id"], two["client_id"]) == ("one", "two")
    assert (reply["seq"], reply["tab"], reply["today"]) == (7, "t", 1)
    (verdict,) = stored.store.verdicts.list()
    assert verdict.id == one["verdict_id"]
    assert (verdict.annotator, verdict.prediction.model_version) == ("ada", "3")


def test_what_another_version_has_kept_is_refused_and_blocks_nothing(stored) -> None:
    reply = answer(asked(outbox=[{"client_id": "old", "verdict": "yes"}, kept()]))
    old, new = reply["deliveries"]
    assert "cannot be read" in old["refused"]
    assert new["verdict_id"]


def test_a_verdict_said_under_another_name_waits_for_its_owner_to_sign_in(stored, monkeypatch) -> None:
    monkeypatch.setattr(reviewing, "signed_in_name", lambda: "bob")
    reply = answer(asked(outbox=[kept(), kept("two", annotator="bob")]))
    assert "said by ada" in reply["deliveries"][0]["delayed"]
    assert [v.annotator for v in stored.store.verdicts.list()] == ["bob"]


def test_a_place_that_cannot_be_shown_leaves_the_others(stored) -> None:
    places = answer(asked(want=[place(), place("GBPUSD")]))["places"]
    assert len(places["EURUSD here"]["candles"]) >= 5
    assert places["EURUSD here"]["first_bar"] == 25
    assert "GBPUSD" in places["GBPUSD here"]["error"]


def test_before_the_first_model_there_is_an_empty_queue_and_a_series_to_browse(stored) -> None:
    reply = answer(asked(queue={"id": "q"}, browse={"id": "b", "series": "EURUSD 1h"}))
    assert reply["queue"] == {"id": "q", "entries": [], "notes": []}
    assert reply["browse"]["entries"] == []
    assert (reply["browse"]["first_time"], reply["browse"]["at"]) == (START, at(BARS - 1))


def test_a_verdict_of_an_earlier_session_is_taken_back(stored) -> None:
    verdict_id = answer(asked(outbox=[kept()]))["deliveries"][0]["verdict_id"]
    reply = answer(asked(take_back=[{"client_id": "q", "verdict_id": verdict_id}]))
    assert reply["deliveries"] == [
        {
            "client_id": "q",
            "verdict_id": verdict_id,
            "refused": None,
            "delayed": None,
            "elsewhere": False,
        }
    ]
    assert stored.store.verdicts.list() == []


def test_a_series_that_could_not_be_read_is_tried_again_by_who_asks_again(stored, monkeypatch) -> None:
    info = SimpleNamespace(run_id="r", model_version="3")
    model = SimpleNamespace(info=info, labels=("flag",), trained_on=())
    monkeypatch.setattr(reviewing, "predictor", lambda: model)
    tried = []

    def locked(*_, **__):
        tried.append(1)
        raise NotReady("database: found it locked. Try again.")

    monkeypatch.setattr(reviewing, "sweep_series", locked)
    wish = {"id": "w", "series": "EURUSD 1h"}
    for times in (1, 2):
        while "progress" in (told := answer(asked(browse=wish))["browse"]):
            pass
        assert told == {"error": "database: found it locked. Try again."}
        assert len(tried) == times
