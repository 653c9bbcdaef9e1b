"""Who is signed in: sessions of many browsers at once, and what one that is signed out can still say."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app import signing_in
from app.review.answers import answer
from app.signing_in import STAYS_S, _Sessions
from mllib.errors import NotReady


def test_browsers_that_sign_in_at_once_all_stay_signed_in() -> None:
    sessions = _Sessions()
    with ThreadPoolExecutor(16) as browsers:
        tokens = list(browsers.map(lambda n: sessions.begin(f"key {n}", now=0), range(400)))
    assert [sessions.key_id(token, now=1) for token in tokens] == [f"key {n}" for n in range(400)]


def test_sessions_that_have_ended_are_let_go_of() -> None:
    sessions = _Sessions()
    old = sessions.begin("ada", now=0)
    assert sessions.key_id(old, now=STAYS_S) is None
    sessions.begin("bob", now=STAYS_S)
    assert old not in sessions.known


def test_an_open_deck_of_somebody_signed_out_stores_nothing_and_tells_nothing(
    ws, console, monkeypatch
) -> None:
    monkeypatch.setattr(signing_in, "is_open", lambda: False)
    said = {"client_id": "one", "pair": "EURUSD", "timeframe": "1h", "action": "skip", "annotator": "bob"}
    said |= {"label": "flag", "start_time": 0, "end_time": 3_600}
    with pytest.raises(NotReady, match="signed out"):
        answer({"seq": 1, "tab": "t", "annotator": "bob", "outbox": [said]})
    assert ws.store.verdicts.list(with_skips=True) == []


def test_who_left_through_the_provider_is_known_as_long_as_their_cookie_would_count() -> None:
    sessions = _Sessions()
    sessions.leave("ada", now=0)
    assert sessions.has_left("ada")
    assert not sessions.has_left("bob")
    sessions.leave("bob", now=STAYS_S)
    assert sessions.left.keys() == {"bob"}
