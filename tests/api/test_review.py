import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.main import create_app
from api.routes import review
from mllib.candles import Candles
from mllib.pipeline.workspace import Workspace
from mllib.spans import ReviewedRange
from tests.api.conftest import BASE_URL
from tests.api.test_predictions import limited

EURUSD = {"pair": "EURUSD", "timeframe": "1h"}


def test_predictions_that_people_did_not_draw_are_told_where_they_looked(
    client: TestClient, ws: Workspace, history: Candles
) -> None:
    assert client.get("/disagreements", params=EURUSD).json()["disagreements"] == []
    first, last = int(history.time[300]), int(history.time[900])
    labels = frozenset({"bullish_engulfing", "bearish_engulfing"})
    ws.store.annotations.add("EURUSD", "1h", [], reviewed=[ReviewedRange(first, last, labels)])
    answer = client.get("/disagreements", params={**EURUSD, "timeframe": "1H"}).json()
    bounds = {"start_date": first, "end_date": last}
    batch = client.post("/predict/batch", json={**EURUSD, **bounds}).json()
    expected = [
        one
        for one in batch["spans"]
        if one["label"] in labels and one["start_time"] >= first and one["end_time"] <= last
    ]
    found = answer["disagreements"]
    assert expected
    assert [one["predicted"] for one in found] == sorted(
        expected, key=lambda one: (-one["start_time"], one["label"])
    )
    assert {(one["kind"], one["human"]) for one in found} == {("missed_by_human", None)}
    assert (answer["timeframe"], answer["model_version"]) == ("1h", "1")


def test_the_queue_shows_what_nobody_has_judged(client: TestClient, history: Candles) -> None:
    params = {**EURUSD, "limit": 5, "end_time": int(history.time[900])}
    first = client.get("/queue", params=params).json()["spans"]
    assert len(first) == 5
    doubts = [abs(one["avg_confidence"] - 0.5) for one in first]
    assert doubts == sorted(doubts)
    names = ("label", "start_time", "end_time")
    prediction = {**{name: first[0][name] for name in names}, "confidence": first[0]["avg_confidence"]}
    said = {"client_id": "c", **EURUSD, "action": "dismiss", "prediction": prediction}
    assert client.post("/feedback", json=said).status_code == 201
    assert first[0] not in client.get("/queue", params=params).json()["spans"]


@pytest.mark.parametrize("path", ["/disagreements", "/queue"])
@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({"pair": "XAUUSD"}, 404, "XAUUSD 1h: found no stored candles"),
        ({"timeframe": "1M"}, 422, "1m for one minute or 1mo for one month"),
        ({"start_time": 2_000, "end_time": 1_000}, 422, "expected its start before its end"),
        ({"limit": 0}, 422, "query.limit"),
    ],
)
def test_what_cannot_be_looked_through_is_refused(
    client: TestClient,
    refusal: Callable[..., None],
    path: str,
    changed: dict[str, Any],
    status: int,
    said: str,
) -> None:
    refusal(client.get(path, params={**EURUSD, **changed}), status, said)


@pytest.mark.parametrize("path", ["/disagreements", "/queue"])
def test_without_a_model_there_is_nothing_to_compare(
    modelless: TestClient, refusal: Callable[..., None], path: str
) -> None:
    refusal(modelless.get(path, params=EURUSD), 503, "model: none is loaded")


@pytest.mark.parametrize(
    ("path", "name"), [("/disagreements", "find_disagreements"), ("/queue", "find_undecided")]
)
def test_what_takes_longer_than_a_batch_may_is_told_so(
    ws: Workspace, refusal: Callable[..., None], monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(review, name, lambda *_, **__: go_on.wait(10))
    with TestClient(create_app(limited(ws, batch_s=3)), base_url=BASE_URL) as client:
        answer = client.get(path, params=EURUSD)
        go_on.set()
    refusal(answer, 503, "found no answer within the time")
    assert int(answer.headers["Retry-After"]) > 0
